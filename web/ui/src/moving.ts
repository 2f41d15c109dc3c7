// What the event stream says of the host that is shown.
import type { HostDetail, ScoreHistory } from "./api";
import type { Take } from "./stream";

/** Puts what moved of a host into what was read of it. */
export const takeHost: Take = (client, id, live) => {
  const old = client.getQueryData<HostDetail>(["host", id]);
  if (!old) return;
  client.setQueryData<HostDetail>(["host", id], { ...old, ...live, recent: old.recent, incidents: old.incidents, serving: old.serving });
  if (old.state !== live.state) void client.invalidateQueries({ queryKey: ["explain", live.id] });
  if (old.model !== live.model) for (const queryKey of [["host", id], ["models", live.id]]) void client.invalidateQueries({ queryKey });
  for (const q of client.getQueryCache().findAll({ queryKey: ["score", live.id] })) {
    const span = q.queryKey[2];
    if (typeof span === "object" && span && "last" in span) client.setQueryData<ScoreHistory>(q.queryKey, (h) => h && grown(h, live, (span as { last: number }).last));
  }
};

/** A history of scores with one more, as coarse as it is: of each step the highest score; no longer than so many seconds. */
export function grown(h: ScoreHistory, live: Pick<HostDetail, "scored_at" | "score" | "level">, last: number): ScoreHistory {
  const at = Date.parse(live.scored_at ?? "") / 1000, n = h.times.length, end = n ? h.times[n - 1]! : 0, step = h.step_seconds;
  if (live.score === null || !(at > end)) return h;
  if (n && at < end + 0.9 * step) {
    if ((h.scores[n - 1] ?? 0) >= live.score) return h;
    return { ...h, scores: [...h.scores.slice(0, -1), live.score], level: [...h.level.slice(0, -1), live.level] };
  }
  const cut = h.times.findIndex((t) => t >= at - last), from = cut < 0 ? n : Math.max(0, cut - 1); // one before the edge, for the line
  const gap = n && at - end > Math.max(60, 5 * step) ? [end + step] : []; // nothing was heard in between
  return {
    ...h, times: [...h.times.slice(from), ...gap, at], scores: [...h.scores.slice(from), ...gap.map(() => null), live.score],
    level: [...h.level.slice(from), ...gap.map(() => null), live.level],
  };
}
