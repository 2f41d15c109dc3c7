// What the browser has seen of a host's features since its page was opened: the end of
// a chart, after what was read of it, and all of a feature whose history is not stored.
import type { FeatureHistory, HostDetail, Num } from "./api";

export interface Values { actual: Num[]; expected: Num[]; lower: Num[]; upper: Num[] }
export interface Seen { times: number[]; by: Map<string, Values> }

export const nothing: Seen = { times: [], by: new Map() };
const keep = 600; // samples: a quarter of an hour at the pace of the event stream

/** What was seen with the latest sample of a host, without what is not after `from`, in seconds, and of no more than the last 600. */
export function taken(s: Seen, h: Pick<HostDetail, "last_seen" | "features">, from: number): Seen {
  const at = Date.parse(h.last_seen ?? "") / 1000, n = s.times.length;
  if (!(at > (s.times[n - 1] ?? 0))) return s;
  if (at <= from) return nothing;
  const first = s.times.findIndex((t) => t > from), times = s.times.slice(Math.max(first < 0 ? n : first, n + 1 - keep));
  const grow = (old: Num[] | undefined, v: Num) => [...(old ? old.slice(n - times.length) : times.map(() => null)), v];
  const by = new Map(h.features.map((f) => {
    const old = s.by.get(f.name);
    return [f.name, { actual: grow(old?.actual, f.actual), expected: grow(old?.expected, f.expected), lower: grow(old?.lower, f.lower), upper: grow(old?.upper, f.upper) }];
  }));
  return { times: [...times, at], by };
}

/** From when on what is seen of features is needed: what was read of them ends later, by more than the next answer may end before this one; -Infinity: of one nothing is stored. span: how many seconds are shown. */
export function needed(features: { name: string; actual: Num }[], stored: Map<string, FeatureHistory>, span: number): number {
  const ends = features.filter((f) => f.actual !== null).map((f) => stored.get(f.name)?.times.at(-1) ?? -Infinity); // what is not on the host has no history
  return Math.min(...ends) - Math.max(30, span / 100);
}

/** What is stored of a feature, and what was seen since. */
export function joined(stored: FeatureHistory, seen: Seen | undefined, live: Values | undefined): { times: number[] } & Values {
  const end = stored.times[stored.times.length - 1]!, from = seen?.times.findIndex((t) => t > end) ?? -1;
  if (!seen || !live || from < 0) return stored;
  const put = (a: Num[], b: Num[]) => [...(a.length ? a : stored.times.map(() => null)), ...b.slice(from)]; // without a band there are no ends
  return { times: [...stored.times, ...seen.times.slice(from)], actual: put(stored.actual, live.actual), expected: put(stored.expected, live.expected), lower: put(stored.lower, live.lower), upper: put(stored.upper, live.upper) };
}
