import { describe, expect, test } from "vitest";
import type { Action, ActionState, Guard, Planned, Playbook, PlaybookEffect } from "./api";
import { actionColor, benefit, budget, byHand, counts, decisions, filters, guardsOf, inOrder, left, planWords, risk, stateWords } from "./remedy";

const now = Date.parse("2026-11-29T14:00:00Z"), at = (s: number) => new Date(now + 1000 * s).toISOString();
const action = (id: string, state: ActionState, more: object = {}) =>
  ({ id, state, at: at(0), expires: null, next: [], playbook: "restart", does: "rollout_restart", mode: "approve", attempt: 1, why: "", target: { name: "", text: "", replicas: 0, available: 0 }, ...more }) as unknown as Action;
const effect = (more: Partial<PlaybookEffect> = {}): PlaybookEffect =>
  ({ measured: 0, helped: 0, not_helped: 0, worse: 0, unmeasurable: 0, interrupted: 0, recovery_seconds: null, benefit: null, benefit_low: null, benefit_high: null, controls: 0, text: "", promote: "", ...more });
const book = (e: Partial<PlaybookEffect>, today = 3) => ({ name: "restart", per_day: 10, started_today: today, effect: effect(e) }) as Playbook;

describe("the ledger", () => {
  test("every state is in exactly one filter", () =>
    expect(filters.flatMap((f) => f.states.split(",")).filter(Boolean).sort()).toEqual(Object.keys(stateWords).sort()));
  test("what waits comes first, the soonest to expire at its top, then what must be resolved, then the newest", () =>
    expect(inOrder(
      [action("late", "waiting", { expires: at(600) }), action("soon", "waiting", { expires: at(60) }), action("stuck", "stuck", { next: ["resolve"], at: at(-90) })],
      [action("new", "refused", { at: at(-1) }), action("old", "helped", { at: at(-50) })]).map((a) => a.id)).toEqual(["soon", "late", "stuck", "new", "old"]));
  test("a row is shown once, as it was read last", () =>
    expect(inOrder([action("a", "waiting", { expires: at(9) })], [action("a", "approved")]).map((a) => a.state)).toEqual(["approved"]));
  test("what went wrong is not coloured as what helped", () =>
    expect((["helped", "waiting", "measuring", "worse", "stuck", "declined"] as const).map(actionColor)).toEqual(["teal", "orange", "violet", "red", "red", "gray"]));
});

test.each([[125, "2:05 left"], [0.4, "0:01 left"], [0, "its time is over"], [-90, "its time is over"]])("%s s before it expires", (s, want) => {
  expect(left(at(s), now)).toBe(want);
});

test.each([
  [["approve", "decline"], ["Approve", "Decline"]], [["undo"], ["Undo"]], [["resolve"], ["It was done", "It was not done"]], [[], []], [["what a later Omen offers"], []],
])("where %j is next, the buttons are %j", (next, want) => {
  expect(decisions(next).map((d) => d.label)).toEqual(want);
});
test("only an approval is done at once, and only resolving says what happened", () => {
  const all = decisions(["approve", "decline", "undo", "resolve"]);
  expect(all.filter((d) => !d.asks).map((d) => d.label)).toEqual(["Approve"]);
  expect(all.map((d) => d.body.happened)).toEqual([undefined, undefined, undefined, true, false]);
});

describe("the risk of an approval", () => {
  test("what it cannot take back, what is left, how it went before", () =>
    expect(risk(action("a", "waiting", { does: "evict_pod", attempt: 2, target: { name: "x", replicas: 3, available: 2 } }), book({ measured: 6, helped: 4, worse: 1 })))
      .toEqual(["cannot be undone", "2 of 3 pods available", "attempt 2 at this incident", "this playbook helped 4 of 6 times, and made it worse 1 time", "7 of 10 a day left"]));
  test("of a playbook that is new", () => expect(risk(action("a", "waiting"), book({}, 0))).toEqual(["can be undone", "this playbook was never measured", "10 of 10 a day left"]));
  test("of a playbook that is gone, and of a deed that is not known", () => expect(risk(action("a", "waiting", { does: "reboot" }), undefined)).toEqual(["whether it can be undone is not known"]));
  test("more than the budget leaves nothing", () => expect(budget({ per_day: 10, started_today: 12 })).toBe("0 of 10 a day left"));
});

