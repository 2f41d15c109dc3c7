import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, type ReactNode } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Num } from "../api";
import { range, score, scoreRange, timeOf, value } from "../format";
import { atItsEdges } from "../band";
import type { Mark } from "../marks";
import { useAxis, type Axis } from "./Time";

function drawMarks(u: uPlot, marks: Mark[] | undefined) {
  const { ctx, bbox: b } = u, px = devicePixelRatio;
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = 1.4 * px;
  ctx.font = `${10 * px}px system-ui`; ctx.textAlign = "center"; ctx.textBaseline = "top";
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
    if (m.sign) { ctx.fillStyle = m.color; ctx.fillText(m.sign, Math.min(Math.max(x, b.left + 5 * px), b.left + b.width - 5 * px), b.top); }
  }
  ctx.restore();
}

const sized = { s: 0.6, "": 1, l: 1.8 };
/** How high a chart is that has so many pixels at the usual size. */
export const heightOf = (axis: Pick<Axis, "density">, usual: number) => Math.round(usual * sized[axis.density]);

export const ink = (dark: boolean) => ({
  text: dark ? "#a3a9b7" : "#5c6270", grid: dark ? "#262932" : "#eceef3", line: dark ? "#a9b6cf" : "#3b4a63",
  fill: dark ? "rgba(169,182,207,.10)" : "rgba(59,74,99,.06)", band: dark ? "rgba(130,155,190,.24)" : "rgba(84,112,150,.16)",
  expected: dark ? "#7f95b8" : "#6b83a6", out: dark ? "#ff8a3d" : "#d55e00", limit: dark ? "#ff8a3d" : "#c24f00", over: dark ? "rgba(255,138,61,.07)" : "rgba(213,94,0,.05)",
  pin: dark ? "#d9dce3" : "#1f2430", other: dark ? "#63d3bb" : "#0b7261", range: dark ? "rgba(99,211,187,.16)" : "rgba(11,114,97,.12)",
});

/** What all charts of a page share: the span, the crosshair, a drag that zooms, a click that pins. */
export function shared(axis: () => Axis): Pick<uPlot.Options, "cursor"> & { plugin: uPlot.Plugin } {
  return {
    cursor: {
      y: false, drag: { x: true, y: false, setScale: false }, points: { size: 6 },
      sync: { key: "axis", scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave", sub: () => true } },
      bind: { dblclick: () => () => { const { from, to, zoom } = axis(); zoom(from - (to - from) / 2, to + (to - from) / 2); return null; } },
    },
    plugin: {
      hooks: {
        init: (u) => {
          let down = 0;
          u.over.addEventListener("mousedown", (e) => { down = e.clientX; });
          u.over.addEventListener("click", (e) => { if (Math.abs(e.clientX - down) < 4) axis().pin(u.posToVal(u.cursor.left ?? 0, "x")); });
        },
        setSelect: (u) => {
          const { left, width } = u.select;
          if (width < 4) return;
          axis().zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      },
    },
  };
}

/** The pinned cursor. */
export function drawPin(u: uPlot, at: number, color: string) {
  const { ctx, bbox: b } = u, x = u.valToPos(at, "x", true);
  if (!at || !(x >= b.left && x <= b.left + b.width)) return;
  ctx.save();
  ctx.strokeStyle = color; ctx.lineWidth = devicePixelRatio; ctx.setLineDash([2 * devicePixelRatio, 2 * devicePixelRatio]);
  ctx.beginPath(); ctx.moveTo(x, b.top); ctx.lineTo(x, b.top + b.height); ctx.stroke();
  ctx.restore();
}

/** The arrows move the pinned cursor by a sample, with Shift by a tenth of the span. */
export function arrows(times: number[], axis: Axis) {
  return (e: React.KeyboardEvent) => {
    const way = e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0;
    if (!way || !times.length) return;
    e.preventDefault();
    const at = axis.at || axis.to, wide = e.shiftKey ? (axis.to - axis.from) / 10 : 0;
    const i = nearest(times, at), next = wide ? at + way * wide : times[Math.min(times.length - 1, Math.max(0, i + way))]!;
    axis.pin(Math.min(axis.to, Math.max(axis.from, Math.abs(next - at) < 1 ? at + way : next)));
  };
}

const pinnedText = (axis: Axis, times: number[], says: (i: number) => string) =>
  axis.at && times.length ? `; at ${timeOf(new Date(axis.at * 1000).toISOString())}: ${says(nearest(times, axis.at))}` : "";

/** The index of the instant that is nearest. */
export function nearest(times: number[], at: number): number {
  let i = 0;
  for (let k = 1; k < times.length; k++) if (Math.abs(times[k]! - at) < Math.abs(times[i]! - at)) i = k;
  return i;
}

/** Keeps one uPlot for the life of its element, resized with it. */
export function usePlot(make: (width: number) => uPlot.Options, data: uPlot.AlignedData, key: string) {
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
  useEffect(() => { plot.current?.setData(data); }); // with it the span, the marks and the pinned cursor move
  return box;
}

/** An instant under a chart: as coarse as the ticks are apart. */
function moment(t: number, step: number): string {
  const d = new Date(t * 1000);
  if (step >= 86400) return d.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return d.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined, hourCycle: "h23" });
}

