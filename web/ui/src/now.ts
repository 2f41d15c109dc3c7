// What the first page says in one sentence, and what "last night" is.
import type { AllPages, Incident, Role, Shared, Status } from "./api";
import { forecasts, foreseen } from "./forecast";
import { capital, middle, range, reason, timeOf, verdict, visible, whole, words } from "./format";

/** A part of a sentence: words, or the name of something with where it is shown. */
export type Part = string | { name: string; href: string };

/** The minute of an instant: seconds are for machines. */
export const minute = (at: string | null, now: number) => timeOf(at, now).replace(/:\d\d$/, "");

const count = (n: number, one: string, many = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** Which features lead an incident: their names, at most two that matter. */
export function leading(i: Pick<Incident, "causes" | "summary">): string {
  const real = i.causes.filter((c) => !c.trivial);
  return (real.length ? real : i.causes).slice(0, 1 + (real.length > 1 && (real[1]!.share ?? 0) >= 0.25 ? 1 : 0)).map((c) => words(c.feature)).join(" and ");
}

function clause(i: Incident, now: number, pathOf: (i: Incident) => string): Part[] {
  const name: Part = { name: i.kind === "fleet" ? count(i.members.length, "host") : i.host.name, href: pathOf(i) };
  const what = leading(i), taken = i.acked_by ? `, taken by ${i.acked_by}` : "";
  const back = i.returning_since ? `, returning to normal since ${minute(i.returning_since, now)}` : "";
  return [name, `${i.kind === "fleet" ? " together" : ""} since ${minute(i.since, now)}${what && `: ${what}`}${back}${taken}`];
}

/** What is wrong, as a person would say it. open: what people are notified of, the heaviest first; total: how many those are. */
export function sentence(s: Status, open: Incident[], total: number, now: number, pathOf: (i: Incident) => string): Part[] {
  const soon = forecasts(open, now), more = soon.length - 3, present = hosts(s, open, total, now, pathOf);
  const said = soon.slice(0, 3).flatMap((i, n): Part[] => [n ? " " : "", { name: capital(foreseen(i, now)), href: pathOf(i) }, i.acked_by ? `, taken by ${i.acked_by}.` : "."]);
  if (more > 0) said.push(` And ${count(more, "more forecast")}.`);
  const ill = open.some((i) => i.kind === "host" || i.kind === "fleet"); // what is wrong already comes before what will be
  return !said.length ? present : ill ? [...present, " ", ...said] : [...said, " ", ...present];
}

/** What is wrong with hosts and sources. */
function hosts(s: Status, open: Incident[], total: number, now: number, pathOf: (i: Incident) => string): Part[] {
  const judged = (s.hosts.normal ?? 0) + (s.hosts.anomalous ?? 0), odd = s.hosts.anomalous ?? 0;
  const of = open.filter((i) => i.kind === "host" || i.kind === "fleet"), first = of.slice(0, 3), soon = open.some((i) => i.kind === "forecast");
  const own = open.length - of.length, rest = total - own - first.length;
  const parts: Part[] = [];
  const down = s.sources.filter((x) => x.state === "down");
  for (const x of down) parts.push(`Omen does not see ${x.hosts ? count(x.hosts, "host") + " of " : ""}source ${x.name} since ${minute(x.since, now)}. `);
  for (const x of s.sources) if (x.silent_hosts) parts.push(`${count(x.silent_hosts, "host")} of source ${x.name} send nothing. `);
  if (!judged && !of.length) {
    const learning = s.hosts.learning ?? 0;
    if (learning) parts.push(`Omen is learning what is normal for ${count(learning, "host")} and judges none yet.`);
    else if (!down.length) parts.push((s.hosts.silent ?? 0) > 0 ? "No host sends anything." : "No host is known yet.");
    return parts;
  }
  if (!of.length) {
    parts.push(odd === 0 ? (soon ? `What ${judged === 1 ? "the one host does" : `all ${count(judged, "host")} do`} now is as usual.` : judged === 1 ? "The one host is as usual." : `All ${count(judged, "host")} are as usual.`)
      : `${odd.toLocaleString("en")} of ${count(judged, "host")} ${odd === 1 ? "is" : "are"} unlike ${odd === 1 ? "itself" : "themselves"}, not far or not long enough to notify anybody.`);
    return parts;
  }
  parts.push(odd === 0 ? `No host is unlike itself any more, and ${count(of.length + Math.max(0, rest), "incident is", "incidents are")} still open: `
    : judged === 1 ? "The one host is unlike itself; " : `${odd.toLocaleString("en")} of ${count(judged, "host")} ${odd === 1 ? "is unlike itself" : "are unlike themselves"}; `);
  first.forEach((i, n) => parts.push(...(n ? ["; "] : []), ...clause(i, now, pathOf)));
  parts.push(rest > 0 ? `; and ${count(rest, "other incident")}.` : ".");
  return parts;
}

/** From the last evening's 20:00, by the local clock, until now; seconds since 1970. over: the night ended at 08:00. */
export function night(now: number): { from: number; to: number; over: boolean } {
  const d = new Date(now), at = (day: number, hour: number) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + day, hour).getTime() / 1000;
  if (d.getHours() >= 20) return { from: at(0, 20), to: now / 1000, over: false };
  if (d.getHours() < 8) return { from: at(-1, 20), to: now / 1000, over: false };
  return { from: at(-1, 20), to: now / 1000, over: true };
}

