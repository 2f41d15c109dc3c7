import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { QueryClient } from "@tanstack/react-query";
import { follow, gather, seenIn } from "./stream";

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
  test("asks for what a page read before the first beat, then for what a beat says is another, and for nothing while it is the same", () => {
    const client = new QueryClient(), asked = vi.spyOn(client, "invalidateQueries"), end = follow(client);
    const beat = (state: number, rules: number, sent: number) => Stream.all[0]!.dispatchEvent(Object.assign(new Event("beat"), { data: JSON.stringify({ state, rules, sent }) }));
    const after = (...b: [number, number, number]) => { asked.mockClear(); beat(...b); vi.advanceTimersByTime(5000); return asked.mock.calls.map((c) => c[0]?.queryKey?.[0]); };
    expect(after(1, 1, 1)).toEqual(["status", "hosts", "incident", "trust", "incidents", "silences", "windows", "events", "occurrences", "patterns", "incident", "receivers"]);
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
