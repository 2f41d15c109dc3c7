import { describe, expect, test } from "vitest";
import type { ScoreHistory } from "./api";
import { grown } from "./moving";

describe("a history that grows", () => {
  const at = (s: number) => new Date(1_800_000_000_000 + s * 1000).toISOString(), t = (s: number) => 1_800_000_000 + s;
  const h = { host: "h", limit: 1, step_seconds: 10, times: [t(0), t(10), t(20)], scores: [1, 2, 3], level: [1, 1, 1] } as ScoreHistory;
  const grow = (s: number, score: number | null, of = h, last = 3600) => grown(of, { scored_at: at(s), score, level: 1 }, last);
  test("by a point a step", () => expect(grow(30, 4).scores).toEqual([1, 2, 3, 4]));
  test("of a step the highest stays", () => {
    expect(grow(24, 5).scores).toEqual([1, 2, 5]);
    expect(grow(24, 2)).toBe(h);
  });
  test("what was there already, or is no score, adds nothing", () => {
    expect(grow(20, 9)).toBe(h);
    expect(grow(40, null)).toBe(h);
    expect(grown(h, { scored_at: null, score: 1, level: 1 }, 3600)).toBe(h);
  });
  test("time in which nothing was heard is a gap", () => expect(grow(300, 4)).toMatchObject({ times: [t(0), t(10), t(20), t(30), t(300)], scores: [1, 2, 3, null, 4] }));
  test("what is before the span goes, but for the point at its edge", () => expect(grow(30, 4, h, 15).times).toEqual([t(10), t(20), t(30)]));
  test("the first point", () => expect(grow(1, 4, { ...h, times: [], scores: [], level: [] }).scores).toEqual([4]));
});
