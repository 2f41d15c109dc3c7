// What playbooks do about incidents: the ledger of actions, what guards say, what
// people may decide, and the words for all of it. Whether something is allowed is
// for the server to say: here is only what it offers.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ask, enc, query, slowly, type Action, type ActionDetail, type ActionMode, type Actions, type ActionState, type Asked, type GetActionsQuery, type Guard, type Plan, type Planned, type Playbook, type PlaybookEffect, type Playbooks } from "./api";
import { countdown, whole, words } from "./format";

/** The ledger; refreshed by the event stream, too. */
export const useActions = (p: Asked<GetActionsQuery>, on = true) =>
  useQuery({ queryKey: ["actions", p], enabled: on, refetchInterval: slowly, placeholderData: keepPreviousData, queryFn: () => ask<Actions>("/actions" + query(p)) });

/** An action with every step of its life. */
export const useSteps = (id: string, on: boolean) =>
  useQuery({ queryKey: ["actions", "steps", id], enabled: on, queryFn: () => ask<ActionDetail>("/actions/" + enc(id)) });

/** What playbooks would do about an open incident now. */
export const usePlan = (incident: string, on: boolean) =>
  useQuery({ queryKey: ["plan", incident], enabled: on, retry: false, refetchInterval: 60_000, queryFn: () => ask<Plan>(`/incidents/${enc(incident)}/plan`) });

/** The playbooks and the guards, asked for every so many ms. Their effect is worked out from 90 days: where only their names matter, seldom. */
export const usePlaybooks = (every = 300_000) =>
  useQuery({ queryKey: ["playbooks"], refetchInterval: every, staleTime: every / 5, queryFn: () => ask<Playbooks>("/playbooks") });

/** What is to be read again after a decision. */
export const decided = ["actions", "plan", "playbooks"];

export const stateWords: Record<ActionState, string> = {
  suggested: "suggested: nobody is asked, and nothing is done", refused: "refused by a guard", waiting: "waits for approval", declined: "declined", expired: "expired before anybody approved it",
  approved: "approved, and about to start", started: "under way", done: "done", failed: "failed", unknown: "may have been done: it is looked for, and never repeated", stuck: "nobody can tell whether it was done: look, and say so",
  measuring: "done; whether it helps is being measured", helped: "helped", not_helped: "did not help", worse: "made it worse", unmeasurable: "done; the host sent too little to tell whether it helped",
  interrupted: "done; something else came between, so that nobody can tell whether it helped", undone: "undone",
};

export const actionColor = (s: ActionState): string =>
  s === "helped" ? "teal" : s === "waiting" ? "orange" : ["stuck", "unknown", "failed", "worse", "not_helped"].includes(s) ? "red" : ["approved", "started", "done", "measuring"].includes(s) ? "violet" : "gray";

/** States in which people have to decide. */
export const people = "waiting,unknown,stuck";

/** What the ledger can be filtered by; each state but those of All is in one. */
export const filters = [
  { value: "", label: "All", states: "" },
  { value: "open", label: "Wait for people", states: people },
  { value: "live", label: "Under way", states: "approved,started,done,measuring" },
  { value: "measured", label: "Measured", states: "helped,not_helped,worse,unmeasurable,interrupted" },
  { value: "ended", label: "Not done, or undone", states: "suggested,refused,declined,expired,failed,undone" },
];

/** Rows once each: those that wait first, the soonest to expire at the top, then those that people must resolve, then the newest. A row of a later list counts. */
export function inOrder(...lists: Action[][]): Action[] {
  const rank = (a: Action) => (a.state === "waiting" ? 0 : a.next.includes("resolve") ? 1 : 2);
  return [...new Map(lists.flat().map((a) => [a.id, a])).values()].sort((a, b) =>
    rank(a) - rank(b) || (rank(a) === 0 ? Date.parse(a.expires ?? a.at) - Date.parse(b.expires ?? b.at) : Date.parse(b.at) - Date.parse(a.at)));
}

/** How long a waiting action can still be approved. */
export const left = (expires: string, now: number): string => (Date.parse(expires) > now ? `${countdown(expires, now)} left` : "its time is over");

/** One button of an action. */
export interface Decision {
  label: string;
  /** of the route, and its body */
  route: string; body: { happened?: boolean };
  /** what is asked before; empty: it is done at once */
  asks: string;
  /** a reason can be given */
  why: boolean;
}

const known: Record<string, Decision[]> = {
  approve: [{ label: "Approve", route: "approve", body: {}, asks: "", why: false }],
  decline: [{ label: "Decline", route: "decline", body: {}, asks: "Nothing is done, and this playbook asks nobody again about this incident.", why: true }],
  undo: [{ label: "Undo", route: "undo", body: {}, asks: "What was done is taken back, and the ledger says by whom.", why: true }],
  resolve: [
    { label: "It was done", route: "resolve", body: { happened: true }, asks: "You looked, and it was done: whether it helped is then measured.", why: true },
    { label: "It was not done", route: "resolve", body: { happened: false }, asks: "You looked, and it was not done: the target is then free for the next action.", why: true },
  ],
};
/** The buttons of an action: what the API says can be done next, and nothing else. */
export const decisions = (next: string[]): Decision[] => next.flatMap((n) => known[n] ?? []);

