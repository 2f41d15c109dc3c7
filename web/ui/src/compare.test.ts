import { describe, expect, test } from "vitest";
import type { FeatureHistory, Num } from "./api";
import { apartText, comparePath, differences, nameOf, nearby, overlay } from "./compare";
import { readView } from "./view";

const at = Array.from({ length: 60 }, (_, i) => 1000 + i * 10);
const line = (feature: string, value: (t: number) => Num, band: [number, number] | null = [0, 10], times = at): FeatureHistory =>
  ({ feature, unit: "1", times, actual: times.map(value), expected: times.map(() => 5), lower: band ? times.map(() => band[0]) : [], upper: band ? times.map(() => band[1]) : [] });

describe("differences", () => {
  test("in units of the wider band, the largest first", () => {
    const a = [line("near", () => 5), line("far", () => 25), line("narrow", () => 5, [4, 6])], b = [line("far", () => 5), line("near", () => 6), line("narrow", () => 9, [0, 4])];
    expect(differences(a, b, 0, 1000, 1600).map((d) => [d.feature, d.apart])).toEqual([["far", 2], ["narrow", 1], ["near", 0.1]]);
  });
  test("a week before is compared with the same moments of it", () => {
    const week = 604800, wave = (t: number) => (t % 600 < 300 ? 0 : 20), before = at.map((t) => t - week);
    const a = line("load", wave), same = line("load", (t) => wave(t + week), [0, 10], before);
    expect(differences([a], [same], week, 1000, 1600)[0]!.apart).toBe(0);
    expect(differences([a], [same], 0, 1000, 1600)[0]!.apart).toBeNull(); // nothing of both is at one time
  });
  test("samples at other instants are compared all the same", () => {
    const b = line("load", () => 7, [0, 10], at.map((t) => t + 3));
    expect(differences([line("load", () => 5)], [b], 0, 1000, 1600)[0]!.apart).toBeCloseTo(0.2);
  });
  test("without a band, or of one host alone, nothing is said, and they are last by name", () => {
    const a = [line("z", () => 5), line("bare", () => 5, null), line("alone", () => 5)], b = [line("z", () => 5), line("bare", () => 50, null)];
    const d = differences(a, b, 0, 1000, 1600);
    expect(d.map((x) => [x.feature, x.apart])).toEqual([["z", 0], ["alone", null], ["bare", null]]);
    expect([d[1]!.b, d.map((x) => apartText(x.apart))]).toEqual([undefined, ["the same", "not comparable", "not comparable"]]);
  });
  test("gaps are left out", () => expect(differences([line("x", (t) => (t < 1300 ? null : 5))], [line("x", (t) => (t < 1300 ? 99 : 5))], 0, 1000, 1600)[0]!.apart).toBe(0));
  test.each([[0.001, "the same"], [0.234, "0.23× the expected band"], [45.6, "46× the expected band"]])("%d in words", (v, want) => expect(apartText(v)).toBe(want));
});

describe("both on one axis", () => {
  test("each keeps its samples and its gaps, the other's instants are none of its", () => {
    const o = overlay(line("x", (t) => (t === 20 ? null : t), [0, 1], [10, 20, 30]), line("x", (t) => -t, [0, 1], [5, 20]), 10);
    expect(o).toEqual({ times: [10, 15, 20, 30], a: [10, undefined, null, 30], b: [undefined, -5, undefined, -20], lower: [0, undefined, 0, 0], upper: [1, undefined, 1, 1] });
  });
  test("at an instant of the other a line has its nearest value, a gap too", () => {
    const line = [1, undefined, undefined, null, undefined];
    expect([0, 1, 2, 3, 4].map((i) => nearby(line, i))).toEqual([1, 1, null, null, null]);
    expect(nearby([undefined], 0)).toBeUndefined();
  });
  test("of one alone", () => expect(overlay(undefined, line("x", (t) => t, null, [1]), 0)).toEqual({ times: [1], a: [undefined], b: [1], lower: [undefined], upper: [undefined] }));
});

test("a name is what follows source and profile", () => expect([nameOf("prom/k8s/shop/cart"), nameOf("web-1")]).toEqual(["shop/cart", "web-1"]));
test("from a host's page its span is kept", () =>
  expect(comparePath("prom/node/web-1", readView("?last=6h&sel=x&q=y"))).toBe("/compare?last=6h&a=prom%2Fnode%2Fweb-1"));
