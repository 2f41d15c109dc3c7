import { describe, expect, test } from "vitest";
import type { BudgetReplay, Model, NewLevel, TrustKind, TrustWeek, TrustWeeks } from "./api";
import { bars, kept, kindText, pages, promiseSentence, replayNotes, trustIn, trustMarks, weekText } from "./trust";

const now = new Date(2026, 10, 29, 12).getTime(), day = 86_400_000;
const week = (n: number, more: Partial<TrustWeek> = {}): TrustWeek =>
  ({ from: new Date(now - (n + 1) * 7 * day).toISOString(), to: new Date(now - n * 7 * day).toISOString(), host_weeks: 1, notified: 0, real: 0, rejected: 0, per_host_week: 0, ...more });
const of = (...weeks: TrustWeek[]): TrustWeeks => ({ promised_per_host_week: 1, weeks });

describe("the promise", () => {
  test.each([[0, "kept"], [1, "kept"], [1.2, "over"], [null, "unknown"]] as const)("%s per week is %s", (v, want) => expect(kept({ per_host_week: v }, 1)).toBe(want));
  test("a sentence", () => {
    expect(promiseSentence(of(week(1, { per_host_week: null }), week(0, { per_host_week: null })))).toMatch(/^Too short/);
    expect(promiseSentence(of(week(1, { per_host_week: null }), week(0)))).toBe("Kept in the one week that was watched.");
    expect(promiseSentence(of(week(2, { per_host_week: 3 }), week(1), week(0)))).toBe("Over what was promised in 1 of the 3 weeks that were watched.");
  });
  test("a week in words", () => {
    expect(weekText(week(0, { notified: 4, real: 1, rejected: 2, per_host_week: 3 }), 1)).toMatch(/: people were notified of 4 \(1 real, 2 rejected, 1 not judged\); 3 not real per host and week, 1 promised$/);
    expect(weekText(week(0, { per_host_week: null }), 1)).toMatch(/: not watched$/);
    expect(weekText(week(0), 1)).toMatch(/: people were notified of 0; 0 not real/);
  });
  test("bars share one scale, in which the promise is at the middle or below", () => {
    const b = bars(of(week(1, { per_host_week: 4 }), week(0, { per_host_week: 1 })));
    expect([b.line, ...b.bars.map((x) => x.height)]).toEqual([0.25, 1, 0.25]);
    expect(bars(of(week(0))).line).toBe(0.5);
  });
});

test("what moves the yardstick is marked where it was", () => {
  const model = (served: number, limit: number) => ({ served: [{ from: new Date(now - served * day).toISOString(), to: null }], trained_at: null, serving: true, card: { limit: { chosen: limit } } }) as unknown as Model;
  const level = { at: new Date(now - 7 * day).toISOString(), text: "memory_used: new level 41 %" } as NewLevel;
  const marks = trustMarks(of(week(1), week(0)), [model(3.5, 4.1), model(10.5, 5.5), model(60, 9)], [level]);
  expect(marks.map((m) => [m.where, m.text])).toEqual([[0.25, "new model, limit 9 → 5.5"], [0.5, "memory used: new level 41 %"], [0.75, "new model, limit 5.5 → 4.1"]]);
});

test("a kind of fault in words", () => {
  const k = (more: object) => kindText({ kind: "leak", seen: true, recall: 0.4375, sizes: [2, 4], recalls: [], marked: [], smallest: 8, delay_seconds: 60, lasts_seconds: null, examples: [], ...more } as TrustKind);
  expect(k({})).toBe("leaks: 44 % of those tried are found, half of them from 8 standard deviations on, after 60 s");
  expect(k({ smallest: null, recall: 0, delay_seconds: null })).toBe("leaks: 0 % of those tried are found, half of them at no size");
  expect(k({ kind: "stuck", sizes: [], smallest: null, recall: 1 })).toBe("stuck values: 100 % of those tried are found, after 60 s");
  expect(k({ kind: "slow_drift", recall: 0.5, marked: [0.25, 0.75], smallest: 4 })).toBe("slow drifts: 50 % of those tried are found, half of them from 4 standard deviations on, after 60 s; 50 % are marked on the timeline, of which nobody is notified");
});

test("a host is found by its whole id", () => {
  const r = { total: 2, hosts: [{ id: "a/b/web-10" }, { id: "a/b/web-1" }] } as never;
  expect(trustIn(r, "a/b/web-1")?.id).toBe("a/b/web-1");
  expect(trustIn(r, "a/b/web")).toBeUndefined();
});

describe("a replay", () => {
  const r = (more: object) => replayNotes({ state: "done", replayed_hosts: 0, actual: 0, step_seconds: null, days: null, skipped_hosts: 0, err: "", ...more } as unknown as BudgetReplay);
  test("says nothing before there is something", () => expect(r({ state: "running" })).toEqual([]));
  test("sets what was notified in truth beside it, and what it rests on", () =>
    expect(r({ replayed_hosts: 2, actual: 3, step_seconds: 75, days: 29.97, skipped_hosts: 1, err: "it ended early: 15m0s were over" })).toEqual([
      "In truth people were notified of 3 on these hosts then, with the silences, windows and fleet incidents that there were.", "Read every 75 s, with 30 days for each host on average.", "1 host has too little history.", "it ended early: 15m0s were over"]));
  test("says why it failed", () => expect(r({ state: "failed", err: "too few" })).toEqual(["too few"]));
  test("a budget in words", () => expect([pages(1), pages(0.5), pages(1 / 3)]).toEqual(["1 page per host and week", "0.5 pages per host and week", "0.333 pages per host and week"]));
});
