// How values, times and words are written for people. Values follow package
// omen's Unit.Format, so that web UI, messages and the API say the same.
import type { HostState, Num, Severity, Verdict } from "./api";

function short(v: number): string {
  const a = Math.abs(v);
  if (a < 0.0005) return "0";
  if (a >= 99.95) return v.toFixed(0);
  const text = a >= 9.995 ? v.toFixed(1) : v.toFixed(2);
  return text.replace(/\.?0+$/, "");
}

function scaled(v: number, space: string, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  let i = 0;
  while (Math.abs(v) >= 999.5 && i < prefixes.length - 1) {
    v /= 1000;
    i++;
  }
  return short(v) + space + prefixes[i] + unit;
}

/** A number of seconds in its natural unit: 12 ms, 3 min. */
export function seconds(v: number): string {
  const a = Math.abs(v);
  if (a === 0) return "0 s";
  if (a < 1e-3) return short(v * 1e6) + " µs";
  if (a < 1) return short(v * 1e3) + " ms";
  if (a < 120) return short(v) + " s";
  if (a < 7200) return short(v / 60) + " min";
  if (a < 172800) return short(v / 3600) + " h";
  return short(v / 86400) + " d";
}

/** A value with its unit in at most about ten characters. */
export function value(v: Num | undefined, unit: string): string {
  if (v === null || v === undefined) return "unknown";
  switch (unit) {
    case "ratio": return short(v * 100) + " %";
    case "bytes": return scaled(v, " ", "B");
    case "bytes/s": return scaled(v, " ", "B/s");
    case "seconds": return seconds(v);
    case "1/s": return scaled(v, "", "/s");
    default: return scaled(v, "", "");
  }
}

/** A range with its unit once: 8–15 MB/s, 0–15.8/s. */
export function range(lower: Num | undefined, upper: Num | undefined, unit: string): string {
  const a = value(lower, unit), b = value(upper, unit), split = (t: string) => /^(-?[\d.]+)(.*)$/.exec(t);
  const x = split(a), y = split(b);
  if (a === b || !x || !y) return a === b ? a : `${a} – ${b}`;
  return `${x[2] === y[2] || x[1] === "0" ? x[1] : a}${a.startsWith("-") ? " to " : "–"}${b}`;
}

/** The name of the zone of this clock at an instant, such as CET or GMT+2. */
export const zoneOf = (at: string): string => new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(new Date(at)).find((p) => p.type === "timeZoneName")?.value ?? "";

/** A score: two decimals below ten, then fewer. */
export function score(v: Num | undefined): string {
  if (v === null || v === undefined) return "–";
  if (v < 10) return v.toFixed(2);
  return v < 100 ? v.toFixed(1) : scaled(v, "", "");
}

/** How long ago an instant was, or until it comes: "3 min ago", "in 40 s". */
export function ago(at: string | null | undefined, now = Date.now()): string {
  if (!at) return "never";
  const s = (now - Date.parse(at)) / 1000;
  if (Math.abs(s) < 3) return "now";
  return s > 0 ? whole(s) + " ago" : "in " + whole(-s);
}

/** An instant as people read it: within an hour how long ago, or until it comes; else by the local clock. */
export const whenText = (at: string | null | undefined, now = Date.now()): string => (at && Math.abs(now - Date.parse(at)) > 3600_000 ? timeOf(at, now) : ago(at, now));

/** A duration in whole units: 45 s, 12 min, 3 h, 2 d. */
export function whole(s: number): string {
  if (s < 100) return Math.round(s) + " s";
  if (s < 6000) return Math.round(s / 60) + " min";
  if (s < 172800) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " d";
}

/** When something is full, in words. */
export function full(f: { exhausted: boolean; full_seconds: Num; expires?: string | null }): string {
  if (f.exhausted) return f.expires ? "expired" : "now";
  return f.full_seconds === null ? "not expected" : "in " + whole(f.full_seconds);
}

/** What is left until an instant, as a clock: 2:05, 1:02:03; 0:00 once past. */
export function countdown(at: string, now = Date.now()): string {
  const left = Math.max(0, Math.ceil((Date.parse(at) - now) / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(left / 3600), m = Math.floor(left / 60) % 60;
  return (h ? `${h}:${two(m)}` : `${m}`) + ":" + two(left % 60);
}

export const clock = (at: string | null) => (at ? new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }) : "–");

/** What an instant says when it is pointed at: by the local clock, and in UTC. */
export const bothClocks = (at: string | null | undefined) => (at ? `${clock(at)} · ${new Date(at).toISOString()}` : undefined);

