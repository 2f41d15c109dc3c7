// What suppresses notifications: silences, maintenance windows, calendars,
// events, and what Omen remembers of verdicts.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type * as Api from "./api";
import { ask, enc, post, query, rarely, slowly, type HostRef, type Incident, type Matcher, type Matches, type Occurrences, type Patterns, type Silence, type Silences, type Span, type Windows } from "./api";

export type { Matcher, Pattern, Silence } from "./api";
/** What may be left out of a request is always there in an answer. */
export type Window = Api.Window & { id: string };
export type Event = Api.Event & { id: string; at: string };
export type Effect = Exclude<Api.Effect, "">;

const ops: [string, boolean, boolean][] = [["=~", true, true], ["!~", true, false], ["!=", false, false], ["=", false, true]];

/** A matcher as PromQL writes it: host=~"web-.*". The server alone reads this form. */
export const matcherText = (m: Matcher) => `${m.name}${ops.find(([, re, eq]) => re === m.isRegex && eq === m.isEqual)![0]}${JSON.stringify(m.value)}`;

const longest = 100 * 366 * 86400; // seconds: no clock shows when what lasts ever longer ends

/** Seconds of "90 min", "2h", "1 h 30 m", "3d"; null if it is no duration, or one of more than a hundred years. */
export function parseDuration(text: string): number | null {
  const unit: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
  let sum = 0, rest = text.trim().toLowerCase();
  while (rest) {
    const m = /^(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d|w)(?![a-z])\s*/.exec(rest);
    if (!m) return null;
    sum += +m[1]! * unit[m[2]![0]!]!;
    rest = rest.slice(m[0].length);
  }
  return sum > 0 && sum <= longest ? sum : null;
}

/** Seconds as parseDuration reads them: 1 h 30 m. */
export function durationText(seconds: number): string {
  let rest = Math.round(seconds);
  const parts = ([["d", 86400], ["h", 3600], ["m", 60], ["s", 1]] as const).flatMap(([unit, n]) => {
    const k = Math.floor(rest / n);
    rest -= k * n;
    return k ? [`${k} ${unit}`] : [];
  });
  return parts.join(" ");
}

/** An occurrence by the clock of a zone: Sun 1 Mar, 02:00–03:00 CET. A zone that the browser does not know is shown in UTC. */
export function occurrence(s: Span, zone: string | undefined): string {
  let timeZone = zone || "UTC";
  try { new Intl.DateTimeFormat("en-GB", { timeZone }); } catch { timeZone = "UTC"; }
  const of = (at: string) => Object.fromEntries(new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" })
    .formatToParts(new Date(at)).map((p) => [p.type, p.value]));
  const a = of(s.from), b = of(s.to), day = (d: typeof a) => `${d.weekday} ${d.day} ${d.month}`;
  const time = (d: typeof a) => `${d.hour}:${d.minute}`, shifts = a.timeZoneName !== b.timeZoneName;
  return `${day(a)}, ${time(a)}${shifts ? " " + a.timeZoneName : ""}–${day(a) === day(b) ? "" : day(b) + ", "}${time(b)} ${b.timeZoneName}`;
}

/** A rule as the form has it: how often, on which days; what it cannot say is custom. */
export function splitRule(rule: string | undefined): { freq: string; on: string[]; custom: string } {
  const text = (rule ?? "").replace(/^RRULE:/i, "");
  if (!text) return { freq: "", on: [], custom: "" };
  const m = /^FREQ=(DAILY|WEEKLY|MONTHLY)(?:;BYDAY=((?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:MO|TU|WE|TH|FR|SA|SU))*))?$/.exec(text);
  if (!m || (m[2] && m[1] !== "WEEKLY")) return { freq: "custom", on: [], custom: text };
  return { freq: m[1]!, on: m[2]?.split(",") ?? [], custom: "" };
}

/** The instant in ms of a datetime-local field, of the browser's zone; NaN: it is empty, or a year that nobody means. */
export function fieldInstant(text: string): number {
  const t = Date.parse(text);
  return t >= 0 && t < Date.UTC(2200, 0) ? t : NaN;
}

/** The value of a datetime-local field for an instant, in the browser's zone. */
export function localInput(t: number): string {
  const d = new Date(t - new Date(t).getTimezoneOffset() * 60000);
  return d.toISOString().slice(0, 16);
}

export const silenceState = (s: Silence, now: number) =>
  Date.parse(s.until) <= now ? "expired" : s.from && Date.parse(s.from) > now ? "pending" : "active";

const opts = { placeholderData: keepPreviousData };
export const useSilences = () => useQuery({ queryKey: ["silences"], refetchInterval: rarely, ...opts, queryFn: () => ask<Silences>("/silences?ended=true") });
export const useWindows = () => useQuery({ queryKey: ["windows"], refetchInterval: slowly, ...opts, queryFn: () => ask<Omit<Windows, "windows"> & { windows: Window[] }>("/windows") });
/** What suppresses notifications from…to, in seconds. */
export const useOccurrences = (from: number, to: number) =>
  useQuery({ queryKey: ["occurrences", from, to], refetchInterval: slowly, ...opts, queryFn: () => ask<Occurrences>("/occurrences" + query({ from, to })) });
/** Reads matchers from text, separated by commas or lines, and says what they match now. */
const readMatchers = (text: string) => ask<Matches>("/matches", post({ text }));
/** What the matchers of a text are and match now; nothing is asked while it is empty. */
export const useMatches = (text: string) =>
  useQuery({ queryKey: ["matches", text], enabled: text.trim() !== "", refetchInterval: 10000, retry: false, ...opts, queryFn: () => readMatchers(text) });
