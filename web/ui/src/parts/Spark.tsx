import type { Num } from "../api";
import { score } from "../format";

/** The last scores in one line, the limit dashed. */
export function Spark({ scores, hot }: { scores: Num[]; hot: boolean }) {
  const w = 132, h = 24, known = scores.filter((v): v is number => v !== null);
  if (known.length < 2) return <svg width={w} height={h} aria-hidden />;
  const top = Math.max(1.3, ...known), y = (v: number) => h - 2 - (Math.sqrt(Math.max(v, 0)) / Math.sqrt(top)) * (h - 5);
  let d = "", pen = false;
  scores.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    d += `${pen ? "L" : "M"}${((i / (scores.length - 1)) * w).toFixed(1)} ${y(v).toFixed(1)}`;
    pen = true;
  });
  return (
    <svg width={w} height={h} role="img" aria-label={`last ${known.length} scores, latest ${score(known[known.length - 1])}`} style={{ display: "block" }}>
      <line x1={0} x2={w} y1={y(1)} y2={y(1)} stroke="var(--omen-hot)" strokeDasharray="3 3" opacity={0.55} />
      <path d={d} fill="none" stroke={hot ? "var(--omen-hot)" : "var(--omen-ink)"} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}