/** What became of an incident: what somebody said of it, who has it, or why nobody was notified. */
export function saidOf(i: Pick<Incident, "verdict" | "verdict_by" | "acked_by" | "suppressed">): string {
  const by = (who: string) => (who ? ` · ${who}` : "");
  if (i.verdict) return verdict(i.verdict) + by(i.verdict_by);
  if (i.acked_by) return `taken by ${i.acked_by}`;
  return i.suppressed ? `nobody notified: ${reason(i.suppressed)}` : "people were notified";
}

/** What was promised of false pages and what was sent. kept: null: not known yet. */
export function promise(p: AllPages): { text: string; kept: boolean | null } {
  const short = (v: number) => String(+v.toPrecision(2)), promised = `Promised: at most ${short(p.promised_per_host_week ?? 0)} false ${p.promised_per_host_week === 1 ? "page" : "pages"} a week and host.`;
  if (p.actual_per_host_week === null) return { text: `${promised} Whether that is kept is known after a day.`, kept: null };
  const kept = p.actual_per_host_week <= (p.promised_per_host_week ?? 0);
  return { text: `${promised} Sent, true ones too: ${short(p.actual_per_host_week)} (${count(p.opened, "page")} on ${count(p.hosts, "host")} in ${short(p.days)} days)${kept ? ": kept." : "."}`, kept };
}

/** What the hosts of an incident have in common: role=db, dc: 4 of 7, rack: all 8. At most so many labels. */
export const commonText = (common: Shared[], most = 3): string =>
  common.slice(0, most).map((s) => (s.value ? `${visible(s.label)}=${middle(visible(s.value), 40)}` : `${visible(s.label)}: ${s.values === s.of ? `all ${s.of}` : `${s.values} of ${s.of}`}`)).join(" · ");

/** What those may who reach Omen without signing in. */
export const openWords = (role: Role = "admin"): string =>
  role === "admin" ? "Every client that reaches this address has full access." : role === "operate" ? "Every client that reaches this address may read everything, silence and close incidents." : "Every client that reaches this address may read everything, and change nothing.";

/** What a night was, in a sentence. */
export function nightSentence(all: Incident[], more: boolean): string {
  if (!all.length) return "No incident.";
  const notified = all.filter((i) => !i.suppressed).length, lasts = all.filter((i) => i.state !== "closed").length;
  const n = (more ? "More than " : "") + count(all.length, "incident");
  const said = notified === 0 ? "nobody was notified" : notified === all.length ? (notified === 1 ? "people were notified of it" : "people were notified of all") : `people were notified of ${notified}`;
  return `${n}, ${said}${lasts ? `, ${lasts === all.length ? (lasts === 1 ? "it is still open" : "all are still open") : lasts === 1 ? "one is still open" : `${lasts} are still open`}` : ""}.`;
}

/** What ends an incident that is open, or ended one that is closed, in a sentence; empty: nothing can be said. */
export function backToNormal(i: Pick<Incident, "state" | "reason" | "returning_since" | "closed_at" | "causes" | "since">, now: number): string {
  const span = (to: string | null) => (to && i.since ? whole((Date.parse(to) - Date.parse(i.since)) / 1000) : "");
  if (i.state === "closed") return i.reason === "closed_recovered" && i.closed_at ? `Back to normal: closed ${timeOf(i.closed_at, now)}, after ${span(i.closed_at)}.` : "";
  if (i.returning_since) return `Returning to normal since ${timeOf(i.returning_since, now)}; causes are those of the peak.`;
  const back = i.causes.filter((c) => c.clears && c.lower !== null && c.upper !== null).map((c) => `${words(c.feature)} is back at ${range(c.lower, c.upper, c.unit)}`);
  return back.length ? `It ends once ${back.length > 1 ? `${back.slice(0, -1).join(", ")} and ${back[back.length - 1]}` : back[0]} for a while.` : "";
}

/** How long an incident lasted, or that it is still open. */
export const lasted = (i: Incident): string => (i.closed_at && i.since ? whole((Date.parse(i.closed_at) - Date.parse(i.since)) / 1000) : "still open");
