// What is said of an open forecast.
import type { Forecast, Incident } from "./api";
import { whole } from "./format";

type Foreseen = Pick<Incident, "kind" | "summary"> & { host: Pick<Incident["host"], "name">; forecast: Pick<Forecast, "title" | "exhausted" | "full_seconds" | "early_seconds" | "late_seconds" | "expires" | "at"> | null };

/** What a forecast incident is about, without the end of the sentence: as people were last notified of it, less the time since. host: with the host's name. */
export function foreseen(i: Foreseen, now: number, host = true): string {
  const f = i.forecast, name = f && (host ? `${f.title} on ${i.host.name}` : f.title);
  if (!f) return i.summary.split(": ")[0]!;
  if (f.exhausted) return `${name} ${f.expires ? "has expired" : "is full"}`;
  const age = (now - Date.parse(f.at)) / 1000, left = (s: number | null) => Math.max(0, (s ?? 0) - age);
  if (left(f.full_seconds) <= 0) return `${name} ${f.expires ? "expires" : "is to be full"} about now`;
  return f.expires ? `${name} expires in ${whole(left(f.full_seconds))}` : `${name} is full in ${whole(left(f.full_seconds))} (${span(left(f.early_seconds), left(f.late_seconds))})`;
}

/** A range of times, with the unit once where both have it. */
function span(early: number, late: number): string {
  const [a, unit] = whole(early).split(" "), b = whole(late);
  return whole(early) === b ? b : `${b.endsWith(" " + unit) ? a : whole(early)}–${b}`;
}

const rank = { critical: 0, warning: 1, info: 2 };

/** The forecasts among incidents: those that people are notified of first, then the most severe, then the nearest. */
export function forecasts(open: Incident[], now = Date.now()): Incident[] {
  const near = (i: Incident) => Math.abs(Date.parse(i.forecast?.expires ?? i.forecast?.at ?? "") + (i.forecast?.expires ? 0 : 1000 * (i.forecast?.full_seconds ?? 0)) - now) || 0;
  return open.filter((i) => i.kind === "forecast" && i.state !== "closed").sort((a, b) => Number(!!a.suppressed) - Number(!!b.suppressed) || rank[a.severity] - rank[b.severity] || near(a) - near(b));
}
