// In which order a host's features are shown: by their share of the score, in groups;
// and the colour of a score where there is no room for a line.
import type { FeatureHistory } from "./api";
import { words } from "./format";

type Shares = Map<string, number>;

/** Each feature's share of the score: of the causes at a moment, or as the features have it now. */
export function sharesOf(features: { name: string; share: number | null }[], causes: { feature: string; share: number | null }[] | undefined): Shares {
  return new Map(causes ? causes.map((c) => [c.feature, c.share ?? 0]) : features.map((f) => [f.name, f.share ?? 0]));
}

const others = "others";
const groupOf = (name: string) => name.split("_")[0]!;

/** What features begin with, where several do; the others are one group. The largest share first. */
export function groupsOf(names: string[], shares: Shares): { name: string; share: number }[] {
  const size = new Map<string, number>();
  for (const n of names) size.set(groupOf(n), (size.get(groupOf(n)) ?? 0) + 1);
  const all = new Map<string, number>();
  for (const n of names) {
    const g = size.get(groupOf(n))! > 1 ? groupOf(n) : others;
    all.set(g, (all.get(g) ?? 0) + (shares.get(n) ?? 0));
  }
  return [...all].map(([name, share]) => ({ name, share })).sort((a, b) => b.share - a.share || (a.name === others ? 1 : b.name === others ? -1 : a.name < b.name ? -1 : 1));
}
/** The features to show: the chosen ones, then by share, then by name. only: no others than these; of a group, its. */
export function inOrder(names: string[], shares: Shares, by: { q: string; sel: string[]; group: string; only: string[] | null }): string[] {
  const chosen = (n: string) => (by.sel.includes(n) ? 0 : 1), alone = (n: string) => names.filter((x) => groupOf(x) === groupOf(n)).length === 1;
  const inGroup = (n: string) => !by.group || (by.group === others ? alone(n) : groupOf(n) === by.group && !alone(n));
  return names.filter((n) => by.sel.includes(n) || (words(n).includes(words(by.q.toLowerCase())) && inGroup(n) && (by.only === null || by.only.includes(n))))
    .sort((a, b) => chosen(a) - chosen(b) || (shares.get(b) ?? 0) - (shares.get(a) ?? 0) || a.localeCompare(b));
}

/** The colour of a score in a strip: grey below the limit, above it the darker by its magnitude, up to a hundred times. */
export function heat(score: number): string {
  if (score <= 1) return `rgba(120, 130, 150, ${(0.08 + 0.22 * Math.max(0, score)).toFixed(2)})`;
  return `rgba(213, 94, 0, ${Math.min(1, 0.4 + 0.3 * Math.log10(score)).toFixed(2)})`;
}

/** Whether a feature was outside of its band at a moment, as far as that is stored. */
export function outsideAt(h: FeatureHistory | undefined, at: number): boolean {
  if (!h?.times.length) return false;
  let i = 0;
  for (let k = 1; k < h.times.length; k++) if (Math.abs(h.times[k]! - at) < Math.abs(h.times[i]! - at)) i = k;
  const v = h.actual[i] ?? null, a = h.lower[i] ?? null, b = h.upper[i] ?? null;
  return v !== null && a !== null && b !== null && (v < a || v > b);
}
