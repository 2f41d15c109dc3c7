// Which model judged a host when, for charts: nobody trusts a score whose
// yardstick moves unseen.
import type { Model } from "./api";

const limitOf = (m: Model): number | null => {
  const limit = (m.card as { limit?: { chosen?: unknown } } | null)?.limit?.chosen;
  return typeof limit === "number" ? limit : null;
};
const short = (v: number) => String(+v.toPrecision(2));

/** When a model began to judge; of one that serves since before that was recorded, when it was trained. */
const begins = (m: Model): string[] => (m.served.length ? m.served.map((s) => s.from) : m.serving && m.trained_at ? [m.trained_at] : []);

/** An instant for each change of the model that judges: what its limit is, and was. */
export function modelMarks(models: Model[] | undefined): { at: number; color: string; sign: string; text: string }[] {
  const changes = (models ?? []).flatMap((m) => begins(m).map((s) => ({ at: Date.parse(s) / 1000, limit: limitOf(m) }))).sort((a, b) => a.at - b.at);
  return changes.map(({ at, limit }, i) => {
    const before = i ? changes[i - 1]!.limit : null;
    const moved = limit === null ? "" : before === null ? `, limit ${short(limit)}` : `, limit ${short(before)} → ${short(limit)}`;
    return { at, color: "#7b5bd6", sign: "◆", text: "new model" + moved };
  });
}
