import { Link } from "wouter";
import { incidentPath, useSimilar, type Change } from "../api";
import { reason, score, timeOf, verdict, visible, words } from "../format";
import { lasted } from "../now";
import { Problem, Severity, title, why } from "./Bits";
import { Name } from "./Name";

const did = (c: Change) => (c.kind === "judged" ? (c.verdict ? `judged it ${verdict(c.verdict)}` : "took the verdict back") : c.kind === "commented" ? "" : c.kind === "closed" ? "closed it" : words(c.kind));

/** Past incidents that are like one: how they ended, and what people said. */
export function Similar({ id }: { id: string }) {
  const r = useSimilar(id), all = r.data?.incidents ?? [];
  return (
    <section className="card" aria-labelledby="similar" data-testid="similar"><h2 id="similar">Similar before <span className="dim" style={{ fontWeight: 400 }}>· of the last 90 days, with what people said</span></h2>
      <Problem read error={r.error} what="Similar incidents cannot be shown" />
      {r.data && !all.length && <div className="dim">None: nothing like it has been closed.</div>}
      <ul className="entries">{all.map((i) => (
        <li key={i.id}>
          <div className="line"><Severity incident={i} /><Link className="plain" href={incidentPath(i.id)}><Name name={title(i)} /></Link><span className="num">{timeOf(i.since)}</span><span className="dim num">{lasted(i)}{i.kind !== "forecast" && ` · peak ${score(i.peak)}`} · {reason(i.reason)}</span></div>
          <div className="dim">{why(i)}</div>
          {i.said.map((c) => <div key={c.key}><Name name={c.by} /> {did(c)}{c.comment && <>{did(c) && ": "}“<bdi>{visible(c.comment)}</bdi>”</>}</div>)}
          {!i.said.length && <div className="dim">Nobody said anything.</div>}
        </li>))}</ul>
    </section>
  );
}
