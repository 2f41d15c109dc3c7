import { describe, expect, test } from "vitest";
import type { Cause, Feature, Incident } from "./api";
import { ahead, driftText, gapText, hostSentence, openOf, tellingLabels } from "./host";

const now = new Date(2026, 10, 29, 14, 30).getTime(), at = new Date(2026, 10, 29, 14, 5).toISOString();
const cause = (feature: string, trivial = false) => ({ feature, unit: "bytes/s", actual: 224e6, lower: 4e6, upper: 6e6, trivial }) as Cause;
const feature = (actual: number) => ({ name: "load", unit: "1", actual, lower: 0, upper: 2 }) as Feature;
const incident = (more: Partial<Incident> = {}) => ({ id: "i1", kind: "host", since: at, fleet: "", suppressed: "", ...more }) as Incident;
const host = (more: object) => ({ state: "normal" as const, causes: [], features: [feature(1)], last_seen: at, incidents: [], ...more });
const text = (h: ReturnType<typeof host>) => hostSentence(h, now).map((p) => (typeof p === "string" ? p : p.name)).join("");

describe("a host in one sentence", () => {
  test.each([
    ["as usual", host({}), "As usual: every feature is within what is expected."],
    ["a little outside", host({ features: [feature(1), feature(3)] }), "As usual: 1 of 2 features is outside of what is expected, by too little to matter."],
    ["anomalous", host({ state: "anomalous", causes: [cause("disk_write"), cause("disk_ops"), cause("cpu")], incidents: [incident()] }), "Disk write is 224 MB/s, expected 4–6 MB/s; disk ops is 224 MB/s, expected 4–6 MB/s, since 14:05. An incident is open."],
    ["of many", host({ state: "anomalous", causes: [cause("disk_write")], incidents: [incident({ fleet: "f" })] }), "Disk write is 224 MB/s, expected 4–6 MB/s, since 14:05. It is one of several hosts with the same trouble."],
    ["suppressed", host({ state: "anomalous", causes: [cause("disk_write")], incidents: [incident({ suppressed: "opened_silenced" })] }), "Disk write is 224 MB/s, expected 4–6 MB/s, since 14:05. An incident is open; nobody is notified of it."],
    ["only trivial causes", host({ state: "anomalous", causes: [cause("cpu", true)] }), "It is unlike itself, by nothing that matters alone."],
    ["over, and still open", host({ incidents: [incident()] }), "It is below its limit again; the incident that began 14:05 is still open. An incident is open."],
    ["silent", host({ state: "silent" }), "It has sent nothing since 14:05."], ["learning", host({ state: "learning" }), "Omen is learning what is normal here, and judges nothing yet."],
  ])("%s", (_, h, want) => expect(text(h)).toBe(want));
  test("its incident is where it leads", () => expect(hostSentence(host({ state: "anomalous", causes: [cause("x")], incidents: [incident({ fleet: "f/1" })] }), now).at(-1)).toEqual({ name: expect.any(String), href: "/incidents/f%2F1" }));
});

describe("a host with an open forecast", () => {
  const forecast = (title: string, full: number | null, more: object = {}, of: object = {}) =>
    ({ ...incident(), id: title, kind: "forecast", state: "open", severity: "critical", host: { name: "web-1" }, summary: "", forecast: { title, at, full_seconds: full, early_seconds: full && 0.8 * full, late_seconds: full && 2 * full, exhausted: false, expires: null, ...of }, ...more }) as unknown as Incident;
  const late = 25 * 60; // since it was said
  test("says what is full and when, the nearest first, and does not claim that all is well", () =>
    expect(text(host({ incidents: [forecast("volume", late + 3600), forecast("memory", late + 26 * 60), forecast("/var", late + 39 * 60)] })))
      .toBe("Memory is full in 26 min (16–77 min). /var is full in 39 min (26 min–2 h). Volume is full in 60 min (43 min–2 h). What it does now is as usual: every feature is within what is expected."));
  test("that nobody is notified of", () => expect(text(host({ incidents: [forecast("/var", late + 600, { suppressed: "opened_silenced" })] }))).toMatch(/nobody is notified of it\. As usual: every/));
  test.each([
    [forecast("/var", 600), "full soon"], [forecast("/var", null, {}, { exhausted: true }), "full"], [forecast("x", 600, {}, { expires: at }), "expires soon"], [forecast("x", 600, {}, { expires: at, exhausted: true }), "expired"],
  ])("its state %#", (i, want) => expect(ahead([i])).toEqual({ severity: "critical", text: want }));
  test("its state when nobody is notified", () => expect([ahead([]), ahead([forecast("/var", 600, { suppressed: "opened_silenced" })]), ahead([forecast("/var", 600, { state: "closed" })])]).toEqual([null, null, null]));
  test("that began before the host's recent incidents is open still", () => {
    const closed = forecast("memory", 600, { state: "closed" }), old = forecast("/var", 600);
    expect([openOf([forecast("memory", 600), old], [closed]), openOf([old])]).toEqual([[old], [old]]);
  });
  test("beside what it does now", () => expect(text(host({ state: "anomalous", causes: [cause("disk_write")], incidents: [incident(), forecast("/var", late + 600)] }))).toMatch(/^\/var is full in .*\. Disk write is 224 MB\/s/));
  test("once its time has come", () => expect(text(host({ incidents: [forecast("/var", 60)] }))).toMatch(/^\/var is to be full about now\./));
});

describe("a slow drift", () => {
  const drift = { feature: "memory_used", unit: "ratio" as const, up: true, mean: 0.71, expected: 0.64, since: new Date(2026, 10, 27, 3, 32).toISOString(), back: null, learned: false };
  test.each([
    [drift, "Memory used drifts upwards since 27 Nov, 03:32: 71 % on average where 64 % is expected"], [{ ...drift, up: false, back: at }, "Memory used is back from drifting downwards, since 14:05"],
    [{ ...drift, back: at, learned: true }, "Memory used: a new model expects what it has drifted to, since 14:05"],
  ])("in a sentence %#", (d, want) => expect(driftText(d, now).replace("Nov 27", "27 Nov")).toBe(want));
});

test.each([[true, "one of its counters steps back so often that it has no rate"], [false, "its series are gone, or it is undefined, as a share of nothing is"]])("a feature without values %#", (stepping, why) =>
  expect(gapText({ feature: "network_receive", since: at, stepping }, now)).toBe(`Network receive has had no value since 14:05, and is not judged: ${why}`));

test("labels that say no more than the name are left out", () => expect(tellingLabels({ role: "db", instance: "a:9100", host: "a", dc: "" , az: "b" }, "a")).toEqual([["az", "b"], ["role", "db"]]));
