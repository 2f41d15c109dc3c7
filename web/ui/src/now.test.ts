import { describe, expect, test } from "vitest";
import type { Incident, Status } from "./api";
import { commonText, openWords, backToNormal, lasted, night, nightSentence, promise, saidOf, sentence } from "./now";

const now = new Date(2026, 10, 29, 14, 30).getTime();
const at = (h: number, m: number) => new Date(2026, 10, 29, h, m).toISOString();
const status = (hosts: Partial<Status["hosts"]>, sources: unknown[] = []) => ({ hosts: { normal: 0, anomalous: 0, learning: 0, silent: 0, ...hosts }, sources }) as unknown as Status;
const incident = (name: string, since: string, causes: [string, boolean?, number?][], more: object = {}) =>
  ({ kind: "host", host: { name }, since, members: [], acked_by: "", returning_since: null, suppressed: "", state: "open", summary: "", causes: causes.map(([feature, trivial = false, share = 0.6]) => ({ feature, trivial, share })), ...more }) as unknown as Incident;
const said = (s: Status, open: Incident[], total = open.length) => sentence(s, open, total, now, () => "/x").map((p) => (typeof p === "string" ? p : p.name)).join("");

describe("the first sentence", () => {
  test("some hosts, the heaviest named", () =>
    expect(said(status({ normal: 38, anomalous: 3 }), [incident("web-1", at(14, 5), [["disk_write"]])])).toBe("3 of 41 hosts are unlike themselves; web-1 since 14:05: disk write."));
  test("many together, one alone, and others", () =>
    expect(said(status({ normal: 170, anomalous: 30 }), [
      incident("web-0", at(13, 31), [["swap_in", true], ["disk_write", false, 0.5], ["cpu_iowait", false, 0.3]], { kind: "fleet", members: Array(25).fill({}) }),
      incident("db-1", at(14, 0), [["memory_used"]], { acked_by: "ann" })], 5))
      .toBe("30 of 200 hosts are unlike themselves; 25 hosts together since 13:31: disk write and cpu iowait; db-1 since 14:00: memory used, taken by ann; and 3 other incidents."));
  test("one that is on its way back", () =>
    expect(said(status({ normal: 1 }), [incident("vm", at(14, 5), [["forks"]], { returning_since: at(14, 20) })])).toBe("No host is unlike itself any more, and 1 incident is still open: vm since 14:05: forks, returning to normal since 14:20."));
  test("of the only host", () => expect(said(status({ anomalous: 1 }), [incident("vm", at(14, 5), [["forks"]])])).toBe("The one host is unlike itself; vm since 14:05: forks."));
  test.each([
    [status({ normal: 41 }), "All 41 hosts are as usual."],
    [status({ normal: 1 }), "The one host is as usual."],
    [status({ normal: 40, anomalous: 1 }), "1 of 41 hosts is unlike itself, not far or not long enough to notify anybody."],
    [status({ learning: 2 }), "Omen is learning what is normal for 2 hosts and judges none yet."],
    [status({ silent: 2 }), "No host sends anything."],
    [status({}), "No host is known yet."],
    [status({ silent: 12 }, [{ name: "prom", state: "down", since: at(14, 5), hosts: 12 }]), "Omen does not see 12 hosts of source prom since 14:05. "],
    [status({ normal: 16, silent: 27 }, [{ name: "prom", state: "partial", silent_hosts: 27 }]), "27 hosts of source prom send nothing. All 16 hosts are as usual."],
  ])("without an incident %#", (s, want) => expect(said(s, [])).toBe(want));
  test("what will be full is said beside hosts that are as usual", () =>
    expect(said(status({ normal: 1 }), [incident("vm", at(14, 0), [], { kind: "forecast", summary: "/var on vm is full in 3 h (1½–6 h): fills 2.1 GB/h since 14:05, at 61 % now" })])).toBe("/var on vm is full in 3 h (1½–6 h). What the one host does now is as usual."));
  test("what is full soonest is named first, and what is not named is counted", () => {
    const full = (title: string, s: number | null, of: object = {}, more: object = {}) => incident("vm", at(14, 0), [], { kind: "forecast", severity: "critical", id: title, forecast: { title, at: at(14, 30), full_seconds: s, early_seconds: s, late_seconds: s, expires: null, exhausted: false, ...of }, ...more });
    expect(said(status({ normal: 1 }), [full("volume", 3600), full("certificate", -90000, { exhausted: true, expires: at(2, 0) }), full("memory", 26 * 60, {}, { acked_by: "ann" }), full("/var", 39 * 60), full("inodes", 60, {}, { severity: "warning" })]))
      .toBe("Memory on vm is full in 26 min (26 min), taken by ann. /var on vm is full in 39 min (39 min). Volume on vm is full in 60 min (60 min). And 2 more forecasts. What the one host does now is as usual.");
  });
  test("what is wrong already comes before what will be", () =>
    expect(said(status({ anomalous: 1 }), [incident("web-1", at(14, 5), [["forks"]]), incident("vm", at(14, 0), [], { kind: "forecast", summary: "/var on vm is full in 3 h" })])).toBe("The one host is unlike itself; web-1 since 14:05: forks. /var on vm is full in 3 h."));
  test("what Omen has itself is no host's", () => expect(said(status({ normal: 2 }), [incident("", at(14, 0), [], { kind: "omen" })])).toBe("All 2 hosts are as usual."));
});

