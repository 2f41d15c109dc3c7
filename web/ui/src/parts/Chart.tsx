import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Num } from "../api";
import { score, scoreRange, value } from "../format";

/** An instant worth a line in a chart; text says what it is. One with an end is shaded until then. */
export interface Mark { at: number; until?: number; color: string; text?: string }

function drawMarks(u: uPlot, marks: Mark[] | undefined) {
  const { ctx, bbox: b } = u, px = devicePixelRatio;
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = 1.4 * px;
  for (const m of marks ?? []) {
    const x = u.valToPos(m.at, "x", true), edge = (v: number) => Math.min(Math.max(v, b.left), b.left + b.width);
    if (m.until) {
      const left = edge(x), right = edge(u.valToPos(m.until, "x", true));
      ctx.globalAlpha = 0.14; ctx.fillStyle = m.color;
      ctx.fillRect(left, b.top, Math.max(0, right - left), b.height);
      ctx.globalAlpha = 1;
    }
    if (!(x >= b.left && x <= b.left + b.width)) continue;
    ctx.strokeStyle = m.color;
    ctx.beginPath(); ctx.moveTo(x, b.top); ctx.lineTo(x, b.top + b.height); ctx.stroke();
  }
  ctx.restore();
}

const ink = (dark: boolean) => ({
  text: dark ? "#979dab" : "#5c6270", grid: dark ? "#262932" : "#eceef3", line: dark ? "#9d8ff5" : "#6a55e0",
  fill: dark ? "rgba(157,143,245,.10)" : "rgba(106,85,224,.07)", band: dark ? "rgba(72,187,164,.20)" : "rgba(23,150,125,.16)",
  expected: dark ? "#48bba4" : "#17967d", limit: dark ? "#f0616b" : "#d6333f", over: dark ? "rgba(240,97,107,.07)" : "rgba(214,51,63,.045)",
});

/** Keeps one uPlot for the life of its element, resized with it. */
function usePlot(make: (width: number) => uPlot.Options, data: uPlot.AlignedData, key: string) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const p = new uPlot(make(el.clientWidth), latest.current, el);
    plot.current = p;
    const watch = new ResizeObserver(() => p.setSize({ width: el.clientWidth, height: p.height }));
    watch.observe(el);
    return () => { watch.disconnect(); p.destroy(); plot.current = null; };
    // a new key means new options; data moves by setData
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  useEffect(() => { plot.current?.setData(data); }, [data]);
  return box;
}

/** An instant under a chart: as coarse as the ticks are apart. */
function moment(t: number, step: number): string {
  const d = new Date(t * 1000);
  if (step >= 86400) return d.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return d.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined, hourCycle: "h23" });
}

const axes = (c: ReturnType<typeof ink>, label: (v: number) => string, size = 56): uPlot.Axis[] => [
  { stroke: c.text, grid: { show: false }, ticks: { stroke: c.grid }, font: "11px system-ui", size: 30, space: 64, values: (_u, ts, _a, _s, step) => ts.map((t) => moment(t, step)) },
  { stroke: c.text, grid: { stroke: c.grid, width: 1 }, ticks: { show: false }, font: "11px system-ui", size, values: (_u, vs) => vs.map((v) => (v === null ? "" : label(v))) },
];

/** A small box that follows the cursor and says the values there. */
function tip(lines: (i: number) => string[]): uPlot.Plugin {
  let el: HTMLDivElement;
  return {
    hooks: {
      init: (u) => {
        el = document.createElement("div");
        Object.assign(el.style, { position: "absolute", pointerEvents: "none", zIndex: "5", padding: "4px 8px", fontSize: "12px", borderRadius: "6px", whiteSpace: "pre", display: "none", background: "var(--omen-card)", border: "1px solid var(--omen-line)" });
        u.over.appendChild(el);
      },
      setCursor: (u) => {
        const i = u.cursor.idx, t = i === null || i === undefined ? undefined : u.data[0][i];
        if (t === undefined || i === null || i === undefined || (u.cursor.left ?? -1) < 0) { el.style.display = "none"; return; }
        el.textContent = [new Date(t * 1000).toLocaleTimeString(), ...lines(i)].join("\n");
        el.style.display = "block";
        const left = u.cursor.left ?? 0;
        el.style.left = (left > u.over.clientWidth - 150 ? left - 12 - el.offsetWidth : left + 12) + "px";
        el.style.top = "6px";
      },
    },
  };
}

