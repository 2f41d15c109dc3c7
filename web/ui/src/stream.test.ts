import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ScoreHistory } from "./api";
import { QueryClient } from "@tanstack/react-query";
import { follow, gather, grown } from "./stream";

describe("keys that are gathered", () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });
  test("the first at once, then all together, each once, and nothing without a change", () => {
    const got: string[][][] = [], add = gather(1000, (k) => got.push(k));
    add([["a"]]);
    add([["a"], ["b", "1"]]);
    add([["a"]]);
    expect(got).toEqual([[["a"]]]);
    vi.advanceTimersByTime(1000);
    expect(got).toEqual([[["a"]], [["a"], ["b", "1"]]]);
    vi.advanceTimersByTime(5000);
    expect(got).toHaveLength(2);
    add([["c"]]);
    expect(got).toHaveLength(3);
  });
});

describe("the stream of a tab", () => {
  class Stream extends EventTarget { static all: Stream[] = []; open = true; constructor() { super(); Stream.all.push(this); } close() { this.open = false; } }
  const page = Object.assign(new EventTarget(), { hidden: false }), open = () => Stream.all.filter((s) => s.open).length;
  const hide = (hidden: boolean) => { page.hidden = hidden; page.dispatchEvent(new Event("visibilitychange")); };
  beforeEach(() => { Stream.all = []; page.hidden = false; vi.useFakeTimers(); vi.stubGlobal("document", page); vi.stubGlobal("EventSource", Stream); });
  afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); });
  test("is closed while nobody sees it, so that others get answers, and opened again", () => {
    const end = follow(new QueryClient());
    expect(open()).toBe(1);
    hide(true);
    expect(open()).toBe(0);
    vi.advanceTimersByTime(120_000);
    expect(open()).toBe(0);
    hide(false);
    expect(open()).toBe(1);
    end();
    hide(false);
    expect(open()).toBe(0);
  });
  test("is not opened by one that was opened behind another, which reads its state all the same", () => {
    const client = new QueryClient(), asked = vi.spyOn(client, "invalidateQueries");
    page.hidden = true;
    const end = follow(client);
    expect(Stream.all).toHaveLength(0);
    vi.advanceTimersByTime(100_000);
    expect(asked.mock.calls.map((c) => c[0]?.queryKey)).toEqual([["status"], ["status"], ["status"]]);
    end();
  });
});

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