describe("back to normal", () => {
  const cause = (feature: string, clears: boolean, lower: number | null = 8e6) => ({ feature, clears, lower, upper: 15e6, unit: "bytes/s" });
  const is = (more: object) => backToNormal({ state: "open", reason: "opened_anomalous", returning_since: null, closed_at: null, since: at(14, 0), causes: [], ...more } as unknown as Incident, now);
  test.each([
    [{ causes: [cause("disk_write", true), cause("forks", false)] }, "It ends once disk write is back at 8–15 MB/s for a while."],
    [{ causes: [cause("disk_write", true), cause("disk_read", true)] }, "It ends once disk write is back at 8–15 MB/s and disk read is back at 8–15 MB/s for a while."],
    [{ causes: [cause("disk_write", true, null)] }, ""], [{}, ""],
    [{ returning_since: at(14, 20) }, "Returning to normal since 14:20:00; causes are those of the peak."],
    [{ state: "closed", reason: "closed_recovered", closed_at: at(14, 25) }, "Back to normal: closed 14:25:00, after 25 min."],
    [{ state: "closed", reason: "closed_by_operator", closed_at: at(14, 25) }, ""],
  ])("in a sentence %#", (more, want) => expect(is(more)).toBe(want));
});

describe("last night", () => {
  const hours = (d: Date) => { const n = night(d.getTime()); return [new Date(n.from * 1000).toString().slice(8, 21), new Date(n.to * 1000).toString().slice(8, 21), n.over]; };
  test("by day it is over, and what came since is in it", () => expect(hours(new Date(2026, 10, 29, 14, 30))).toEqual(["28 2026 20:00", "29 2026 14:30", true]));
  test("at three it is on", () => expect(hours(new Date(2026, 10, 29, 3, 0))).toEqual(["28 2026 20:00", "29 2026 03:00", false]));
  test("late it has begun", () => expect(hours(new Date(2026, 10, 29, 22, 0))).toEqual(["29 2026 20:00", "29 2026 22:00", false]));
  const over = incident("a", at(2, 0), [], { state: "closed", closed_at: at(2, 40) }), quiet = incident("b", at(3, 0), [], { suppressed: "silenced", state: "closed" });
  test.each([
    [[], "No incident."], [[over], "1 incident, people were notified of it."], [[quiet], "1 incident, nobody was notified."],
    [[over, quiet, incident("c", at(4, 0), [])], "3 incidents, people were notified of 2, one is still open."],
  ])("in a sentence %#", (all, want) => expect(nightSentence(all as Incident[], false)).toBe(want));
  test.each([
    [{}, "people were notified"], [{ acked_by: "ann" }, "taken by ann"], [{ acked_by: "ann", verdict: "real", verdict_by: "bob" }, "real · bob"],
    [{ suppressed: "opened_silenced" }, "nobody notified: silenced"], [{ suppressed: "opened_silenced", verdict: "not_a_problem", verdict_by: "" }, "not a problem"],
  ])("what people said %#", (more, want) => expect(saidOf(incident("a", at(2, 0), [], { verdict: "", verdict_by: "", ...more }))).toBe(want));
  test.each([
    [null, 0, 0.5, "Promised: at most 1 false page a week and host. Whether that is kept is known after a day.", null],
    [0.3, 12, 7, "Promised: at most 1 false page a week and host. Sent, true ones too: 0.3 (12 pages on 40 hosts in 7 days): kept.", true],
    [2, 1, 3.5, "Promised: at most 1 false page a week and host. Sent, true ones too: 2 (1 page on 40 hosts in 3.5 days).", false],
  ])("the promise %#", (actual_per_host_week, opened, days, text, kept) => expect(promise({ promised_per_host_week: 1, actual_per_host_week, opened, hosts: 40, days })).toEqual({ text, kept }));
  test("how long", () => expect([lasted(over), lasted(incident("c", at(4, 0), []))]).toEqual(["40 min", "still open"]));
});

describe("what hosts have in common", () => {
  const shared = (label: string, value: string, values: number, of: number) => ({ label, value, values, of });
  test("a value that all have, and how many there are of others", () =>
    expect(commonText([shared("role", "db", 1, 8), shared("dc", "", 4, 7), shared("rack", "", 8, 8)])).toBe("role=db · dc: 4 of 7 · rack: all 8"));
  test("marks that turn text are written out, and only the first are said", () =>
    expect(commonText([shared("ro\u202Ele", "x", 1, 2), shared("a", "", 1, 2)], 1)).toBe("ro⟨U+202E⟩le=x"));
  test("nothing", () => expect(commonText([])).toBe(""));
});

test("what those may who do not sign in", () => {
  expect(openWords("admin")).toContain("full access");
  for (const role of ["operate", "read"] as const) expect(openWords(role)).not.toContain("full access");
  expect(openWords("read")).toContain("change nothing");
  expect(openWords()).toContain("full access"); // of an Omen that does not say
});