const undo: Record<string, string> = {
  rollout_restart: "can be undone", scale: "can be undone", undo_rollout: "can be undone", cordon: "can be undone", uncordon: "cannot be undone", evict_pod: "cannot be undone", delete_pod: "cannot be undone",
  systemd_restart: "cannot be undone", script: "can be undone only where there is an undo unit", webhook: "can be undone only where the playbook has an undo_url",
};

/** What somebody who approves should know. */
export function risk(a: Action, book: Playbook | undefined): string[] {
  const out = [undo[a.does] ?? "whether it can be undone is not known"];
  if (a.target.replicas > 0) out.push(`${a.target.available} of ${a.target.replicas} pods available`);
  if (a.attempt > 1) out.push(`attempt ${a.attempt} at this incident`);
  if (!book) return out;
  const e = book.effect, times = (n: number) => `${n} ${n === 1 ? "time" : "times"}`;
  out.push(e.measured ? `this playbook helped ${e.helped} of ${times(e.measured)}${e.worse ? `, and made it worse ${times(e.worse)}` : ""}` : "this playbook was never measured");
  return [...out, budget(book)];
}

/** What is left of a playbook's day. */
export const budget = (b: Pick<Playbook, "per_day" | "started_today">): string => `${Math.max(0, b.per_day - b.started_today)} of ${b.per_day} a day left`;

const modes: Record<ActionMode, string> = { off: "off", suggest: "suggests only", approve: "asks for approval", automatic: "acts by itself" };
export const modeWords = (m: ActionMode): string => modes[m];

/** What became of a playbook's actions, as counts. */
export function counts(e: PlaybookEffect): string {
  const rest = [[e.not_helped, "did not"], [e.worse, "made it worse"], [e.unmeasurable, "could not be measured"], [e.interrupted, "had something come between"]] as const;
  const said = rest.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  if (e.measured) said.unshift(`${e.helped} of ${e.measured} helped`);
  return (said.join(", ") || "never measured") + (e.recovery_seconds === null ? "" : `; normal after ${whole(e.recovery_seconds)} (median)`);
}

/** Whether a playbook helped, compared with incidents that were left alone: never a number where there is not enough to compare. */
export function benefit(e: PlaybookEffect): string {
  if (e.benefit === null) return e.text || "not enough to compare";
  const hundred = (v: number | null) => Math.round(100 * (v ?? 0));
  return `${Math.abs(hundred(e.benefit))} of 100 ${e.benefit < 0 ? "fewer" : "more"} end in time (95 %: ${hundred(e.benefit_low)} to ${hundred(e.benefit_high)}); ${e.text}`;
}

/** What a guard says of a plan: later where it is asked again with the target, which a plan does not look for. */
export interface Said { guard: string; asks: string; why: string; overridable: boolean; says: "holds" | "objects" | "later" }

const ofTarget = ["self", "target", "pdb", "rollout", "changed_since"];
const ofPods = ["rollout_restart", "scale", "undo_rollout", "evict_pod", "delete_pod"];

export function guardsOf(p: Planned, guards: Guard[]): Said[] {
  const late = (name: string) => !p.action.target.name && (ofTarget.includes(name) || (name === "min_healthy" && ofPods.includes(p.action.does)));
  return p.guards.map(({ guard, why }) => {
    const g = guards.find((x) => x.name === guard);
    return { guard, why, asks: g?.asks ?? words(guard), overridable: g?.overridable ?? false, says: why ? "objects" : late(guard) ? "later" : "holds" };
  });
}

/** What would happen by itself now. */
export function planWords(a: Action): string {
  if (a.state === "refused") return `Would do nothing now: ${a.why}.`;
  if (a.state === "waiting") return "Would ask for approval.";
  return a.state === "approved" ? "Would act by itself." : "Would only suggest it.";
}

const busy: ActionState[] = ["waiting", "approved", "started", "unknown", "stuck", "done", "measuring"];

/** Whether a person may run a playbook on an incident: why not, or which guards that object can be overridden. rows are the incident's. */
export function byHand(p: Planned, said: Said[], rows: Action[]): { blocked: string; override: Said[] } {
  const objects = said.filter((g) => g.says === "objects"), mode = p.action.mode;
  if (mode !== "approve" && mode !== "automatic") return { blocked: `the playbook ${modeWords(mode)}`, override: [] };
  // that nobody is asked twice does not bind a person, unless a row waits or is under way
  const taken = rows.some((a) => a.playbook === p.action.playbook && busy.includes(a.state));
  const never = objects.find((g) => !g.overridable && (g.guard !== "asked" || taken));
  return { blocked: never?.why ?? "", override: objects.filter((g) => g.overridable) };
}