export const axes = (c: ReturnType<typeof ink>, label: (v: number) => string, size = 56): uPlot.Axis[] => [
  { stroke: c.text, grid: { show: false }, ticks: { stroke: c.grid }, font: "11px system-ui", size: 30, space: 56, values: (_u, ts, _a, _s, step) => ts.map((t) => moment(t, step)) },
  { stroke: c.text, grid: { stroke: c.grid, width: 1 }, ticks: { show: false }, font: "11px system-ui", size, values: (_u, vs) => vs.map((v) => (v === null ? "" : label(v))).map((t, n, all) => (t === all[n - 1] ? "" : t)) },
];

/** A small box that follows the cursor and says the values there. */
export function tip(lines: (i: number) => string[]): uPlot.Plugin {
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
        const all = [timeOf(new Date(t * 1000).toISOString()), ...lines(i)];
        el.textContent = u.over.matches(":hover") ? all.join("\n") : all[1]!; // of the other charts only the value
        el.style.display = "block";
        const left = u.cursor.left ?? 0;
        el.style.left = (left > u.over.clientWidth / 2 ? left - 12 - el.offsetWidth : left + 12) + "px";
        el.style.top = "6px";
      },
    },
  };
}

/** Where a host alerts only above a level of its own, that; the limit has its line. */
export const raised = (level: Num[]): Num[] => level.map((v) => (v !== null && v > 1 ? v : null));

/** A host's score with its limit and its level above it; marks are instants worth a line, such as an incident's onset. */
export function ScoreChart(p: { times: number[]; scores: Num[]; level: Num[]; log?: boolean; marks?: Mark[]; label: string }) {
  const axis = useAxis(), held = useRef(axis);
  held.current = axis;
  const dark = useComputedColorScheme("light") === "dark";
  const c = ink(dark), log = p.log ?? false, height = heightOf(axis, 300);
  const latest = useRef(p);
  latest.current = p;
  const data: uPlot.AlignedData = [p.times, log ? p.scores.map((v) => (v === null ? null : Math.max(v, 0.05))) : p.scores, raised(p.level)];
  const says = (i: number) => "score " + score(latest.current.scores[i]) + ((latest.current.level[i] ?? 1) > 1 ? ", level " + score(latest.current.level[i]) : "");
  const common = shared(() => held.current);
  const box = usePlot((width) => ({
    width, height, cursor: common.cursor, legend: { show: false },
    scales: {
      x: { range: () => [held.current.from, held.current.to] },
      y: { distr: log ? 3 : 1, range: () => scoreRange(latest.current.scores, log, latest.current.level) },
    },
    axes: axes(c, (v) => (log ? String(+v.toPrecision(2)) : value(v, "1"))),
    series: [{}, { stroke: c.line, width: 1.6, fill: log ? undefined : c.fill, points: { show: false } },
      { stroke: c.limit, width: 1.6, points: { show: false } }],
    plugins: [common.plugin, tip((i) => [says(i)])],
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
        drawPin(u, held.current.at, c.pin);
      }],
    },
  }), data, `${dark}${log}${height}`);
  return <div ref={box} role="img" tabIndex={0} onKeyDown={arrows(p.times, axis)} aria-label={p.label + pinnedText(axis, p.times, says)} style={{ minHeight: height }} />;
}

/** Charts side by side, as many as their size lets. */
export const Bands = ({ children }: { children: ReactNode }) => <div className="bands" data-density={useAxis().density || undefined}>{children}</div>;

/** One feature: what it is, what was expected, and the band around that. */
export function BandChart(given: { times: number[]; actual: Num[]; expected: Num[]; lower: Num[]; upper: Num[]; unit: string; label: string; height?: number; marks?: Mark[] }) {
  const p = { ...given, ...useMemo(() => atItsEdges(given), [given.times, given.actual, given.expected, given.lower, given.upper]) }; // eslint-disable-line react-hooks/exhaustive-deps
  const axis = useAxis(), held = useRef(axis);
  held.current = axis;
  const dark = useComputedColorScheme("light") === "dark";
  const c = ink(dark), height = heightOf(axis, p.height ?? 120);
  const latest = useRef(p);
  latest.current = p;
  const data: uPlot.AlignedData = [p.times, p.upper, p.lower, p.expected, p.actual, p.outside];
  const common = shared(() => held.current);
  const box = usePlot((width) => ({
    width, height, cursor: { ...common.cursor, points: { show: false } }, legend: { show: false },
    scales: { x: { range: () => [held.current.from, held.current.to] }, y: { range: (_u, min, max) => { const pad = (max - min || Math.abs(max) || 1) * 0.12; return [min >= 0 ? Math.max(0, min - pad) : min - pad, max + pad]; } } },
    axes: axes(c, (v) => value(v, p.unit), 66),
    series: [{}, { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } },
      { stroke: c.expected, width: 1.2, dash: [5, 4], points: { show: false } }, { stroke: c.line, width: 1.5, points: { show: false } },
      { stroke: c.out, width: 2.2, points: { show: false } }],
    bands: [{ series: [1, 2], fill: c.band }],
    hooks: { draw: [(u) => { drawMarks(u, latest.current.marks); drawPin(u, held.current.at, c.pin); }] },
    plugins: [common.plugin, tip((i) => {
      const h = latest.current, lines = ["actual " + value(h.actual[i], h.unit)];
      if (h.lower[i] !== null) lines.push(`expected ${value(h.expected[i], h.unit)}, ${range(h.lower[i], h.upper[i], h.unit)}`);
      return lines;
    })],
  }), data, `${dark}${p.unit}${height}`);
  return <div ref={box} role="img" tabIndex={0} onKeyDown={arrows(p.times, axis)} aria-label={p.label + pinnedText(axis, p.times, (i) => value(p.actual[i], p.unit))} style={{ minHeight: height }} />;
}
