// What is said of a host in one sentence.
import { incidentPath, type HostDetail, type Incident } from "./api";
import { forecasts, foreseen } from "./forecast";
import { capital, range, value, words } from "./format";
import { minute, type Part } from "./now";

type Told = Pick<HostDetail, "state" | "causes" | "features" | "last_seen" | "incidents">;

/** What a host does, against what it usually does, as a person would say it; an open incident is named with where it is shown. */
export function hostSentence(h: Told, now: number): Part[] {
  const open = h.incidents.find((i) => i.kind === "host"), since = open ? `, since ${minute(open.since, now)}` : "";
  const rest: Part[] = open ? [" ", { name: open.fleet ? "It is one of several hosts with the same trouble." : open.suppressed ? "An incident is open; nobody is notified of it." : "An incident is open.", href: incidentPath(open.fleet || open.id) }] : [];
  const soon = forecasts(h.incidents, now), ahead = soon.slice(0, 3).flatMap((i): Part[] => [{ name: capital(foreseen(i, now, false)), href: incidentPath(i.id) }, i.suppressed ? "; nobody is notified of it. " : ". "]);
  if (soon.length > 3) ahead.push(`And ${soon.length - 3} more ${soon.length === 4 ? "forecast" : "forecasts"}. `);
  return [...ahead, ...does(h, open, since, rest, now, soon.some((i) => !i.suppressed))];
}

/** What it does now. soon: people are notified of a forecast. */
function does(h: Told, open: Told["incidents"][number] | undefined, since: string, rest: Part[], now: number, soon: boolean): Part[] {
  if (h.state === "silent") return [h.last_seen ? `It has sent nothing since ${minute(h.last_seen, now)}.` : "It has sent nothing yet.", ...rest];
  if (h.state === "learning") return ["Omen is learning what is normal here, and judges nothing yet."];
  const real = h.causes.filter((c) => !c.trivial).slice(0, 2);
  if (h.state === "anomalous" && real.length) return [capital(real.map((c) => `${words(c.feature)} is ${value(c.actual, c.unit)}, expected ${range(c.lower, c.upper, c.unit)}`).join("; ")) + since + ".", ...rest];
  const out = h.features.filter((f) => f.actual !== null && f.lower !== null && f.upper !== null && (f.actual < f.lower || f.actual > f.upper)).length;
  const usual = h.state === "anomalous" ? "It is unlike itself, by nothing that matters alone." : open ? `It is below its limit again; the incident that began ${minute(open.since, now)} is still open.`
    : out ? `${soon ? "What it does now is as usual" : "As usual"}: ${out} of ${h.features.length} features ${out === 1 ? "is" : "are"} outside of what is expected, by too little to matter.` : `${soon ? "What it does now is as usual" : "As usual"}: every feature is within what is expected.`;
  return [usual, ...rest];
}

/** A host's incidents that are open, by what was read of the recent ones last; of older ones the host knows it. */
export const openOf = (known: Incident[], recent: Incident[] = []): Incident[] => [...recent.filter((i) => i.state !== "closed"), ...known.filter((i) => !recent.some((r) => r.id === i.id))];

/** The heaviest of a host's open forecasts in two words, and how severe it is; null: people are notified of none. */
export function ahead(open: Incident[]): { severity: Incident["severity"]; text: string } | null {
  const all = forecasts(open).filter((i) => !i.suppressed), i = all[0], f = i?.forecast;
  if (!i) return null;
  return { severity: i.severity, text: f?.exhausted ? (f.expires ? "expired" : "full") : f?.expires ? "expires soon" : "full soon" };
}

/** A feature that has slowly gone away from what is expected of it, or that no longer does, in a sentence without its end. */
export function driftText(d: Drifted, now: number): string {
  const name = capital(words(d.feature)), way = d.up ? "upwards" : "downwards";
  if (!d.back) return `${name} drifts ${way} since ${minute(d.since, now)}: ${value(d.mean, d.unit)} on average where ${value(d.expected, d.unit)} is expected`;
  return d.learned ? `${name}: a new model expects what it has drifted to, since ${minute(d.back, now)}` : `${name} is back from drifting ${way}, since ${minute(d.back, now)}`;
}
type Drifted = Omit<HostDetail["slow_drifts"][number], "text" | "at">;

/** A feature that has had no value for a while, in a sentence without its end. */
export const gapText = (g: Pick<HostDetail["gaps"][number], "feature" | "since" | "stepping">, now: number): string =>
  `${capital(words(g.feature))} has had no value since ${minute(g.since, now)}, and is not judged: ${g.stepping ? "one of its counters steps back so often that it has no rate" : "its series are gone, or it is undefined, as a share of nothing is"}`;

/** The labels that tell something of a host beside its name, in order. */
export const tellingLabels = (labels: Record<string, string>, name: string): [string, string][] =>
  Object.entries(labels).filter(([k, v]) => v !== "" && v !== name && k !== "instance" && k !== "__name__").sort(([a], [b]) => (a < b ? -1 : 1));
