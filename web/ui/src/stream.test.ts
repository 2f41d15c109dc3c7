import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ScoreHistory } from "./api";
import { QueryClient } from "@tanstack/react-query";
import { follow, gather, grown, seenIn } from "./stream";

describe("keys that are gathered", () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });
  test("the first at once, then all together, each once, and nothing without a change", () => {
    const got: unknown[][] = [], gathered = gather(1000, (all) => got.push(all.map((d) => d.queryKey))), add = (keys: string[][]) => gathered(keys.map((queryKey) => ({ queryKey })));
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

test("of two reasons to read some lists again both count, and one for all wins", () => {
  vi.useFakeTimers();
  const got: ((p: { kind?: string }) => boolean)[] = [], add = gather(1000, (all) => all.forEach((d) => got.push(d.of ?? (() => true))));
  add([{ queryKey: ["x"] }]);
  add([{ queryKey: ["l"], of: (p) => p.kind === "a" }]);
  add([{ queryKey: ["l"], of: (p) => p.kind === "b" }]);
  vi.advanceTimersByTime(1000);
  expect(["a", "b", "c"].map((kind) => got[1]!({ kind }))).toEqual([true, true, false]);
  add([{ queryKey: ["l"], of: () => false }]);
  add([{ queryKey: ["l"] }]);
  vi.advanceTimersByTime(1000);
  expect(got[2]!({})).toBe(true);
  vi.useRealTimers();
});

describe("a change of an incident", () => {
  const due = (kind: "opened" | "updated" | "acted", about: "host" | "omen" | "forecast") => seenIn({ incident: "i", kind, incident_kind: about });
  const names = (all: ReturnType<typeof due>) => all.map((d) => d.queryKey[0]);
  test("is read again where it is seen, and nowhere else", () => {
    expect(names(due("opened", "host"))).toEqual(["incidents", "incident", "plan", "explain", "status"]);
    expect(names(due("updated", "host"))).not.toContain("status");
    expect(names(due("acted", "host"))).toContain("actions");
    expect(names(due("opened", "forecast"))).toContain("forecasts");
    expect(names(due("opened", "omen"))).toContain("receivers");
  });
  test("in lists of its kind", () => {
    const lists = due("opened", "host")[0]!.of!;
    expect([{}, { kind: "omen" }, { kind: "fleet,host" }].map(lists)).toEqual([true, false, true]);
  });
});

describe("the stream of a tab", () => {
  class Stream extends EventTarget { static all: Stream[] = []; open = true; constructor() { super(); Stream.all.push(this); } close() { this.open = false; } }
  const page = Object.assign(new EventTarget(), { hidden: false }), open = () => Stream.all.filter((s) => s.open).length;
  const hide = (hidden: boolean) => { page.hidden = hidden; page.dispatchEvent(new Event("visibilitychange")); };
  beforeEach(() => { Stream.all = []; page.hidden = false; vi.useFakeTimers(); vi.stubGlobal("document", page); vi.stubGlobal("EventSource", Stream); vi.stubGlobal("navigator", { onLine: true }); });
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
  test("asks for what a beat says is another, and for nothing while it is the same", () => {
    const client = new QueryClient(), asked = vi.spyOn(client, "invalidateQueries"), end = follow(client);
    const beat = (state: number, rules: number, sent: number) => Stream.all[0]!.dispatchEvent(Object.assign(new Event("beat"), { data: JSON.stringify({ state, rules, sent }) }));
    const after = (...b: [number, number, number]) => { asked.mockClear(); beat(...b); vi.advanceTimersByTime(5000); return asked.mock.calls.map((c) => c[0]?.queryKey?.[0]); };
    expect(after(1, 1, 1)).toEqual([]);
    expect(after(1, 1, 1)).toEqual([]);
    expect(after(1, 1, 2)).toEqual(["incident", "receivers"]);
    expect(after(1, 2, 2)).toEqual(["silences", "windows", "events", "occurrences", "patterns"]);
    expect(after(2, 2, 2)).toEqual(["status", "hosts", "incident", "trust", "incidents"]);
    end();
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
