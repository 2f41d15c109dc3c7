import { describe, expect, test } from "vitest";
import type { Cause, Feature, Incident } from "./api";
import { hostSentence, tellingLabels } from "./host";

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

test("labels that say no more than the name are left out", () => expect(tellingLabels({ role: "db", instance: "a:9100", host: "a", dc: "" , az: "b" }, "a")).toEqual([["az", "b"], ["role", "db"]]));
