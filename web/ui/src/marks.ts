// What charts mark on the time axis beside what was measured: what Omen found,
// what people said, and what was done. Events and models have theirs in mute.ts and served.ts.
import type { Action, HostRef, Incident, Silence } from "./api";
import { words } from "./format";
import { concerns } from "./mute";

/** An instant worth a line in a chart; sign and text say what it is. One with an end is shaded until then; lasts says what that is. */
export interface Mark { at: number; until?: number; color: string; sign?: string; text?: string; lasts?: string }

const seconds = (at: string | null) => Date.parse(at ?? "") / 1000;
const known = (m: Mark) => m.at > 0;

/** When incidents began, and when something was forecast that people were to know. */
export const incidentMarks = (incidents: Incident[] | undefined): Mark[] => (incidents ?? []).map((i) => i.kind === "forecast"
  ? { at: seconds(i.opened_at ?? i.since), color: "#0b7285", sign: "◇", text: `forecast${i.forecast ? ` of ${i.forecast.title}` : ""}` }
  : { at: seconds(i.since), color: "#d55e00", sign: "●", text: "incident began" }).filter(known);

/** While incidents of a host were, are or will be silenced. */
export function silenceMarks(silences: Silence[] | undefined, host: HostRef & { labels?: Record<string, string> }): Mark[] {
  return (silences ?? []).flatMap((s) => {
    const of = concerns(s.match, host);
    return of === "none" ? [] : [{ at: seconds(s.from), until: seconds(s.until), color: "#7a8299", sign: "◐", text: of === "all" ? "silence" : "silence of some incidents", lasts: "while it lasts" }];
  }).filter(known);
}

/** When playbooks acted; the state says what became of it. */
export const actionMarks = (actions: Action[] | undefined): Mark[] => (actions ?? []).filter((a) => a.started)
  .map((a) => ({ at: seconds(a.started), color: "#2f7d32", sign: "■", text: `action: ${words(a.does)} (${words(a.state)})` }));
