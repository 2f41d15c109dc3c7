import { expect, test } from "vitest";
import type { Action, Incident, Silence } from "./api";
import { actionMarks, incidentMarks, silenceMarks } from "./marks";

const host = { id: "prom/node/web-1", source: "prom", profile: "node", name: "web-1", labels: { role: "web" } };
const is = (name: string, value: string, isRegex = false, isEqual = true) => ({ name, value, isRegex, isEqual });
const silence = (...match: Silence["match"]) => ({ from: "2026-11-28T23:00:00Z", until: "2026-11-29T01:00:00Z", match }) as unknown as Silence;

test("forecasts and incidents are marked apart", () => {
  const list = [{ kind: "host", since: "2026-11-28T23:10:00Z", opened_at: "2026-11-28T23:11:00Z" }, { kind: "forecast", since: null, opened_at: "2026-11-28T23:20:00Z", forecast: { title: "/var" } }] as unknown as Incident[];
  expect(incidentMarks(list).map((m) => [new Date(m.at * 1000).toISOString().slice(11, 16), m.sign, m.text])).toEqual([["23:10", "●", "incident began"], ["23:20", "◇", "forecast of /var"]]);
  expect(incidentMarks(undefined)).toEqual([]);
});

test.each([
  ["of the host", [is("host", "web-1")], "silence"], ["of a pattern that has it", [is("host", "web-.*", true)], "silence"], ["of its role", [is("role", "web"), is("source", "prom")], "silence"],
  ["of one cause", [is("host", "web-1"), is("cause", "disk_write")], "silence of some incidents"],
  ["of another host", [is("host", "web-2")], undefined], ["of part of a name", [is("host", "web", true)], undefined], ["of all but it", [is("host", "web-1", false, false)], undefined],
  ["of another role", [is("role", "db"), is("cause", "disk_write")], undefined], ["of what no browser reads", [is("host", "(?P<x>web-1", true)], "silence of some incidents"],
])("a silence %s", (_, match, text) => expect(silenceMarks([silence(...match)], host)[0]?.text).toBe(text));

test("where a host's labels are not known, a silence by label may be of it", () =>
  expect(silenceMarks([silence(is("role", "web"))], { id: "", source: "prom", profile: "node", name: "web-1" })[0]?.text).toBe("silence of some incidents"));

test("a silence is shaded while it lasts", () => {
  const m = silenceMarks([silence(is("host", "web-1"))], host)[0]!;
  expect(m.until! - m.at).toBe(7200);
});

test("an action is marked once it was started, with what became of it", () =>
  expect(actionMarks([{ started: null }, { started: "2026-11-28T23:10:00Z", does: "rollout_restart", state: "not_helped" }] as unknown as Action[]).map((m) => m.text)).toEqual(["action: rollout restart (not helped)"]));
