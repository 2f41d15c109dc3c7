// The state of a view is its address: what is read here, and nothing else, may
// be in an address's query. A link shows everybody the same.
import { useCallback, useMemo } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";

export type Density = "s" | "" | "l";

/** What a view shows. Instants are seconds since 1970. */
export interface View {
  /** The seconds before now; from and to, where given, are instead of it. */
  last: number;
  from: number; to: number;
  /** The pinned cursor; 0: none. */
  at: number;
  q: string; state: string; sort: string; quiet: string; group: string;
  page: number;
  /** A score in a linear scale though it goes far above the limit; only features outside of what is expected. */
  linear: boolean; out: boolean;
  /** For a screen on a wall: without what only people at a keyboard need. */
  kiosk: boolean;
  /** When it was paused: what is shown is as of then. 0: it follows what happens. */
  paused: number;
  /** How large charts are: "s", "l", or "" for the usual size. */
  density: Density;
  /** How far back a list reaches. */
  days: number;
  /** Features that were chosen; they come first. */
  sel: string[];
  before: string;
  /** Of a calendar: how much of it, what is chosen on it, and which lists below it are open. */
  span: string; pick: string; open: string;
  log: boolean; all: boolean;
  /** Only hosts whose labels match, as PromQL writes it. */
  match: string;
  /** How far back the heat map reaches. */
  past: string;
  /** What is compared: hosts' ids, and so many seconds before for the second. */
  a: string; b: string; ago: number;
}

/** Seconds of a duration as an address has it, such as 12h. */
export const duration = (text: string): number => {
  const m = /^(\d+)([smhd])$/.exec(text);
  return m ? +m[1]! * { s: 1, m: 60, h: 3600, d: 86400 }[m[2] as "s"]! : NaN;
};
const durationText = (s: number): string => {
  for (const [unit, n] of [["d", 86400], ["h", 3600], ["m", 60]] as const) if (s % n === 0) return s / n + unit;
  return Math.round(s) + "s";
};
/** The last instant of an address, in the year 2200: charts and calendars reach beyond what is asked for, and must find instants there, too. */
const latest = 7258118400;
/** An instant since 1970; 0: there is none. */
function instant(text: string): number {
  const s = Date.parse(text) / 1000;
  return s > 0 && s <= latest ? s : 0;
}
/** An instant as an address has it: the second is enough for people. */
export const instantText = (s: number): string => new Date(Math.round(s) * 1000).toISOString().replace(".000Z", "Z");

const text = { read: (t: string) => t, write: (v: string) => v, none: "" };
const time = { read: instant, write: instantText, none: 0 };
const nothing: string[] = [];
const flag = { read: (t: string) => t === "1", write: () => "1", none: false };

/** The one schema: how each part of a view is read and written, and what it is when the address does not say. */
const schema: { [K in keyof View]: { read: (t: string) => View[K]; write: (v: View[K]) => string; none: View[K] } } = {
  last: { read: (t) => { const s = duration(t); return s >= 60 && s <= 40 * 86400 ? s : 3600; }, write: durationText, none: 3600 },
  from: time, to: time, at: time,
  q: text, state: text, sort: text, quiet: text, group: text, before: text,
  span: text, pick: text, open: text,
  linear: flag, out: flag, kiosk: { ...flag, read: (t) => t === "1" || t === "" },
  page: { read: (t) => Math.max(0, Math.floor(+t) || 0), write: String, none: 0 },
  days: { read: (t) => (+t >= 1 && +t <= 366 ? Math.floor(+t) : 7), write: String, none: 7 },
  sel: { read: (t) => t.split(",").filter(Boolean), write: (v) => v.join(","), none: nothing },
  log: flag, all: flag, paused: time,
  density: { read: (t) => (t === "s" || t === "l" ? t : ""), write: (v) => v, none: "" },
  match: text, past: text, a: text, b: text,
  ago: { read: (t) => { const s = duration(t); return s > 0 && s <= 366 * 86400 ? s : 0; }, write: durationText, none: 0 },
};

export function readView(search: string): View {
  const q = new URLSearchParams(search), v = {} as Record<string, unknown>;
  for (const [k, part] of Object.entries(schema)) v[k] = q.has(k) ? part.read(q.get(k)!) : part.none;
  const view = v as unknown as View;
  if (!(view.from > 0 && view.to > view.from)) view.from = view.to = 0; // half a span is none
  return view;
}

/** The query of a view's address, "" for the view that an address without one shows. */
export function writeView(view: View): string {
  const q: string[] = [];
  for (const [k, part] of Object.entries(schema) as [string, { write: (v: unknown) => string; none: unknown }][]) {
    const v = view[k as keyof View];
    if (v !== part.none && !(Array.isArray(v) && !v.length) && !(k === "last" && view.from > 0)) q.push(k + "=" + encodeURIComponent(part.write(v)).replace(/%3A/g, ":").replace(/%2C/g, ","));
  }
  return q.length ? "?" + q.join("&") : "";
}

/** A change of the view; push: Back returns to the view before it. */
export type SetView = (change: Partial<View>, push?: boolean) => void;

export function useView(): [View, SetView] {
  const search = useSearch();
  const view = useMemo(() => readView(search), [search]);
  const set = useCallback<SetView>((change, push) => {
    const next = writeView({ ...readView(location.search), ...change });
    if (next !== location.search) navigate(location.pathname + next, { replace: !push });
  }, []);
  return [view, set];
}

/** What an address's view shows, as a request: the last seconds, or a fixed span, as that of a paused page is. */
export const spanOf = (v: Pick<View, "from" | "to" | "last" | "paused">): { last: number } | { from: number; to: number } =>
  v.from ? { from: v.from, to: v.to } : v.paused ? { from: v.paused - v.last, to: v.paused } : { last: v.last };

/** The address of what is seen now: relative spans are frozen, so that it shows others the same. */
export const frozen = (view: View, span: { from: number; to: number }): string =>
  location.origin + location.pathname + writeView({ ...view, paused: 0, from: Math.round(span.from), to: Math.round(span.to) });
