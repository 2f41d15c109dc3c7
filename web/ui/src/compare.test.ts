import { describe, expect, test } from "vitest";
import type { FeatureHistory, Group, Num } from "./api";
import { apartText, asHost, comparePath, counts, differences, groupLabels, madeOf, nameOf, nearby, overlay } from "./compare";
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

describe("a group", () => {
  const group = (more: Partial<Group> = {}): Group => ({ host: "s/node/web-1", label: "role", value: "web", hosts: 3, hosts_read: 3, hosts_elsewhere: 0, step_seconds: 60, failed: [],
    features: [{ feature: "load", unit: "1", times: at, median: at.map(() => 5), low: at.map(() => 4), high: at.map(() => 8), hosts: at.map(() => 3) }], ...more });
  test("is compared as a host is, in units of the wider of band and range", () => expect(differences([line("load", () => 9, [0, 2])], asHost(group()), 0, 1000, 1600)[0]!.apart).toBe(1));
  test("its gaps are left out", () => {
    const g = group();
    g.features[0]!.median = at.map((_, i) => (i < 30 ? null : 5));
    expect(differences([line("load", (t) => (t < 1300 ? 99 : 5))], asHost(g), 0, 1000, 1600)[0]!.apart).toBe(0);
  });
  test("its range is drawn, another host's band is not", () => {
    const b = asHost(group())[0]!;
    expect([overlay(undefined, b, 0, true).high?.[0], overlay(undefined, b, 0, true).low?.[0], overlay(undefined, b, 0).high]).toEqual([8, 4, undefined]);
  });
  test.each([[{}, "of 3 hosts"], [{ hosts: 1, hosts_read: 1, hosts_elsewhere: 1 }, "of 1 host; 1 host of another source or profile is left out"],
    [{ hosts: 5000, hosts_read: 40, hosts_elsewhere: 2 }, "of 40 of 5000 hosts, chosen evenly; 2 hosts of another source or profile are left out"], [{ hosts: 0, hosts_read: 0 }, "of no other host"]])("%j in words", (more, want) => expect(madeOf(group(more))).toBe(want));
  test("of how many", () => expect([counts([3, 3]), counts([2, 3, 0])]).toEqual(["3", "0–3"]));
  test("by its role first, and always by its profile", () =>
    expect([groupLabels({ name: "web-1", labels: { dc: "a", job: "node", role: "web", instance: "web-1" } }), groupLabels({ name: "x", labels: {} })]).toEqual([["role", "job", "dc", "profile"], ["profile"]]));
  test("is in the address", () => expect(comparePath("s/node/web-1", readView("?last=6h"), "role")).toBe("/compare?last=6h&group=role&a=s%2Fnode%2Fweb-1"));
});
