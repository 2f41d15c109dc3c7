import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { copy } from "../copy";
import { timeOf, zoneOf } from "../format";
import { frozen, instantText, spanOf, type Density, type SetView, type View } from "../view";
import { useNow } from "./Bits";
import { Segments } from "./Segments";

/** The one time axis of a page: what all of its charts show, and how they change it. */
export interface Axis { from: number; to: number; at: number; density: Density; zoom: (from: number, to: number) => void; pin: (at: number) => void }

const Shared = createContext<Axis | null>(null);
export const useAxis = () => useContext(Shared)!;

const presets = [["300", "5 min"], ["3600", "1 h"], ["21600", "6 h"], ["86400", "1 d"], ["604800", "7 d"]].map(([value, label]) => ({ value: value!, label: label! }));
const sizes = [["s", "S"], ["", "M"], ["l", "L"]].map(([value, label]) => ({ value: value!, label: label! }));
const least = 20, most = 40 * 86400; // seconds: some samples; what one request may read

/** An axis for a view. home: the span that is shown while the address has none; without it that is the last so many seconds. */
export function TimeAxis({ view, set, home, children }: { view: View; set: SetView; home?: { from: number; to: number }; children: ReactNode }) {
  const own = spanOf(view), fixed = view.from || !home ? ("from" in own ? own : undefined) : home, last = view.last;
  const beat = Math.max(2, last / 600), now = Math.floor(useNow(fixed ? 60_000 : beat * 1000) / 1000 / beat) * beat;
  const from = fixed ? fixed.from : now - last, to = fixed ? fixed.to : now;
  const axis = useMemo<Axis>(() => ({
    from, to, at: view.at, density: view.density,
    zoom: (a, b) => {
      const ahead = Date.now() / 1000, width = Math.min(most, Math.max(least, b - a)), end = Math.min(ahead, (a + b + width) / 2);
      set({ from: Math.floor(end - width), to: Math.ceil(end) }, true);
    },
    pin: (at) => set({ at: Math.round(at) }),
  }), [from, to, view.at, view.density, set]);
  useKeys(axis, () => set({ from: 0, to: 0 }, true), () => axis.pin(0));
  return <Shared value={axis}><TimeBar view={view} set={set} home={home} axis={axis} />{children}</Shared>;
}

/** What can be moved and zoomed. */
type Moved = Pick<Axis, "from" | "to" | "at" | "zoom">;

const shift = (x: Moved, part: number) => x.zoom(x.from + (x.to - x.from) * part, x.to + (x.to - x.from) * part);
const scale = (x: Moved, by: number) => { const c = x.at > x.from && x.at < x.to ? x.at : (x.from + x.to) / 2, w = ((x.to - x.from) * by) / 2; x.zoom(c - w, c + w); };

/** [ and ] shift, + and - zoom, 0 is where the page began, Escape takes the cursor away. */
export function useKeys(axis: Moved, home: () => void, unpin?: () => void) {
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const el = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || el.closest("input, textarea, select, dialog, [role=dialog]")) return;
      const does: Record<string, () => void> = { "[": () => shift(axis, -0.5), "]": () => shift(axis, 0.5), "+": () => scale(axis, 0.5), "=": () => scale(axis, 0.5), "-": () => scale(axis, 2), "0": home };
      if (unpin && axis.at) does["Escape"] = unpin;
      const f = does[e.key];
      if (f) { e.preventDefault(); f(); }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  });
}

/** Earlier, later, zoom in and out. between: what stands between the first two. */
export function Steps({ axis, between }: { axis: Moved; between?: ReactNode }) {
  const step = (label: string, key: string, sign: string, f: () => void) => <button type="button" className="step-time" aria-label={label} title={`${label} (${key})`} onClick={f}>{sign}</button>;
  return <>{step("Earlier", "[", "◀", () => shift(axis, -0.5))}{between}{step("Later", "]", "▶", () => shift(axis, 0.5))}{step("Zoom in", "+", "+", () => scale(axis, 0.5))}{step("Zoom out", "-", "−", () => scale(axis, 2))}</>;
}

function TimeBar({ view, set, home, axis }: { view: View; set: SetView; home?: { from: number; to: number }; axis: Axis }) {
  const [copied, setCopied] = useState(""), [allowed, setLet] = useState(true);
  const here = frozen(view, axis), live = !view.from && !home && !view.paused;
  const iso = (s: number) => instantText(s);
  return (
    <div className="time" role="toolbar" aria-label="Time" data-key="t">
      <Steps axis={axis} between={<span className="num span" title={`${iso(axis.from)} – ${iso(axis.to)}`}>{timeOf(iso(axis.from))} – {live ? "now" : timeOf(iso(axis.to))} <span className="dim">{zoneOf(iso(axis.to))}</span></span>} />
      <Segments aria-label="Span of time" data={home ? [{ value: "", label: "Incident" }, ...presets] : presets} value={view.from ? "fixed" : home ? "" : String(view.last)}
        onChange={(v) => (home && v ? set({ from: Math.floor(Date.now() / 1000) - +v, to: Math.ceil(Date.now() / 1000) }, true) : set({ from: 0, to: 0, ...(v && { last: +v }) }, true))} />
      {view.at > 0 && <span className="num pinned" title={iso(view.at)}>pinned {timeOf(iso(view.at))} <button type="button" className="quiet" aria-label="Remove the pinned cursor" onClick={() => axis.pin(0)}>×</button></span>}
      <span style={{ flex: 1 }} />
      <Segments aria-label="Size of charts" data={sizes} value={view.density} onChange={(v) => set({ density: v as Density })} />
      <button type="button" className="quiet" data-key="s" onClick={() => void copy(here).then((done) => { setCopied(here); setLet(done); })}>{copied !== here ? "copy link" : allowed ? "link copied" : "the browser does not let it be copied"}</button>
    </div>
  );
}