describe("effect", () => {
  test.each([
    [{}, "never measured"], [{ unmeasurable: 2 }, "2 could not be measured"],
    [{ measured: 6, helped: 4, not_helped: 1, worse: 1, interrupted: 3, recovery_seconds: 180 }, "4 of 6 helped, 1 did not, 1 made it worse, 3 had something come between; normal after 3 min (median)"],
  ])("counts %#", (e, want) => expect(counts(effect(e))).toBe(want));
  test("too little to compare has no number", () => {
    expect(benefit(effect())).toBe("not enough to compare");
    expect(benefit(effect({ text: "not enough to compare: 2 actions were measured, 5 are needed" }))).toBe("not enough to compare: 2 actions were measured, 5 are needed");
  });
  test("a number has its interval", () => {
    expect(benefit(effect({ benefit: 0.4, benefit_low: 0.1, benefit_high: 0.68, text: "as known" }))).toBe("40 of 100 more end in time (95 %: 10 to 68); as known");
    expect(benefit(effect({ benefit: -0.2, benefit_low: -0.5, benefit_high: 0.1, text: "x" }))).toBe("20 of 100 fewer end in time (95 %: -50 to 10); x");
  });
});

describe("a plan", () => {
  const guards: Guard[] = [["paused", false], ["asked", false], ["grade", true], ["target", false], ["min_healthy", true]].map(([name, overridable]) => ({ name, asks: `${name as string} is fine`, overridable }) as Guard);
  const plan = (why: Record<string, string>, more: object = {}): Planned => ({ action: action("a", "refused", more), guards: guards.map((g) => ({ guard: g.name, why: why[g.name] ?? "" })) });
  const hand = (p: Planned, rows: Action[] = []) => { const r = byHand(p, guardsOf(p, guards), rows); return [r.blocked, r.override.map((g) => g.guard)]; };

  test("what needs the target is not said to hold", () => {
    expect(guardsOf(plan({ grade: "too young" }), guards).map((g) => g.says)).toEqual(["holds", "holds", "objects", "later", "later"]);
    expect(guardsOf(plan({}, { does: "webhook" }), guards).map((g) => g.says)).toEqual(["holds", "holds", "holds", "later", "holds"]);
    expect(guardsOf(plan({}, { target: { name: "checkout" } }), guards).every((g) => g.says === "holds")).toBe(true);
  });
  test("a guard that the list does not have has a name, and is not overridden", () =>
    expect(guardsOf({ action: action("a", "refused"), guards: [{ guard: "new_one", why: "no" }] }, guards)[0]).toEqual({ guard: "new_one", asks: "new one", why: "no", overridable: false, says: "objects" }));
  test("people override what the API lets them, and nothing else", () => {
    expect(hand(plan({}))).toEqual(["", []]);
    expect(hand(plan({ grade: "too young", min_healthy: "one is well" }))).toEqual(["", ["grade", "min_healthy"]]);
    expect(hand(plan({ paused: "by ann", grade: "too young" }))[0]).toBe("by ann");
    expect(hand(plan({}, { mode: "suggest" }))[0]).toBe("the playbook suggests only");
  });
  test("what was declined can be run by hand, what waits or is under way cannot", () => {
    const asked = plan({ asked: "ann declined it for this incident" });
    expect(hand(asked, [action("b", "declined")])[0]).toBe("");
    expect(hand(asked, [action("b", "measuring", { playbook: "other" })])[0]).toBe("");
    expect(hand(asked, [action("b", "waiting")])[0]).toBe("ann declined it for this incident");
    expect(hand(asked, [action("b", "measuring")])[0]).toBe("ann declined it for this incident");
  });
  test.each([["refused", "Would do nothing now: the model is young."], ["waiting", "Would ask for approval."], ["approved", "Would act by itself."], ["suggested", "Would only suggest it."]] as const)("%s", (state, want) =>
    expect(planWords(action("a", state, { why: "the model is young" }))).toBe(want));
});
