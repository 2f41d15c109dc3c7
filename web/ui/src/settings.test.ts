import { describe, expect, test } from "vitest";
import type { Channel, ConfigValue, Receiver, ReceiverTest } from "./api";
import { channelHealth, receiverColor, routeTiming, sections, sourceHealth, testOutcome, unheard } from "./settings";

const now = Date.parse("2026-11-29T14:00:00Z"), ago = (s: number) => new Date(now - 1000 * s).toISOString();
const channel = (state: string, more: object = {}) => ({ name: "ops/slack", state, err: "", trouble: "", ...more }) as unknown as Channel;

describe("receivers", () => {
  test.each([
    ["working", {}, "teal", /^takes messages/], ["untried", {}, "gray", /^untried/],
    ["failing", { err: "no_such_channel" }, "red", /no_such_channel$/], ["failing", { trouble: "receiver ops/slack refuses messages" }, "red", /^receiver ops/],
  ])("a channel that is %s %j", (state, more, color, text) => {
    const h = channelHealth(channel(state, more));
    expect(h.color).toBe(color);
    expect(h.text).toMatch(text);
  });
  test("a receiver is what its worst channel is, and no proof without one", () =>
    expect([["working", "working"], ["working", "untried"], ["untried", "failing"], []].map((all) => receiverColor({ channels: all.map((s) => channel(s)) }))).toEqual(["teal", "gray", "red", "gray"]));
  test("nobody to notify is said, and so is a channel that failed without an incident about it", () => {
    const receiver = (name: string, ...channels: Channel[]) => ({ name, channels }) as unknown as Receiver;
    expect(unheard(undefined)).toBeUndefined();
    expect(unheard([])).toEqual([{ name: "", text: "The configuration has no receiver." }]);
    expect(unheard([receiver("ops")])).toEqual([{ name: "", text: "No receiver has a channel." }]);
    expect(unheard([receiver("ops", channel("working", { incident: "" }), channel("untried", { incident: "" }))])).toEqual([]);
    expect(unheard([receiver("ops", channel("failing", { err: "no_such_channel", incident: "" })), receiver("dba", channel("failing", { err: "x", incident: "i1" }))])).toEqual([{ name: "ops/slack", text: expect.stringContaining("no_such_channel") }]);
  });
  test("a test in a sentence", () => {
    const of = (...errs: string[]) => testOutcome({ receiver: "ops", delivered: errs.every((e) => !e), channels: errs.map((err, n) => ({ channel: "ops/" + n, took_seconds: 0.2, note: "", err })) } as ReceiverTest);
    expect([of(""), of("", ""), of("", "refused"), of("refused")]).toEqual(["It arrived after 200 ms.", "All 2 channels took it.", "1 of 2 channels took it.", "It did not arrive."]);
  });
});

describe("sources", () => {
  const source = (state: "up" | "down" | "partial" | "starting", last: number | null, err = "") => sourceHealth({ state, err, last_read: last === null ? null : ago(last), step_seconds: 15 }, now);
  test.each([
    [source("up", 14), "teal", "up"], [source("up", 61), "orange", "late: last read 61 s ago"], [source("down", 300, "refused"), "red", "down: refused"],
    [source("partial", 5), "orange", "in part"], [source("starting", null), "violet", "starting"], [sourceHealth(undefined, now), "gray", "not known yet"],
  ])("%j", (h, color, text) => expect(h).toEqual({ color, text }));
});

test("a route says when it sends", () =>
  expect(routeTiming({ group_by: ["team"], group_wait_seconds: 2, group_interval_seconds: 300, repeat_interval_seconds: 14400, mute_time_intervals: ["nights"], active_time_intervals: [] }))
    .toBe("a message by team; waits 2 s; more after 5 min; repeats after 4 h; muted in nights"));

test("values stand by what they are about", () =>
  expect(sections([["budget", "a"], ["retention", "b"], ["retention", "c"]].map(([section, key]) => ({ section, key }) as ConfigValue)).map((s) => [s.title, s.values.map((v) => v.key)]))
    .toEqual([["Budget", ["a"]], ["Retention", ["b", "c"]]]));
