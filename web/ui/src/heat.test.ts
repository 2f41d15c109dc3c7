import { describe, expect, test } from "vitest";
import type { HeatMap, HeatRow } from "./api";
import { begins, cellAt, chosen, codeText, hostOf, labelMatcher, limit, momentPath, most, none, palette, ranked, rowHeight, rowName, scoreOf, spanOfMap, step, unpack, unread, within } from "./heat";

const host = (name: string) => ({ id: "prom/node/" + name, source: "prom", profile: "node", name });
const row = (name: string, more: Partial<HeatRow> = {}): HeatRow => ({ name, last: "", hosts: 1, host: host(name), peak: null, peak_at: null, ...more });
const pack = (...v: number[]) => btoa(String.fromCharCode(...v));
const map = (more: Partial<HeatMap> = {}): HeatMap => ({
  from: "2026-03-01T12:00:00Z", step_seconds: 300, cells: 3, read_from: "2026-03-01T12:00:00Z", hosts: 2, groups: [], rows: [row("a"), row("b", { hosts: 9 })],
  codes: pack(0, 20, 90, 30, 200, 255), named: pack(0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0), of: [host("b-1"), host("b-7")], ...more,
});

describe("what a cell stands for", () => {
  test("a code is a score: linear to the limit, then by its logarithm", () => {
    expect([scoreOf(1), scoreOf(43), scoreOf(limit), scoreOf(169), scoreOf(most)].map((v) => +v!.toFixed(3))).toEqual([0, 0.5, 1, 10, 100]);
    expect([scoreOf(none), scoreOf(unread)]).toEqual([null, null]);
  });
  test("in words none of them looks like another", () => expect([none, 43, 169, most, unread].map(codeText)).toEqual(["no score", "0.50", "10.0", "100 or more", "not read yet"]));
  test("a cell names the host with its score, else the row's", () => {
    const m = unpack(map());
    expect([...m.at]).toEqual([0, 20, 90, 30, 200, 255]);
    expect([hostOf(m, 1).name, hostOf(m, 3).name, hostOf(m, 4).name]).toEqual(["a", "b", "b-7"]);
    expect(new Date(begins(m, 5)).toISOString()).toBe("2026-03-01T12:10:00.000Z");
  });
  test("rows of one host name none", () => expect([...unpack(map({ named: "", of: [] })).names]).toEqual([0, 0, 0, 0, 0, 0]));
});

describe.each([[false, "light"], [true, "dark"]])("colours %#", (dark) => {
  const p = palette(dark), grey = ([r, g, b]: number[]) => Math.max(r!, g!, b!) - r!; // how far it is from red
  test("what has no score is not painted, all else is", () => expect(p.map((c, i) => (c[3] === 0 ? i : -1)).filter((i) => i >= 0)).toEqual([none, 254, unread]));
  test("the limit is where blue ends", () => {
    for (let c = 1; c <= limit; c++) expect(grey(p[c]!)).toBeGreaterThan(0);
    for (let c = limit + 1; c <= most; c++) expect(grey(p[c]!)).toBe(0);
  });
  test("each decade differs", () => expect(new Set([1, limit, limit + 1, 169, most].map((c) => String(p[c]))).size).toBe(5));
});

describe("cells and pixels", () => {
  test.each([[1, 24], [10, 24], [25, 16], [200, 2], [300, 2]])("%i rows are %i px high each", (rows, px) => expect(rowHeight(rows)).toBe(px));
  test("every pixel of a map belongs to one cell, the edges to none", () => {
    const m = map(), seen = new Set<number>();
    for (let x = 0; x < 10; x++) for (let y = 0; y < 4; y++) seen.add(cellAt(x, y, 10, 4, m));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect([cellAt(-1, 0, 10, 4, m), cellAt(10, 0, 10, 4, m), cellAt(0, 4, 10, 4, m), cellAt(NaN, 0, 10, 4, m)]).toEqual([-1, -1, -1, -1]);
  });
  test("keys move from cell to cell and stay inside", () => {
    const m = map(), go = (...keys: string[]) => keys.reduce((c, k) => step(k.replace("+", ""), c, k.startsWith("+"), m), -1);
    expect(go("ArrowUp")).toBe(2); // the newest of the first row
    expect(go("ArrowUp", "ArrowLeft", "ArrowDown")).toBe(4);
    expect(go("ArrowUp", "ArrowRight", "ArrowUp")).toBe(2);
    expect(go("ArrowUp", "Home", "+ArrowDown", "End")).toBe(5);
    expect(step("x", 1, false, m)).toBe(-1);
    expect(step("ArrowUp", -1, false, { cells: 3, rows: [] })).toBe(-1);
  });
});

describe("rows", () => {
  test.each([
    [row("web-1"), "", "web-1"], [row("web", { hosts: 2 }), "role", "web (2 hosts)"], [row("", { hosts: 1200 }), "role", "without role (1,200 hosts)"],
    [row("web-000", { last: "web-024", hosts: 25 }), "", "web-000 … web-024 (25 hosts)"], [row("w\u202Eb"), "", "w⟨U+202E⟩b"],
  ])("a name %#", (r, by, want) => expect(rowName(r, by)).toBe(want));
  test.each([["role", "web", 'role="web"'], ["service.name", 'a"b', '"service.name"="a\\"b"']])("a group of %s %s", (label, value, want) => expect(labelMatcher(label, value)).toBe(want));
  test("the highest first, without a score last", () => expect(ranked([row("a", { peak: 0.4 }), row("b"), row("c", { peak: 47 })]).map((r) => r.name)).toEqual(["c", "a", "b"]));
  test("a cell leads to its host at its time, not into the future", () => {
    const at = Date.parse("2026-03-01T12:10:00Z");
    expect(momentPath(host("a/b"), at, 300, at + 300_000)).toBe("/hosts/prom/node/a/b?from=2026-03-01T11:42:30Z&to=2026-03-01T12:15:00Z&at=2026-03-01T12:12:30Z");
    expect(momentPath(host("a"), at, 300, at + 60_000)).toMatch(/&to=2026-03-01T12:11:00Z&at=2026-03-01T12:11:00Z$/);
  });
});

describe("a span that was chosen", () => {
  const noon = Date.parse("2026-03-01T12:00:00Z") / 1000;
  test("is what lies between two places, in any order", () => {
    expect(spanOfMap(map())).toEqual({ from: noon, to: noon + 900 });
    expect(within(map(), 2 / 3, 1 / 3)).toEqual({ from: noon + 300, to: noon + 600 });
  });
  test.each([
    [noon, noon + 3600, noon, noon + 3600, "as it is"], [noon, noon + 60, noon - 270, noon + 330, "not narrower than some cells"], [noon + 8000, noon + 12000, noon + 5000, noon + 9000, "not of what is to come"],
    [noon - 100 * 86400, noon, noon - 70 * 86400, noon - 30 * 86400, "not wider than may be read"],
  ])("%i to %i is shown from %i to %i: %s", (from, to, a, b) => expect(chosen(from, to, noon + 9000)).toEqual({ from: a, to: b }));
});
