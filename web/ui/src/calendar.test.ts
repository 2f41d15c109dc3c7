import { describe, expect, test } from "vitest";
import type { Occurrence } from "./api";
import { barText, lanes, opened, place, spanAround, ticks, toggled, when } from "./calendar";

const one = (kind: Occurrence["kind"], id: string, from: string, to: string, title = ""): Occurrence => ({ kind, id, title, from, to, match: [], effect: "", by: "ann", calendar: "", link: "" });
const from = Date.parse("2026-03-01T00:00:00Z"), to = Date.parse("2026-03-09T00:00:00Z");

describe("the calendar", () => {
  test("has a lane for each silence and window, and one for each kind of event", () => {
    const got = lanes([
      one("deploy", "e2", "2026-03-02T12:00:00Z", "2026-03-02T12:10:00Z"), one("window", "w", "2026-03-03T02:00:00Z", "2026-03-03T03:00:00Z", "backup"),
      one("window", "w", "2026-03-02T02:00:00Z", "2026-03-02T03:00:00Z", "backup"), one("deploy", "e1", "2026-03-01T12:00:00Z", "2026-03-01T12:10:00Z"),
      one("silence", "s", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z", "moving"), one("boot", "b", "2026-03-08T00:00:00Z", "2026-03-08T00:10:00Z"),
      one("silence", "before", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"), one("silence", "after", "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"),
    ], from, to);
    expect(got.map((l) => [l.title, l.bars.length])).toEqual([["moving", 1], ["backup", 2], ["boots", 1], ["deploys", 2]]);
    expect(got[1]!.bars.map((b) => b.of[0]!.from)).toEqual(["2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z"]);
  });
  test("draws as one what lies too close to be told apart", () => {
    const boots = Array.from({ length: 30 }, (_, n) => one("boot", "b" + n, new Date(from + n * 60_000).toISOString(), new Date(from + (n + 10) * 60_000).toISOString()));
    const [lane] = lanes([...boots, one("boot", "late", "2026-03-04T00:00:00Z", "2026-03-04T00:10:00Z")], from, to);
    expect(lane!.bars.map((b) => b.of.length)).toEqual([30, 1]);
    expect(lane!.bars[0]!.to - from).toBe(39 * 60_000);
    expect(barText(lane!.bars[0]!, to, "UTC")).toBe("30 boots, the first Sun 1 Mar, 00:00–00:10 UTC");
  });
  test("says of each when it is, and marks that turn text are written out", () => {
    const [lane] = lanes([one("window", "w", "2026-03-02T02:00:00Z", "2026-03-02T03:00:00Z", "back\u202Eup")], from, to), bar = lane!.bars[0]!;
    const said = "window back⟨U+202E⟩up, Mon 2 Mar, 02:00–03:00 UTC, ";
    expect(barText(bar, Date.parse("2026-03-02T01:00:00Z"), "UTC")).toBe(said + "begins in 60 min");
    expect(barText(bar, Date.parse("2026-03-02T02:30:00Z"), "UTC")).toBe(said + "ends in 30 min");
    expect(barText(bar, Date.parse("2026-03-02T03:00:00Z"), "UTC")).toBe(said + "over");
    expect(when({ from: "2026-03-02T02:00:00Z", to: "2026-03-02T02:00:00Z" }, "UTC")).toBe("Mon 2 Mar, 02:00 UTC");
  });
  test("places what lies outside of the span at its edge", () => expect([from - 1, from, (from + to) / 2, to, to + 1].map((t) => place(t, from, to))).toEqual([0, 0, 50, 100, 100]));
  test.each([[24, 3], [48, 6], [8 * 24, 24], [38 * 24, 7 * 24]])("writes a span of %d h every %d h", (hours, every) => {
    const begin = new Date(2026, 5, 1, 0, 0), got = ticks(begin.getTime(), begin.getTime() + hours * 3600_000);
    expect(got.length).toBe(Math.ceil(hours / every));
    expect(got.slice(1).map((t, n) => (t.at - got[n]!.at) / 3600_000)).toEqual(got.slice(1).map(() => every));
  });
  test("is about now, or about the moment of the address", () => {
    expect(spanAround(0, 1_000_000_123, "")).toEqual({ from: 999_900 - 86400, to: 999_900 + 7 * 86400 });
    expect(spanAround(1_772_323_200, 0, "day")).toEqual({ from: 1_772_323_200 - 6 * 3600, to: 1_772_323_200 + 18 * 3600 });
    for (const name of ["nonsense", "constructor"]) expect(spanAround(0, 1_000_000_123, name)).toEqual(spanAround(0, 1_000_000_123, ""));
  });
});

describe("the lists below it", () => {
  test("are all open at /quiet, and the one of its name at an old address", () => {
    expect(opened("quiet", "")).toEqual(["silences", "windows", "events"]);
    expect(["silences", "windows", "events"].map((p) => opened(p, ""))).toEqual([["silences"], ["windows"], ["events"]]);
    expect(opened("silences", "events,nonsense")).toEqual(["events"]);
  });
  test("open and close, and what is usual is not in the address", () => {
    expect(toggled("silences", "", "events")).toBe("silences,events");
    expect(toggled("silences", "silences,events", "events")).toBe("");
    expect(toggled("silences", "", "silences")).toBe("none");
    expect(opened("silences", "none")).toEqual([]);
    expect(toggled("silences", "none", "silences")).toBe("");
    expect(toggled("quiet", "", "windows")).toBe("silences,events");
  });
});
