import { expect, test } from "vitest";
import { matcherText, parseDuration, parseMatchers, silenceState } from "./quiet";

test("matchers are read as they are written", () => {
  const all = [
    { name: "host", value: "web-.*", isRegex: true, isEqual: true }, { name: "role", value: 'a "b", c', isRegex: false, isEqual: false },
    { name: "cause", value: "disk_write", isRegex: false, isEqual: true }, { name: "team", value: "x|y\\.z", isRegex: true, isEqual: false },
  ];
  expect(parseMatchers(all.map(matcherText).join(", "))).toEqual(all);
  expect(parseMatchers("host=web-1\nseverity = warning")).toEqual([
    { name: "host", value: "web-1", isRegex: false, isEqual: true }, { name: "severity", value: "warning", isRegex: false, isEqual: true }]);
});

test.each(["", "host", 'host="a', 'host="a" role="b"', "=x", 'host=="a"'])("%j is no list of matchers", (text) => {
  expect(typeof parseMatchers(text)).toBe("string");
});

test.each([["90 min", 5400], ["1h30m", 5400], ["2 h", 7200], ["1.5d", 129600], ["1w", 604800], ["", null], ["soon", null], ["5", null], ["0 h", null], ["2 h later", null]])("%j lasts %s s", (text, want) => {
  expect(parseDuration(text)).toBe(want);
});

test("a silence is pending, then active, then expired", () => {
  const s = { id: "", match: [], from: "2026-01-01T00:00:00Z", until: "2026-01-01T01:00:00Z", effect: "" as const, by: "", reason: "", created: null };
  const at = (t: string) => silenceState(s, Date.parse(t));
  expect([at("2025-12-31T23:59:59Z"), at(s.from), at("2026-01-01T00:59:59Z"), at(s.until)]).toEqual(["pending", "active", "active", "expired"]);
});