export const usePatterns = () => useQuery({ queryKey: ["patterns"], refetchInterval: rarely, ...opts, queryFn: () => ask<Patterns>("/patterns") });
/** Events of the last so many seconds, or of a fixed span; of a host also those of the day before, whose grace may reach into it. */
export const useEvents = (span: ({ last: number } | { from: number; to: number }) & { host?: string }) =>
  useQuery({
    queryKey: ["events", span], refetchInterval: "last" in span ? slowly : false, ...opts,
    queryFn: () => {
      const now = Date.now() / 1000, [from, to] = "last" in span ? [now - span.last, now + 86400] : [span.from, span.to];
      return ask<{ events: Event[] }>("/events" + query({ host: span.host, from: from - (span.host ? 86400 : 0), to }));
    },
  });

/** What people said that happened to hosts: deploys and notes, of the last so many seconds or of a fixed span. */
export const useSaidEvents = (span: { last: number } | { from: number; to: number }) =>
  useQuery({
    queryKey: ["events", "said", span], refetchInterval: "last" in span ? slowly : false, ...opts,
    queryFn: () => ask<{ events: Event[] }>("/events" + query({ kind: "deploy,note", from: "last" in span ? Date.now() / 1000 - span.last : span.from, to: "last" in span ? undefined : span.to })),
  });

/** Events within a span, and those before it whose grace reaches into it. */
export const within = (events: Event[] | undefined, from: number) =>
  (events ?? []).filter((e) => Math.max(Date.parse(e.at), Date.parse(e.until ?? e.at)) >= from * 1000);

/** The events of a host within a fixed span; those of the day before count while their grace period lasts. */
export const useEventsOf = (host: string, span: { from: number; to: number }) =>
  useQuery({
    queryKey: ["events", host, span], enabled: host !== "", ...opts,
    queryFn: async () => within((await ask<{ events: Event[] }>("/events" + query({ host, from: span.from - 86400, to: span.to }))).events, span.from),
  });

/** A request that changes something, and what is to be read again after it. Matchers in its body may be text. */
export function useSend<T>(keys: string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ path, method = "POST", body }: { path: string; method?: string; body?: { match?: unknown; [field: string]: unknown } }) => {
      const read = typeof body?.match === "string" ? { ...body, match: (await readMatchers(body.match)).match } : body;
      return ask<T>(path, read === undefined ? { method } : { ...post(read), method });
    },
    onSuccess: () => { for (const k of [...keys, "occurrences", "incidents", "incident"]) void client.invalidateQueries({ queryKey: [k] }); },
  });
}

/** The matchers of a silence for incidents similar to one: where it was, and its first cause. */
export function silenceFor(i: Pick<Incident, "kind" | "host" | "members" | "causes"> & { forecast?: { resource: string } | null }): Matcher[] {
  const is = (name: string, value: string, isRegex = false): Matcher => ({ name, value, isRegex, isEqual: true });
  const source = i.host.source ? [is("source", i.host.source)] : [];
  const leading = i.causes.find((c) => !c.trivial), cause = leading ? [is("cause", leading.feature)] : [];
  if (i.kind === "fleet" && i.members.length > 200) return [is("kind", i.kind), ...source, ...cause];
  if (i.kind === "fleet") return [...source, is("host", i.members.map((m) => m.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), true), ...cause];
  if (i.kind === "forecast") return [is("kind", i.kind), is("host", i.host.name), ...(i.forecast ? [is("cause", i.forecast.resource)] : [])];
  return i.kind === "host" ? [is("host", i.host.name), ...cause] : [is("kind", i.kind), ...source];
}

/** Which incidents of a host matchers are about: all, some (those of a cause, or as far as is known here), or none. */
export function concerns(match: Matcher[], h: Pick<HostRef, "name" | "source" | "profile"> & { labels?: Record<string, string> }): "all" | "some" | "none" {
  let some = false;
  for (const m of match) {
    const own = m.name === "host" ? h.name : m.name === "source" ? h.source : m.name === "profile" ? h.profile : ["kind", "severity", "cause"].includes(m.name) ? undefined : h.labels && (h.labels[m.name] ?? "");
    if (own === undefined) { some = true; continue; }
    try {
      const met = m.isRegex ? new RegExp(`^(?:${m.value})$`, "s").test(own) : own === m.value;
      if (met !== m.isEqual) return "none";
    } catch { some = true; } // Go's expressions are not quite a browser's
  }
  return some ? "some" : "all";
}

/** The next time that a clock here shows an hour. */
export function nextHour(hour: number, now: number): Date {
  const d = new Date(now), at = (day: number) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + day, hour);
  return at(0).getTime() > now ? at(0) : at(1);
}

export const silencePath = (s: Silence, by: string) => `/silences/${enc(s.id)}` + query({ by });

export const eventColor: Record<Event["kind"], string> = { boot: "blue", restart: "cyan", deploy: "grape", note: "gray" };
const eventSign: Record<Event["kind"], string> = { boot: "▲", restart: "△", deploy: "▼", note: "○" };
const eventHex: Record<Event["kind"], string> = { boot: "#339af0", restart: "#22b8cf", deploy: "#be4bdb", note: "#868e96" };
/** Events as lines in a chart, shaded while their grace lasts. */
export const eventMarks = (events: Event[] | undefined) => (events ?? []).map((e) => ({ at: Date.parse(e.at) / 1000, ...(e.until && { until: Date.parse(e.until) / 1000, lasts: "grace period" }), color: eventHex[e.kind], sign: eventSign[e.kind], text: e.kind as string }));
