// The fleet's highest scores by time, as the API packs them: what a cell stands
// for, how it is coloured, and where it lies.
import { hostPath, type HeatMap, type HeatRow, type HostRef } from "./api";
import { score, visible } from "./format";
import { readView, writeView } from "./view";

/** The codes of cells: no score, the limit, 100 or more, not read yet. */
export const none = 0, limit = 85, most = 253, unread = 255;

/** A heat map with its cells unpacked, row by row. */
export interface Heat extends HeatMap { at: Uint8Array; names: Uint16Array }

const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export function unpack(m: HeatMap): Heat {
  const two = bytes(m.named), names = new Uint16Array(m.rows.length * m.cells);
  for (let i = 0; 2 * i + 1 < two.length; i++) names[i] = two[2 * i]! | (two[2 * i + 1]! << 8);
  return { ...m, at: bytes(m.codes), names };
}

/** The highest score that a code stands for; null: there is none, or it is not known yet. */
export const scoreOf = (code: number): number | null =>
  code === none || code === unread ? null : code <= limit ? (code - 1) / (limit - 1) : 10 ** ((code - limit) / (limit - 1));

type Colour = [number, number, number, number];
const stops: Record<"light" | "dark", { usual: [Colour, Colour]; odd: [Colour, Colour, Colour] }> = {
  light: { usual: [[222, 227, 235, 255], [150, 168, 194, 255]], odd: [[240, 160, 90, 255], [213, 94, 0, 255], [110, 38, 0, 255]] },
  dark: { usual: [[38, 45, 57, 255], [84, 103, 133, 255]], odd: [[150, 72, 20, 255], [255, 138, 61, 255], [255, 228, 205, 255]] },
};
const between = (a: Colour, b: Colour, part: number) => a.map((v, i) => Math.round(v + (b[i]! - v) * part)) as Colour;

/** The colour of each code: grey-blue up to the limit, vermilion above it; what has no score is not painted. */
export function palette(dark: boolean): Colour[] {
  const { usual, odd } = stops[dark ? "dark" : "light"], decade = limit - 1;
  return Array.from({ length: 256 }, (_, code): Colour => {
    if (code === none || code > most) return [0, 0, 0, 0];
    if (code <= limit) return between(usual[0], usual[1], (code - 1) / decade);
    const x = (code - limit) / decade; // 1 is ten times the limit
    return x <= 1 ? between(odd[0], odd[1], x) : between(odd[1], odd[2], Math.min(1, x - 1));
  });
}

/** How high a row is, in pixels: all rows take about 400. */
export const rowHeight = (rows: number) => Math.max(2, Math.min(24, Math.floor(400 / Math.max(1, rows))));

/** The cell at a place of a map that is so wide and high; -1: there is none. */
export function cellAt(x: number, y: number, width: number, height: number, m: { cells: number; rows: unknown[] }): number {
  if (!(x >= 0 && y >= 0 && x < width && y < height)) return -1;
  return Math.floor((y / height) * m.rows.length) * m.cells + Math.floor((x / width) * m.cells);
}

/** Where a key leads from a cell; with Shift ten times as far. From none it leads to the newest cell of the first row. */
export function step(key: string, cell: number, far: boolean, m: { cells: number; rows: unknown[] }): number {
  const way: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-m.cells, 0], End: [m.cells, 0] };
  const w = way[key];
  if (!w || !m.rows.length) return -1;
  if (cell < 0) return m.cells - 1;
  const by = far ? 10 : 1, inside = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
  return inside(Math.floor(cell / m.cells) + w[1] * by, m.rows.length) * m.cells + inside((cell % m.cells) + w[0] * by, m.cells);
}

/** When a cell begins, in ms. */
export const begins = (m: HeatMap, cell: number) => Date.parse(m.from) + (cell % m.cells) * m.step_seconds * 1000;

/** From when until when a map is, in seconds. */
export const spanOfMap = (m: HeatMap) => within(m, 0, 1);

/** The span between two places of a map, as parts of its width. */
export function within(m: HeatMap, a: number, b: number): { from: number; to: number } {
  const at = (part: number) => Date.parse(m.from) / 1000 + part * m.cells * m.step_seconds;
  return { from: at(Math.min(a, b)), to: at(Math.max(a, b)) };
}

const narrowest = 600, widest = 40 * 86400; // seconds: ten cells; what one request may read

/** A span that is to be shown, as wide as a map may be, and not of what is to come. now: in seconds. */
export function chosen(from: number, to: number, now: number): { from: number; to: number } {
  const wide = Math.min(widest, Math.max(narrowest, to - from)), end = Math.min(now, (from + to + wide) / 2);
  return { from: Math.floor(end - wide), to: Math.floor(end) };
}

/** The host that a cell is about: that with the highest score where that is above the limit, else the one of the row's highest. */
export const hostOf = (m: Heat, cell: number): HostRef => (m.names[cell] ? m.of[m.names[cell]! - 1]! : m.rows[Math.floor(cell / m.cells)]!.host);

/** Where a host is shown around a moment, in ms. */
export function momentPath(host: HostRef, at: number, seconds: number, now = Date.now()): string {
  const wide = Math.max(1800, seconds), mid = at / 1000 + seconds / 2;
  return hostPath(host.id) + writeView({ ...readView(""), from: Math.round(mid - wide), to: Math.floor(Math.min(now / 1000, mid + wide)), at: Math.floor(Math.min(now / 1000, mid)) });
}

/** What a row is called. by: the label that it is grouped by. */
export function rowName(r: HeatRow, by: string): string {
  const name = r.last ? `${visible(r.name) || "–"} … ${visible(r.last) || `without ${by}`}` : visible(r.name) || `without ${by}`;
  return r.hosts === 1 && !by ? name : `${name} (${r.hosts.toLocaleString("en")} ${r.hosts === 1 ? "host" : "hosts"})`;
}

/** What matches the hosts of a group, as PromQL writes it. */
export const labelMatcher = (label: string, value: string) => `${/^[A-Za-z_]\w*$/.test(label) ? label : JSON.stringify(label)}=${JSON.stringify(value)}`;

/** A score of a cell in words. */
export const codeText = (code: number): string => (code === unread ? "not read yet" : code === none ? "no score" : code >= most ? "100 or more" : score(scoreOf(code)));

/** The rows with the highest scores first, those without any last, each in order of name. */
export const ranked = (rows: HeatRow[]): HeatRow[] => [...rows].sort((a, b) => (b.peak ?? -1) - (a.peak ?? -1));
