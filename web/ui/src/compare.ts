// Two hosts, one at two times, or one and its group: how far their features are
// apart, and both lines on one axis.
import { useQuery } from "@tanstack/react-query";
import { ask, enc, query, type FeatureHistory, type Group, type Num } from "./api";
import { tellingLabels } from "./host";
import { readView, writeView, type View } from "./view";

/** A feature of both, and how far they are apart in units of what is expected: 1 is the height of the wider of both bands; null: that is not known. */
export interface Apart { feature: string; unit: string; apart: Num; a?: FeatureHistory; b?: FeatureHistory }

/** Into how many stretches a span is divided to compare both in each: a sample of one is seldom at the instant of one of the other. */
const stretches = 30;

/** The mean of a line in each stretch. */
function means(times: number[], values: Num[], from: number, to: number): Num[] {
  const sum = Array<number>(stretches).fill(0), n = Array<number>(stretches).fill(0);
  times.forEach((t, i) => {
    const v = values[i], k = Math.floor(((t - from) / (to - from)) * stretches);
    if (v === null || v === undefined || k < 0 || k >= stretches) return;
    sum[k]! += v;
    n[k]! += 1;
  });
  return sum.map((s, k) => (n[k] ? s / n[k]! : null));
}

/** How high a band usually is; null: there is none. */
function height(f: FeatureHistory): Num {
  const all = f.times.flatMap((_, i) => { const l = f.lower[i] ?? null, u = f.upper[i] ?? null; return l !== null && u !== null && u > l ? [u - l] : []; }).sort((x, y) => x - y);
  return all.length ? all[Math.floor(all.length / 2)]! : null;
}

function apart(a: FeatureHistory, b: FeatureHistory, ago: number, from: number, to: number): Num {
  const wide = Math.max(height(a) ?? 0, height(b) ?? 0);
  if (!wide) return null;
  const p = means(a.times, a.actual, from, to), q = means(b.times, b.actual, from - ago, to - ago);
  const all = p.flatMap((v, k) => (v === null || q[k] === null ? [] : [Math.abs(v - q[k]!)]));
  return all.length ? all.reduce((s, d) => s + d, 0) / all.length / wide : null;
}

/** The features of two hosts in a span, those that are furthest apart first, those of which that is not known last. ago: the second is so many seconds before. */
export function differences(a: FeatureHistory[], b: FeatureHistory[], ago: number, from: number, to: number): Apart[] {
  const of = new Map(a.map((f) => [f.feature, f])), other = new Map(b.map((f) => [f.feature, f]));
  return [...new Set([...of.keys(), ...other.keys()])].map((feature): Apart => {
    const x = of.get(feature), y = other.get(feature);
    return { feature, unit: (x ?? y)!.unit, apart: x && y ? apart(x, y, ago, from, to) : null, a: x, b: y };
  }).sort((x, y) => (y.apart ?? -1) - (x.apart ?? -1) || x.feature.localeCompare(y.feature));
}

/** The median and the range of the hosts that have the same value of a label as one; "": nothing is asked. */
export const useGroup = (id: string, label: string, span: { last: number } | { from: number; to: number }) =>
  useQuery({
    queryKey: ["group", id, label, span], enabled: id !== "" && label !== "", retry: false, placeholderData: (old: Group | undefined) => (old?.host === id && old.label === label ? old : undefined),
    queryFn: () => ask<Group>(`/hosts/${enc(id)}/group` + query({ label, ...("last" in span ? { from: Date.now() / 1000 - span.last } : span) })),
    refetchInterval: "last" in span ? Math.max(60_000, span.last * 50) : false, // a twentieth of the span
  });

/** A group as though it were a host: its median is the line, and its range from 10 to 90 % the band. */
export const asHost = (g: Group): FeatureHistory[] => g.features.map((f) => ({ feature: f.feature, unit: f.unit, times: f.times, actual: f.median, expected: [], lower: f.low, upper: f.high }));

/** Of how many hosts a group is made, and which are left out. */
export function madeOf(g: Group): string {
  const hosts = (n: number) => (n === 1 ? "1 host" : `${n} hosts`), from = g.hosts_read < g.hosts ? `${g.hosts_read} of ${hosts(g.hosts)}, chosen evenly` : g.hosts ? hosts(g.hosts) : "no other host";
  return `of ${from}${g.hosts_elsewhere ? `; ${hosts(g.hosts_elsewhere)} of another source or profile ${g.hosts_elsewhere === 1 ? "is" : "are"} left out` : ""}`;
}

/** How many hosts a line is made of, where that is not always the same: 3–5. */
export function counts(hosts: number[]): string {
  const least = Math.min(...hosts), most = Math.max(...hosts);
  return least === most ? String(most) : `${least}–${most}`;
}

/** The labels by which a host can be compared with a group, those that name its role first. */
export function groupLabels(h: { labels: Record<string, string>; name: string }): string[] {
  const rank = (k: string) => ["role", "job"].indexOf(k) + 1 || 3;
  return [...tellingLabels(h.labels, h.name).map(([k]) => k).sort((x, y) => rank(x) - rank(y) || x.localeCompare(y)), "profile"];
}

/** Both lines at the instants of both, with the band of the first, and of a group its range; undefined where the other has its sample. */
export interface Both { times: number[]; a: (Num | undefined)[]; b: (Num | undefined)[]; lower: (Num | undefined)[]; upper: (Num | undefined)[]; low?: (Num | undefined)[]; high?: (Num | undefined)[] }

export function overlay(a: FeatureHistory | undefined, b: FeatureHistory | undefined, ago: number, range = false): Both {
  const left = new Map((a?.times ?? []).map((t, i) => [t, i])), right = new Map((b?.times ?? []).map((t, i) => [t + ago, i]));
  const times = [...new Set([...left.keys(), ...right.keys()])].sort((x, y) => x - y);
  const at = (of: Map<number, number>, values: Num[] | undefined) => times.map((t) => { const i = of.get(t); return i === undefined ? undefined : (values?.[i] ?? null); });
  return { times, a: at(left, a?.actual), b: at(right, b?.actual), lower: at(left, a?.lower), upper: at(left, a?.upper), ...(range && { low: at(right, b?.lower), high: at(right, b?.upper) }) };
}

/** The value of a line at an instant of both that is nearest. */
export function nearby(line: (Num | undefined)[], i: number): Num | undefined {
  for (let d = 0; d < line.length; d++) for (const k of [i - d, i + d]) if (line[k] !== undefined) return line[k];
  return undefined;
}

/** A host's name, of its id. */
export const nameOf = (id: string) => id.split("/").slice(2).join("/") || id;

/** A difference in words. */
export const apartText = (v: Num): string => (v === null ? "not comparable" : v < 0.01 ? "the same" : `${v >= 10 ? Math.round(v) : +v.toPrecision(2)}× the expected band`);

/** Where a host is compared, with itself or with a group, in the span that is seen. */
export const comparePath = (id: string, view: Pick<View, "last" | "from" | "to" | "at">, group = "") =>
  "/compare" + writeView({ ...readView(""), last: view.last, from: view.from, to: view.to, at: view.at, a: id, group });
