import { describe, expect, it } from "vitest";
import { ago, causesLine, clearing, countdown, full, score, scoreRange, seconds, value, whole, gone, middle, range, timeOf, visible, visibleLines, whenText, zoneOf } from "./format";
import { hostPath } from "./api";

describe("values are written as package omen writes them", () => {
  it.each([
    [0.83, "ratio", "83 %"], [1.6e9, "bytes", "1.6 GB"], [2.4e8, "bytes/s", "240 MB/s"], [0.012, "seconds", "12 ms"],
    [1300, "1/s", "1.3k/s"], [999.6, "1", "1k"], [0, "1", "0"], [-2.5, "1", "-2.5"], [null, "ratio", "unknown"], [100, "1", "100"],
  ])("%s %s", (v, unit, text) => expect(value(v, unit)).toBe(text));
  it("keeps zeros that are not behind a point", () => expect(value(200, "1")).toBe("200"));
  it("knows long times", () => expect([seconds(119), seconds(120), seconds(7200), seconds(172800)]).toEqual(["119 s", "2 min", "2 h", "2 d"]));
});

it.each([
  [8e6, 15e6, "bytes/s", "8–15 MB/s"], [0, 15.8, "1/s", "0–15.8/s"], [0, 15e6, "bytes/s", "0–15 MB/s"], [8e5, 15e6, "bytes/s", "800 kB/s–15 MB/s"],
  [0, 0.0179, "ratio", "0–1.79 %"], [3, 3, "1", "3"], [-2.5, 1, "1", "-2.5 to 1"], [-32.6e6, -13.9e6, "bytes/s", "-32.6 to -13.9 MB/s"], [null, 1, "1", "unknown – 1"],
])("the range %s to %s %s has its unit once", (a, b, unit, text) => expect(range(a, b, unit)).toBe(text));

it("writes the day where it is not today, and the year where it is not this one", () => {
  const now = new Date(2026, 10, 29, 14, 0).getTime(), of = (...d: [number, number, number, number]) => timeOf(new Date(...d).toISOString(), now);
  expect(of(2026, 10, 29, 9)).toBe("09:00:00");
  expect(of(2026, 0, 2, 9)).not.toContain("2026");
  expect(of(2020, 0, 2, 9)).toContain("2020");
});

it("names the zone of this clock", () => expect(zoneOf("2026-01-01T00:00:00Z")).toMatch(/^[A-Z]/));

it("scores lose decimals as they grow, and unknown is a dash", () =>
  expect([score(0.4), score(12.34), score(1234), score(null)]).toEqual(["0.40", "12.3", "1.23k", "–"]));

it("tells past from future", () => {
  const now = Date.parse("2026-01-01T00:01:00Z");
  expect(ago("2026-01-01T00:00:00Z", now)).toBe("60 s ago");
  expect(ago("2026-01-01T00:11:00Z", now)).toBe("in 10 min");
  expect(ago(null, now)).toBe("never");
  expect(whole(86400)).toBe("24 h");
});

it("says how long ago within an hour, else the time", () => {
  const now = new Date(2026, 10, 29, 14, 0).getTime(), at = (h: number, m: number) => new Date(2026, 10, 29, h, m).toISOString();
  expect([at(13, 20), at(14, 59), at(12, 59), at(16, 0), null].map((t) => whenText(t, now))).toEqual(["40 min ago", "in 59 min", "12:59:00", "16:00:00", "never"]);
});

it("counts down to zero and no further", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(countdown("2026-01-01T00:02:05Z", now)).toBe("2:05");
  expect(countdown("2026-01-01T01:02:03Z", now)).toBe("1:02:03");
  expect(countdown("2025-12-31T00:00:00Z", now)).toBe("0:00");
});

it("always keeps the limit in view", () => {
  expect(scoreRange([0.1, null], false)[1]).toBeGreaterThan(1);
  expect(scoreRange([40], false)[1]).toBeGreaterThan(40);
  expect(scoreRange([], true)[0]).toBeGreaterThan(0); // a logarithm has no zero
});

it("says what matters first", () =>
  expect(causesLine([{ text: "a_b 1", trivial: true }, { text: "c_d 2", trivial: false }])).toBe("c d 2"));

it("says what would clear an alert", () => {
  const causes = [{ feature: "disk_write", clears: true }, { feature: "cpu_iowait", clears: false }, { feature: "load_one", clears: true }];
  expect(clearing(causes)).toBe("disk write and load one");
  expect(clearing(causes.slice(0, 2))).toBe("disk write");
  expect(clearing([])).toBe("");
});

it("escapes hosts in addresses", () => expect(hostPath("p/k8s/shop/a b?")).toBe("/hosts/p/k8s/shop/a%20b%3F"));

it.each([[[], 15, "all"], [[1000, 1015], 15, ""], [[1120], 15, ""], [[1121], 15, "beginning"], [[1121], 300, ""], [[1601], 300, "beginning"]])("of %j every %d s, gone: %j", (times, step, what) => {
  expect(gone(times as number[], 1000, step as number)).toBe(what);
});

describe("names of others", () => {
  it("marks that turn or hide text are written out", () => {
    expect(visible("web-\u202Egnp.exe")).toBe("web-⟨U+202E⟩gnp.exe");
    expect(visible("a\u0000b\nc\u200Bd\u2028e")).toBe("a⟨U+0000⟩b⟨U+000A⟩c⟨U+200B⟩d⟨U+2028⟩e");
    expect(visibleLines("a\n\u202Eb")).toBe("a\n⟨U+202E⟩b");
    expect(visible("Größe-日本-<b>")).toBe("Größe-日本-<b>");
  });
  it("a long name loses its middle and keeps its ends", () => {
    expect(middle("short")).toBe("short");
    expect(middle("0123456789", 5)).toBe("01…89");
    expect([...middle("😀".repeat(4000))].length).toBe(60);
  });
});

it("says when something is full", () => {
  expect([full({ exhausted: true, full_seconds: null }), full({ exhausted: false, full_seconds: null }), full({ exhausted: false, full_seconds: 10800 }), full({ exhausted: true, full_seconds: null, expires: "2026-03-02T10:00:00Z" })]).toEqual(["now", "not expected", "in 3 h", "expired"]);
});

it("a chart of scores has room for the level above them", () => {
  expect(scoreRange([0.2, 4], false, [1, 6])[1]).toBeGreaterThan(6);
  expect(scoreRange([0.2, null], false, [null, 1])).toEqual(scoreRange([0.2, null], false));
});
