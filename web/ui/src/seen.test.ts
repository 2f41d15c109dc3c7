import { describe, expect, it } from "vitest";
import type { Feature, FeatureHistory } from "./api";
import { joined, needed, nothing, taken, type Seen } from "./seen";

const start = 1_000_000;
const sample = (k: number, names = ["a", "b"]) => ({
  last_seen: new Date(1000 * (start + k)).toISOString(),
  features: names.map((name) => ({ name, actual: k, expected: k, lower: k - 1, upper: k + 1 }) as Feature),
});
const history = (feature: string, ...times: number[]): FeatureHistory => ({ feature, unit: "1", times, actual: times, expected: times, lower: times, upper: times });
const all = (n: number, from: (k: number) => number): Seen => {
  let s = nothing;
  for (let k = 1; k <= n; k++) s = taken(s, sample(k), from(k));
  return s;
};

describe("what was seen of features", () => {
  it("does not grow while it is read again and again", () => {
    const s = all(5000, (k) => start + k - 40);
    expect(s.times).toEqual(Array.from({ length: 40 }, (_, i) => start + 4961 + i));
    expect(s.by.get("a")).toEqual({ actual: s.times.map((t) => t - start), expected: s.times.map((t) => t - start), lower: s.times.map((t) => t - start - 1), upper: s.times.map((t) => t - start + 1) });
  });
  it("has an end where nothing is read of a feature", () => {
    const s = all(5000, () => -Infinity);
    expect([s.times.length, s.by.get("b")!.actual.length, s.by.get("b")!.actual[0]]).toEqual([600, 600, 4401]);
  });
  it("is nothing while a time in the past is shown", () => {
    expect(all(3, () => Infinity)).toBe(nothing);
    expect(taken(all(3, () => -Infinity), sample(4), Infinity)).toBe(nothing);
  });
  it("is the same after a sample that it has", () => {
    const s = all(3, () => -Infinity);
    expect(taken(s, sample(3), start + 2)).toBe(s);
  });
  it("has a gap before a feature that came later, and forgets one that is gone", () => {
    const s = taken(taken(nothing, sample(1, ["a", "old"]), -Infinity), sample(2, ["a", "new"]), -Infinity);
    expect([s.by.get("new")!.actual, s.by.get("a")!.actual, s.by.has("old")]).toEqual([[null, 2], [1, 2], false]);
  });
});

describe("from when on it is needed", () => {
  const stored = new Map([["a", history("a", 100, 500)], ["b", history("b", 100, 480)]]), f = (name: string, actual: number | null = 1) => ({ name, actual });
  it.each([
    ["what is read of one feature ends before that of another", [f("a"), f("b")], 300, 450],
    ["an answer is as coarse as a long time makes it", [f("a")], 7200, 428],
    ["nothing is stored of a feature", [f("a"), f("c")], 300, -Infinity],
    ["a feature is not on the host", [f("a"), f("c", null)], 300, 470],
    ["no feature is shown", [], 300, Infinity],
  ])("%s", (_, features, span, want) => expect(needed(features, stored, span)).toBe(want));
  it("leaves no gap between two answers: the next may end earlier by as much as one is read before the other", () => {
    const s = all(600, (k) => needed([f("a")], new Map([["a", history("a", start + 30 * Math.floor(k / 30))]]), 300)), next = history("a", start + 575);
    expect(joined(next, s, s.by.get("a")).times).toEqual(Array.from({ length: 26 }, (_, i) => start + 575 + i));
  });
});