/** A host's score with its limit; marks are instants worth a line, such as an incident's onset. */
export function ScoreChart(p: { times: number[]; scores: Num[]; log?: boolean; height?: number; marks?: Mark[]; label: string; from?: number; to?: number }) {
  const dark = useComputedColorScheme("light") === "dark";
  const c = ink(dark), log = p.log ?? false;
  const latest = useRef(p);
  latest.current = p;
  const data: uPlot.AlignedData = [p.times, log ? p.scores.map((v) => (v === null ? null : Math.max(v, 0.05))) : p.scores];
  const box = usePlot((width) => ({
    width, height: p.height ?? 240, cursor: { drag: { x: false, y: false }, points: { size: 6 } }, legend: { show: false },
    scales: {
      x: { range: (_u, min, max) => [latest.current.from ?? min, latest.current.to ?? max] },
      y: { distr: log ? 3 : 1, range: () => scoreRange(latest.current.scores, log) },
    },
    axes: axes(c, (v) => (log ? String(+v.toPrecision(2)) : value(v, "1"))),
    series: [{}, { stroke: c.line, width: 1.6, fill: log ? undefined : c.fill, points: { show: false } }],
    plugins: [tip((i) => ["score " + score(latest.current.scores[i])])],
    hooks: {
      drawClear: [(u) => {
        const y = u.valToPos(1, "y", true), { left, top, width: w } = u.bbox;
        u.ctx.fillStyle = c.over;
        u.ctx.fillRect(left, top, w, Math.max(0, y - top));
      }],
      draw: [(u) => {
        const { ctx, bbox: b } = u, y = u.valToPos(1, "y", true), px = devicePixelRatio;
        ctx.save();
        ctx.strokeStyle = c.limit; ctx.lineWidth = px; ctx.setLineDash([5 * px, 4 * px]);
        ctx.beginPath(); ctx.moveTo(b.left, y); ctx.lineTo(b.left + b.width, y); ctx.stroke();
        ctx.setLineDash([]); ctx.fillStyle = c.limit; ctx.font = `${11 * px}px system-ui`;
        ctx.textAlign = "left"; ctx.fillText("limit", b.left + 4 * px, y - 4 * px);
        ctx.restore();
        drawMarks(u, latest.current.marks);
      }],
    },
  }), data, `${dark}${log}${p.height}`);
  return <div ref={box} role="img" aria-label={p.label} style={{ minHeight: p.height ?? 240 }} />;
}

/** One feature: what it is, what was expected, and the band around that. */
export function BandChart(p: { times: number[]; actual: Num[]; expected: Num[]; lower: Num[]; upper: Num[]; unit: string; label: string; height?: number; from?: number; to?: number; marks?: Mark[] }) {
  const dark = useComputedColorScheme("light") === "dark";
  const c = ink(dark);
  const latest = useRef(p);
  latest.current = p;
  const none = (v: Num[]) => (v.length === p.times.length ? v : p.times.map(() => null));
  const data: uPlot.AlignedData = [p.times, none(p.upper), none(p.lower), none(p.expected), p.actual];
  const box = usePlot((width) => ({
    width, height: p.height ?? 120, cursor: { drag: { x: false, y: false }, points: { show: false } }, legend: { show: false },
    scales: { x: { range: (_u, min, max) => [latest.current.from ?? min, latest.current.to ?? max] }, y: { range: (_u, min, max) => { const pad = (max - min || Math.abs(max) || 1) * 0.12; return [min >= 0 ? Math.max(0, min - pad) : min - pad, max + pad]; } } },
    axes: axes(c, (v) => value(v, p.unit), 66),
    series: [{}, { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } },
      { stroke: c.expected, width: 1.2, dash: [5, 4], points: { show: false } }, { stroke: c.line, width: 1.7, points: { show: false } }],
    bands: [{ series: [1, 2], fill: c.band }],
    hooks: { draw: [(u) => drawMarks(u, latest.current.marks)] },
    plugins: [tip((i) => {
      const h = latest.current, lines = ["actual " + value(h.actual[i], h.unit)];
      if (h.expected.length) lines.push("expected " + value(h.expected[i], h.unit));
      return lines;
    })],
  }), data, `${dark}${p.unit}`);
  return <div ref={box} role="img" aria-label={p.label} style={{ minHeight: p.height ?? 120 }} />;
}

/** The last scores in one line, the limit dashed. */
export function Spark({ scores, hot }: { scores: Num[]; hot: boolean }) {
  const w = 132, h = 30, known = scores.filter((v): v is number => v !== null);
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
      <line x1={0} x2={w} y1={y(1)} y2={y(1)} stroke="var(--mantine-color-red-5)" strokeDasharray="3 3" opacity={0.55} />
      <path d={d} fill="none" stroke={hot ? "var(--mantine-color-red-6)" : "var(--mantine-color-violet-5)"} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}