/** A text that begins a sentence. */
export const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** A feature's name without underscores. */
export const words = (name: string) => name.replace(/_/g, " ");

export const stateColor: Record<HostState, string> = { normal: "teal", anomalous: "red", learning: "violet", silent: "gray" };
export const severityColor: Record<Severity, string> = { info: "gray", warning: "orange", critical: "red" };

const reasons: Record<string, string> = {
  opened_anomalous: "left its normal behaviour", opened_cold_start_suppressed: "its model is too young to page",
  opened_trivial_suppressed: "too small to matter", opened_below_page_level: "below the page level", opened_silenced: "silenced", opened_maintenance: "maintenance",
  opened_grace: "just after a boot, restart or deploy", opened_rejected_pattern: "like one judged not a problem",
  opened_source_down: "the source does not answer", reopened_within_window: "came back",
  escalated_severity: "went higher or lasted longer", escalated_members_joined: "more hosts joined",
  closed_recovered: "back to normal", closed_expired: "taken as the new normal", closed_settled: "settled at a new level", closed_new_model: "the new model takes this as normal",
  closed_host_gone: "the host sends nothing any more", closed_by_operator: "closed by an operator",
  opened_part_of_fleet: "part of an incident of many hosts", opened_shared_cause: "the same causes on many hosts at once", opened_storm: "many hosts at once",
  opened_hosts_silent: "most of its hosts fell silent", opened_omen_stalled: "Omen scored nothing for a while", opened_omen_trouble: "a part of Omen reports trouble", escalated_lifted: "no longer suppressed", escalated_another_cause: "another cause, as far out",
  opened_forecast: "about to be full, or to expire", opened_same_cause: "people are notified of the same trouble already", opened_same_pool: "people are notified of another that shares its space",
  opened_over_forecast_budget: "forecasts of its kind were false too often this week; a critical one notifies",
  escalated_came_true: "it is full, or has expired", updated_forecast: "the forecast changed", closed_came_true: "it was full or had expired, and is no more",
  updated_causes: "other causes lead, or it went higher", updated_members: "hosts joined", updated_blame: "the pods of the node were looked at", updated_new_level: "features stayed at a new level, which is what is expected of them now",
};
/** A reason value in words. */
export const reason = (r: string) => reasons[r] ?? words(r);

const verdicts: Record<Verdict, string> = { "": "none", real: "real", not_a_problem: "not a problem", expected_at_this_time: "expected at this time" };
export const verdict = (v: Verdict) => verdicts[v];

/** The start of a chart's y axis and its end, so that the limit (1) is always in view. */
export function scoreRange(values: Num[], log: boolean, level: Num[] = []): [number, number] {
  let top = 1.25;
  for (const v of [...values, ...level]) if (v !== null && v > top) top = v;
  return log ? [0.05, Math.max(2, top * 1.4)] : [0, top * 1.1];
}

/** The features whose return would clear the alert, in a sentence. */
export function clearing(causes: { feature: string; clears: boolean }[]): string {
  const names = causes.filter((c) => c.clears).map((c) => words(c.feature));
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** A nice sentence about what a host does now. */
export function causesLine(causes: { text: string; trivial: boolean }[], most = 2): string {
  const real = causes.filter((c) => !c.trivial);
  return (real.length ? real : causes).slice(0, most).map((c) => words(c.text)).join("; ");
}

/** How much of a history of instants (seconds) is gone that once reached back to begin: none of it, its beginning, or all. */
export function gone(times: number[], begin: number, step: number): "" | "beginning" | "all" {
  if (!times.length) return "all";
  return times[0]! > begin + Math.max(120, 2 * step) ? "beginning" : "";
}

/** A text in which marks that nobody sees, or that turn what stands around them, are written out: ⟨U+202E⟩. */
export const visible = (text: string) =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);

/** The same of a text whose lines are its own. */
export const visibleLines = (text: string) => text.split("\n").map(visible).join("\n");

/** A long text without its middle: what stands at its ends tells names apart. */
export function middle(text: string, most = 60): string {
  const all = [...text];
  if (all.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return all.slice(0, head).join("") + "…" + all.slice(all.length - (most - 1 - head)).join("");
}

/** The time of day of an instant, with the day where it is not today's, and the year where it is not this one. */
export function timeOf(at: string | null | undefined, now = Date.now()): string {
  if (!at) return "–";
  const d = new Date(at), today = new Date(now).toDateString() === d.toDateString();
  const time = d.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  return today ? time : d.toLocaleDateString(undefined, { day: "numeric", month: "short", ...(d.getFullYear() !== new Date(now).getFullYear() && { year: "numeric" }) }) + ", " + time;
}
