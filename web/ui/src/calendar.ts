// The calendar of what suppresses notifications, as it is drawn: a lane for each
// silence and each window, one for each kind of event, and in it what occurs when.
import type { Occurrence } from "./api";
import { visible, whole } from "./format";
import { occurrence } from "./mute";

/** What is drawn as one: an occurrence, or several too close to be told apart. Instants are in ms. */
export interface Bar { key: string; from: number; to: number; of: Occurrence[] }
export interface Lane { key: string; kind: Occurrence["kind"]; title: string; bars: Bar[] }

const order: Occurrence["kind"][] = ["silence", "window", "boot", "restart", "deploy", "note"];
const plural: Record<Occurrence["kind"], string> = { silence: "silences", window: "occurrences", boot: "boots", restart: "restarts", deploy: "deploys", note: "notes" };
const start = (o: Occurrence) => Date.parse(o.from);

/** What identifies an occurrence in an address: a window's have one ID. */
export const keyOf = (o: Occurrence) => `${o.kind}/${o.id}/${o.from}`;

/** What an occurrence is called, without what turns or hides text; may be empty. */
export const nameOf = (o: Occurrence) => visible(o.title.trim());

/** The lanes of a calendar: silences, then windows, each the first to begin first; then events by their kind. */
export function lanes(all: Occurrence[], from: number, to: number): Lane[] {
  const close = (to - from) / 150, by = new Map<string, Lane>(); // about the width of a mark
  for (const o of [...all].sort((a, b) => start(a) - start(b))) {
    const planned = o.kind === "silence" || o.kind === "window", key = planned ? `${o.kind}/${o.id}` : o.kind;
    const lane: Lane = by.get(key) ?? { key, kind: o.kind, title: planned ? nameOf(o) : plural[o.kind], bars: [] }, last = lane.bars.at(-1);
    const end = Date.parse(o.to);
    if (end < from || start(o) >= to) continue; // of the span before, while this one is asked for
    if (last && start(o) - last.from < close) { last.of.push(o); last.to = Math.max(last.to, end); }
    else lane.bars.push({ key: keyOf(o), from: start(o), to: end, of: [o] });
    by.set(key, lane);
  }
  return [...by.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)); // stable: each kind by its beginning
}

/** Where an instant is between from and to, in percent. */
export const place = (at: number, from: number, to: number) => Math.min(100, Math.max(0, (100 * (at - from)) / (to - from)));

/** When an occurrence is, by the reader's clock; what has no length is an instant. */
export const when = (o: Pick<Occurrence, "from" | "to">, zone = Intl.DateTimeFormat().resolvedOptions().timeZone) => {
  const text = occurrence({ from: o.from, to: o.to }, zone);
  return o.from === o.to ? text.replace(/–[\d:]+/, "") : text;
};

/** What a bar is, for people who do not see it. */
export function barText(b: Bar, now: number, zone?: string): string {
  const [o] = b.of;
  if (b.of.length > 1) return `${b.of.length} ${plural[o!.kind]}, the first ${when(o!, zone)}`;
  const left = start(o!) > now ? `begins in ${whole((start(o!) - now) / 1000)}` : b.to > now ? `ends in ${whole((b.to - now) / 1000)}` : "over";
  return `${`${o!.kind} ${nameOf(o!)}`.trim()}, ${when(o!, zone)}, ${left}`;
}

const hour = 3600_000, day = 24 * hour;

/** Instants to write below a span and what is written there: at most about nine, by the reader's clock, whatever daylight saving does. */
export function ticks(from: number, to: number): { at: number; label: string }[] {
  const hours = (to - from) / hour <= 48 ? ((to - from) / hour <= 26 ? 3 : 6) : 0;
  const days = [1, 2, 7, 14].find((n) => (to - from) / day / n <= 9) ?? 28;
  const at = new Date(from), all: { at: number; label: string }[] = [];
  for (at.setHours(0, 0, 0, 0); at.getTime() < to; hours ? at.setHours(at.getHours() + hours) : at.setDate(at.getDate() + days)) {
    const midnight = at.getHours() === 0;
    if (at.getTime() >= from) all.push({ at: at.getTime(), label: midnight ? at.toLocaleDateString(undefined, { weekday: "short", day: "numeric" }) : at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) });
  }
  return all;
}

/** How much of the calendar is shown, around a moment, in hours before and after it. */
export const spans: Record<string, { label: string; before: number; after: number }> = {
  day: { label: "Day", before: 6, after: 18 }, "": { label: "Week", before: 24, after: 168 }, month: { label: "Month", before: 192, after: 720 },
};

/** One of spans; of what an address says else, the usual one. */
export const spanName = (text: string) => (Object.hasOwn(spans, text) ? text : "");

/** The span that an address shows, in seconds; at: the moment that it is about, 0: now. */
export function spanAround(at: number, now: number, name: string): { from: number; to: number } {
  const s = spans[spanName(name)]!, middle = at || Math.floor(now / 300_000) * 300;
  return { from: middle - s.before * 3600, to: middle + s.after * 3600 };
}

export const sections = ["silences", "windows", "events"] as const;
export type Section = (typeof sections)[number];

/** Which lists are open: what the address says, else all of /quiet, and of the old addresses their own. */
export function opened(path: string, open: string): Section[] {
  const own = sections.filter((s) => path === s);
  return open ? sections.filter((s) => open.split(",").includes(s)) : own.length ? own : [...sections];
}

/** The same with one list opened or closed, as the address has it. */
export function toggled(path: string, open: string, one: Section): string {
  const was = opened(path, open), next = sections.filter((s) => was.includes(s) !== (s === one)), usual = opened(path, "");
  return next.length === usual.length && next.every((s) => usual.includes(s)) ? "" : next.join(",") || "none";
}
