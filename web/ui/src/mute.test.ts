import { expect, test } from "vitest";
import { durationText, fieldInstant, matcherText, nextHour, occurrence, parseDuration, silenceFor, silenceState, splitRule } from "./mute";

test("matchers are written as PromQL does", () => {
  expect(matcherText({ name: "role", value: 'a "b", c', isRegex: false, isEqual: false })).toBe('role!="a \\"b\\", c"');
  expect(matcherText({ name: "team", value: "x|y\\.z", isRegex: true, isEqual: true })).toBe('team=~"x|y\\\\.z"');
});

test.each([["90 min", 5400], ["1h30m", 5400], ["2 h", 7200], ["1.5d", 129600], ["1w", 604800], ["", null], ["soon", null], ["5", null], ["0 h", null], ["2 h later", null], ["36600 d", 36600 * 86400], ["99999999999 d", null], ["9".repeat(400) + " w", null]])("%j lasts %s s", (text, want) => {
  expect(parseDuration(text)).toBe(want);
});

test.each([["2026-01-31T02:00", true], ["", false], ["275760-12-31T00:00", false], ["9999-01-01T00:00", false], ["0026-01-31T02:00", false], ["soon", false]])("the field %j is an instant: %s", (text, is) => {
  expect(Number.isFinite(fieldInstant(text))).toBe(is);
});

test("a silence is pending, then active, then expired", () => {
  const s = { id: "", match: [], from: "2026-01-01T00:00:00Z", until: "2026-01-01T01:00:00Z", effect: "" as const, by: "", reason: "", created: null };
  const at = (t: string) => silenceState(s, Date.parse(t));
  expect([at("2025-12-31T23:59:59Z"), at(s.from), at("2026-01-01T00:59:59Z"), at(s.until)]).toEqual(["pending", "active", "active", "expired"]);
});

test.each([60, 5400, 3600 * 26 + 61, 30 * 86400])("%d s are written as they are read", (s) => {
  expect(parseDuration(durationText(s))).toBe(s);
});

test.each([
  [undefined, "", []], ["FREQ=DAILY", "DAILY", []], ["RRULE:FREQ=WEEKLY;BYDAY=MO,SA", "WEEKLY", ["MO", "SA"]],
  ["FREQ=MONTHLY;BYDAY=1SU", "custom", []], ["FREQ=DAILY;BYDAY=MO", "custom", []], ["FREQ=DAILY;COUNT=3", "custom", []],
])("the rule %s repeats %s on %j", (rule, freq, on) => {
  expect(splitRule(rule)).toEqual({ freq, on, custom: freq === "custom" ? rule : "" });
});

test("occurrences are shown by the clock of their zone", () => {
  const night = { from: "2026-03-28T22:30:00Z", to: "2026-03-28T23:30:00Z" };
  expect(occurrence(night, "")).toBe("Sat 28 Mar, 22:30–23:30 UTC");
  expect(occurrence(night, "Europe/Berlin")).toBe("Sat 28 Mar, 23:30–Sun 29 Mar, 00:30 CET");
  expect(occurrence(night, "No/Where")).toBe("Sat 28 Mar, 22:30–23:30 UTC");
  // the clocks go forward at 01:00 UTC
  expect(occurrence({ from: "2026-03-29T00:30:00Z", to: "2026-03-29T01:30:00Z" }, "Europe/Berlin")).toBe("Sun 29 Mar, 01:30 CET–03:30 CEST");
});

test("a silence of an incident begins with where it was and what caused it", () => {
  const host = { id: "prom/node/web-1", source: "prom", profile: "node", name: "web-1" };
  const cause = (feature: string, trivial = false) => ({ feature, trivial, unit: "1" as const, share: 1, actual: 1, expected: 0, lower: 0, upper: 0, clears: false, text: "", stuck_seconds: 0, drifting_seconds: 0 });
  const text = (i: Parameters<typeof silenceFor>[0]) => silenceFor(i).map(matcherText).join(", ");
  expect(text({ kind: "host", host, members: [], causes: [cause("swap_in", true), cause("disk_write")] })).toBe('host="web-1", cause="disk_write"');
  expect(text({ kind: "host", host, members: [], causes: [] })).toBe('host="web-1"');
  expect(text({ kind: "fleet", host, members: [host, { ...host, name: "web.2" }], causes: [cause("load_1m")] })).toBe('source="prom", host=~"web-1|web\\\\.2", cause="load_1m"');
  expect(text({ kind: "fleet", host, members: Array.from({ length: 201 }, () => host), causes: [cause("load_1m")] })).toBe('kind="fleet", source="prom", cause="load_1m"');
  expect(text({ kind: "forecast", host, members: [], causes: [], forecast: { resource: "filesystem_space" } })).toBe('kind="forecast", host="web-1", cause="filesystem_space"');
  expect(text({ kind: "source", host: { ...host, name: "" }, members: [], causes: [] })).toBe('kind="source", source="prom"');
});

test.each([[3, 0, 29], [7, 59, 29], [8, 0, 30], [23, 30, 30]])("until 08:00, at %d:%d", (h, m, day) =>
  expect(nextHour(8, new Date(2026, 10, 29, h, m).getTime())).toEqual(new Date(2026, 10, day, 8)));
