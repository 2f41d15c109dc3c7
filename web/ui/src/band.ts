// Where a line leaves its expected band.
import type { Num } from "./api";

interface Line { times: number[]; actual: Num[]; expected: Num[]; lower: Num[]; upper: Num[] }

/** A line with a point wherever it crosses an edge of its band, and what of it is outside: from crossing to crossing. Without a band nothing is outside. */
export function atItsEdges(l: Line): Line & { outside: Num[] } {
  const out: Line & { outside: Num[] } = { times: [], actual: [], expected: [], lower: [], upper: [], outside: [] };
  const side = (i: number): number | null => {
    const v = l.actual[i] ?? null, a = l.lower[i] ?? null, b = l.upper[i] ?? null;
    return v === null || a === null || b === null ? null : v > b ? 1 : v < a ? -1 : 0;
  };
  const put = (t: number, v: Num, e: Num, a: Num, b: Num, outside: boolean) => {
    out.times.push(t); out.actual.push(v); out.expected.push(e); out.lower.push(a); out.upper.push(b); out.outside.push(outside ? v : null);
  };
  l.times.forEach((t, i) => {
    const now = side(i), was = i ? side(i - 1) : null;
    if (now !== null && was !== null && now !== was) {
      const at = (x: Num[], part: number) => { const p = x[i - 1] ?? null, q = x[i] ?? null; return p === null || q === null ? null : p + (q - p) * part; };
      [l.lower, l.upper].map((edge) => { const p = l.actual[i - 1]! - edge[i - 1]!, q = l.actual[i]! - edge[i]!; return p * q < 0 ? p / (p - q) : null; })
        .filter((part): part is number => part !== null).sort((a, b) => a - b)
        .flatMap((part, n, all) => (n ? [{ part: (all[0]! + part) / 2, edge: false }, { part, edge: true }] : [{ part, edge: true }])) // through the band: inside in between
        .forEach(({ part, edge }) => put(l.times[i - 1]! + (t - l.times[i - 1]!) * part, at(l.actual, part), at(l.expected, part), at(l.lower, part), at(l.upper, part), edge));
    }
    put(t, l.actual[i] ?? null, l.expected[i] ?? null, l.lower[i] ?? null, l.upper[i] ?? null, now !== null && now !== 0);
  });
  return out;
}
