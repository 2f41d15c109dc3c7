// The configuration that runs, who is notified, and how each answers.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ask, enc, post, slowly, type Channel, type Config, type ConfigRoute, type ConfigValue, type Receiver, type Receivers, type ReceiverTest, type Source } from "./api";
import { seconds, whole } from "./format";

export const useConfig = () => useQuery({ queryKey: ["config"], queryFn: () => ask<Config>("/config"), refetchInterval: slowly });
export const useReceivers = () => useQuery({ queryKey: ["receivers"], queryFn: () => ask<Receivers>("/receivers"), refetchInterval: slowly });

/** Sends one test message; what each channel answered is shown until the next one. */
export function useReceiverTest(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (by: string) => ask<ReceiverTest>(`/receivers/${enc(name)}/test`, post(by ? { by } : {})),
    onSettled: () => { for (const k of ["receivers", "incidents", "status"]) void client.invalidateQueries({ queryKey: [k] }); },
  });
}

export interface Health { color: string; text: string }

/** How a channel is: what it does now, before what it once did. */
export function channelHealth(c: Pick<Channel, "state" | "err" | "trouble">): Health {
  switch (c.state) {
    case "failing": return { color: "red", text: c.trouble || `the last attempt failed: ${c.err}` };
    case "working": return { color: "teal", text: "takes messages" };
    default: return { color: "gray", text: "untried: nothing was sent within 30 days" };
  }
}

/** The worst of a receiver's channels. */
export const receiverColor = (r: Pick<Receiver, "channels">): string => {
  const colors = r.channels.map((c) => channelHealth(c).color);
  return colors.includes("red") ? "red" : colors.length && !colors.includes("gray") ? "teal" : "gray";
};

/** How a source is: up, late, in part, down. A source that answers and was not read for four steps, and ten seconds at least, is late. */
export function sourceHealth(s: Pick<Source, "state" | "err" | "last_read" | "step_seconds"> | undefined, now: number): Health {
  if (!s) return { color: "gray", text: "not known yet" };
  const behind = s.last_read ? (now - Date.parse(s.last_read)) / 1000 : 0;
  switch (s.state) {
    case "down": return { color: "red", text: "down" + (s.err ? `: ${s.err}` : "") };
    case "starting": return { color: "violet", text: "starting" };
    case "partial": return { color: "orange", text: "in part" + (s.err ? `: ${s.err}` : "") };
  }
  return behind > Math.max(10, 4 * (s.step_seconds ?? 0)) ? { color: "orange", text: `late: last read ${whole(behind)} ago` } : { color: "teal", text: "up" };
}

/** Why people are not notified, or not by some channel, where no incident is about it; undefined: that is not known yet. */
export function unheard(all: Receiver[] | undefined): { name: string; text: string }[] | undefined {
  if (!all) return undefined;
  const channels = all.flatMap((r) => r.channels);
  if (!channels.length) return [{ name: "", text: all.length ? "No receiver has a channel." : "The configuration has no receiver." }];
  return channels.filter((c) => c.state === "failing" && !c.incident).map((c) => ({ name: c.name, text: channelHealth(c).text }));
}

/** When and how a route groups and repeats. */
export function routeTiming(r: Pick<ConfigRoute, "group_by" | "group_wait_seconds" | "group_interval_seconds" | "repeat_interval_seconds" | "mute_time_intervals" | "active_time_intervals">): string {
  const by = !r.group_by.length ? "all in one message" : r.group_by[0] === "..." ? "a message for each set of labels" : `a message by ${r.group_by.join(", ")}`;
  return [by, `waits ${seconds(r.group_wait_seconds)}`, `more after ${seconds(r.group_interval_seconds)}`, `repeats after ${seconds(r.repeat_interval_seconds)}`,
    ...(r.mute_time_intervals.length ? [`muted in ${r.mute_time_intervals.join(", ")}`] : []), ...(r.active_time_intervals.length ? [`only in ${r.active_time_intervals.join(", ")}`] : [])].join("; ");
}

const titles: Record<string, string> = { budget: "Budget", learning: "Learning", retention: "Retention", incidents: "Incidents", general: "General", actions: "Actions" };

/** Values by what they are about, in the order in which they come. */
export function sections(values: ConfigValue[]): { title: string; values: ConfigValue[] }[] {
  const by = new Map<string, ConfigValue[]>();
  for (const v of values) by.set(v.section, [...(by.get(v.section) ?? []), v]);
  return [...by].map(([name, all]) => ({ title: titles[name] ?? name, values: all }));
}

/** What became of a test, in a sentence. */
export function testOutcome(t: ReceiverTest): string {
  const took = t.channels.filter((c) => !c.err);
  if (t.delivered) return t.channels.length === 1 ? `It arrived after ${seconds(t.channels[0]!.took_seconds)}.` : `All ${t.channels.length} channels took it.`;
  return took.length ? `${took.length} of ${t.channels.length} channels took it.` : "It did not arrive.";
}
