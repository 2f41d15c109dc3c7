import { Link } from "wouter";
import { incidentPath, useExplanation } from "../api";
import { bothClocks, timeOf, visible } from "../format";
import { instantText } from "../view";
import { Dot, Empty, Problem } from "./Bits";
import { useAxis } from "./Time";

/** Why people were notified of a host at the pinned moment, or why not; without one: now. */
export function Explain({ id }: { id: string }) {
  const axis = useAxis(), r = useExplanation(id, axis.at), e = r.data;
  const when = axis.at ? `at ${timeOf(instantText(axis.at))}` : "now";
  return (
    <section className="card" aria-labelledby="explain" data-testid="explain">
      <h2 id="explain">{e ? (e.notified ? "Why people were notified" : "Why nobody was notified") : "Why people were (not) notified"} <span className="dim" style={{ fontWeight: 400 }} title={axis.at ? bothClocks(instantText(axis.at)) : undefined}>· {when}{!axis.at && "; click a chart to ask about another moment"}</span></h2>
      <Problem read error={r.error} what="It cannot be said" />
      {r.isPending && <Empty>Looking…</Empty>}
      {e && <ol className="rows spots">{e.steps.map((s, n) => (
        <li key={n}><Dot color={s.met ? "teal" : "orange"} /><div>
          <span className="sr">{s.met ? "held: " : "did not hold: "}</span>
          {s.met ? visible(s.text) : <b style={{ fontWeight: 600 }}>{visible(s.text)}</b>}
          {s.at && <span className="dim num" title={bothClocks(s.at)}> · {timeOf(s.at)}</span>}
        </div></li>))}</ol>}
      {e?.incident && <div style={{ marginTop: 8 }}><Link className="plain" href={incidentPath(e.incident)}>the incident</Link></div>}
    </section>
  );
}
