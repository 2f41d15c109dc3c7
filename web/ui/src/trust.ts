// What Omen would see on a host, and whether what was promised is kept.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ask, post, query, slowly, type Budget, type BudgetReplay, type HostTrust, type Model, type NewLevel, type TrustKind, type Trusts, type TrustWeek, type TrustWeeks } from "./api";
import { seconds, words } from "./format";
import { modelMarks } from "./served";

export const useTrust = (p: { q?: string; limit?: number }) =>
  useQuery({ queryKey: ["trust", p], queryFn: () => ask<Trusts>("/trust" + query(p)), refetchInterval: slowly, placeholderData: keepPreviousData });
export const useTrustWeeks = (host?: string) =>
  useQuery({ queryKey: ["trust", "weeks", host], queryFn: () => ask<TrustWeeks>("/trust/weeks" + query({ host })), refetchInterval: slowly, retry: false });

/** The trust of one host among those that a search by its id finds. */
export const trustIn = (r: Trusts | undefined, id: string): HostTrust | undefined => r?.hosts.find((h) => h.id === id);

const kinds: Record<string, string> = { level_shift: "shifts", spike: "spikes", leak: "leaks", slow_drift: "slow drifts", stuck: "stuck values", lost_correlation: "lost correlation" };
export const kindWords = (kind: string) => kinds[kind] ?? words(kind);

/** What a bar of a kind says when it is read. */
export function kindText(k: TrustKind): string {
  const found = `${Math.round((k.recall ?? 0) * 100)} % of those tried are found`;
  const from = k.smallest === null ? (k.sizes.length ? ", half of them at no size" : "") : `, half of them from ${k.smallest} standard deviations on`;
  const marked = k.marked.length ? `; ${Math.round((k.marked.reduce<number>((sum, v) => sum + (v ?? 0), 0) / k.marked.length) * 100)} % are marked on the timeline, of which nobody is notified` : "";
  return `${kindWords(k.kind)}: ${found}${from}${k.delay_seconds === null ? "" : `, after ${seconds(k.delay_seconds)}`}${marked}`;
}

/** How a week stands to what was promised; unknown where less than a day was watched. */
export type Kept = "kept" | "over" | "unknown";
export const kept = (w: Pick<TrustWeek, "per_host_week">, promised: number): Kept => (w.per_host_week === null ? "unknown" : w.per_host_week <= promised ? "kept" : "over");

const day = (at: string) => new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short" });

export function weekText(w: TrustWeek, promised: number): string {
  const span = `${day(w.from)} – ${day(w.to)}: `;
  if (w.per_host_week === null) return span + (w.notified ? `${w.notified} notified of; less than a day was watched` : "not watched");
  const said = [...(w.real ? [`${w.real} real`] : []), ...(w.rejected ? [`${w.rejected} rejected`] : []), ...(w.notified - w.real - w.rejected ? [`${w.notified - w.real - w.rejected} not judged`] : [])];
  return `${span}people were notified of ${w.notified}${said.length ? ` (${said.join(", ")})` : ""}; ${+w.per_host_week.toPrecision(2)} not real per host and week, ${promised} promised`;
}

/** The strip in one sentence. */
export function promiseSentence(t: TrustWeeks): string {
  const known = t.weeks.filter((w) => w.per_host_week !== null), over = known.filter((w) => kept(w, t.promised_per_host_week) === "over").length;
  if (!known.length) return "Too short a time was watched to say whether the promise is kept.";
  const of = known.length === 1 ? "the one week" : `the ${known.length} weeks`;
  return over ? `Over what was promised in ${over} of ${of} that were watched.` : `Kept in ${of} that ${known.length === 1 ? "was" : "were"} watched.`;
}

/** Bars of the strip, 0 to 1 high, and the height of the promise. */
export function bars(t: TrustWeeks): { line: number; bars: { height: number; kept: Kept; text: string }[] } {
  const top = Math.max(2 * t.promised_per_host_week, ...t.weeks.map((w) => w.per_host_week ?? 0)) || 1;
  return { line: t.promised_per_host_week / top, bars: t.weeks.map((w) => ({ height: (w.per_host_week ?? 0) / top, kept: kept(w, t.promised_per_host_week), text: weekText(w, t.promised_per_host_week) })) };
}

/** What moved the yardstick of a host within the weeks: models with their limits, features at new levels. Where 0 is their begin and 1 now. */
export function trustMarks(t: TrustWeeks, models: Model[] | undefined, levels: NewLevel[]): { where: number; at: number; text: string }[] {
  if (!t.weeks.length) return [];
  const from = Date.parse(t.weeks[0]!.from) / 1000, to = Date.parse(t.weeks[t.weeks.length - 1]!.to) / 1000;
  const all = [...modelMarks(models).map((m) => ({ at: m.at, text: m.text })), ...levels.map((l) => ({ at: Date.parse(l.at ?? "") / 1000, text: words(l.text) }))];
  return all.filter((m) => m.at >= from && m.at <= to).sort((a, b) => a.at - b.at).map((m) => ({ ...m, where: (m.at - from) / (to - from) }));
}

/** The budget, and the last replay; asked every second while one runs. */
export const useBudget = () => useQuery({ queryKey: ["budget"], queryFn: () => ask<Budget>("/budget"), refetchInterval: (q) => (q.state.data?.replay?.state === "running" ? 1000 : 30000), retry: false });

/** Begins a replay with another budget, or cancels the one that runs (null). */
export function useReplay() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (perHostWeek: number | null) => ask<Budget>("/budget/replay", perHostWeek === null ? { method: "DELETE" } : post({ per_host_week: perHostWeek })),
    onSuccess: (b) => client.setQueryData(["budget"], b),
    onError: () => void client.invalidateQueries({ queryKey: ["budget"] }),
  });
}

/** The stops of the slider. */
export const factors = [{ times: 0.5, label: "½" }, { times: 1, label: "1" }, { times: 2, label: "2" }] as const;

/** A budget as people write it. */
export const pages = (v: number) => `${+v.toPrecision(3)} ${v === 1 ? "page" : "pages"} per host and week`;

/** What a replay says of itself besides its text. */
export function replayNotes(r: BudgetReplay): string[] {
  const notes = [];
  if (r.replayed_hosts) notes.push(`In truth people were notified of ${r.actual} on ${r.replayed_hosts === 1 ? "this host" : "these hosts"} then, with the silences, windows and fleet incidents that there were.`);
  if (r.step_seconds !== null) notes.push(`Read every ${seconds(r.step_seconds)}, with ${r.days === null ? "no" : +r.days.toPrecision(2)} days for each host on average.`);
  if (r.skipped_hosts) notes.push(`${r.skipped_hosts} ${r.skipped_hosts === 1 ? "host has" : "hosts have"} too little history.`);
  if (r.err) notes.push(r.err);
  return notes;
}
