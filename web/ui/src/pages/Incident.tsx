import { Alert, Badge, Button, Modal, Textarea, TextInput } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { hostPath, previewVerdict, useAct, useIncident, useIncidents, useScores, type Change, type Delivery, type IncidentDetail, type Preview } from "../api";
import { clock, reason, score, severityColor, verdict, whole, words } from "../format";
import { Causes, Dot, Empty, Grade, IncidentTable, Problem, Severity, title, When } from "../parts/Bits";
import { ScoreChart } from "../parts/Chart";

export function IncidentPage({ id }: { id: string }) {
  const r = useIncident(id);
  return (
    <main className="page">
      <Problem error={r.error} what={`Incident ${id} cannot be shown`} />
      {r.data && <Detail i={r.data} />}
    </main>
  );
}

function Detail({ i }: { i: IncidentDetail }) {
  const onset = Date.parse(i.since ?? i.opened_at ?? "") / 1000;
  const end = i.closed_at ? Date.parse(i.closed_at) / 1000 : 0;
  const span = useMemo(() => {
    const to = end || Date.now() / 1000, pad = Math.max(300, (to - onset) * 0.4);
    return { from: onset - pad, to: end ? end + pad : to };
    // an open incident's chart moves with its updates
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [onset, end, i.updated_at]);
  const hasHost = i.host.name !== "";
  const scores = useScores(hasHost ? i.host.id : "", span);
  const members = useIncidents({ fleet: i.id, limit: 50 }, i.kind === "fleet");
  return (
    <>
      <header className="line between">
        <div>
          <div className="line"><Severity incident={i} /><Badge variant="light" color="gray" size="sm" tt="none">{i.state}</Badge>{i.verdict && <Badge variant="light" color="violet" size="sm" tt="none">{verdict(i.verdict)} · {i.verdict_by}</Badge>}</div>
          <h1 style={{ marginTop: 6 }}>{i.kind === "host" && hasHost ? <Link className="plain" href={hostPath(i.host.id)}>{i.host.name}</Link> : title(i)}</h1>
          <div className="dim" style={{ fontSize: 14, marginTop: 2 }}>
            since <When at={i.since} />{end > 0 && <>, lasted {whole(end - onset)}</>} · peak <span className="num">{score(i.peak)}</span> · {reason(i.reason)}{i.assignee && <> · assigned to {i.assignee}</>}{i.acked_by && <> · acknowledged by {i.acked_by}</>}
          </div>
        </div>
        <Grade grade={i.grade} />
      </header>
      {i.suppressed && <Alert color="gray" variant="light" title={`Nobody is told: ${reason(i.suppressed)}`}>It is recorded and shown all the same.</Alert>}
      <Actions i={i} />
      <div className="cols">
        <div style={{ display: "flex", flexDirection: "column", gap: 16, minWidth: 0 }}>
          {hasHost && (
            <section className="card" aria-labelledby="around"><h2 id="around">Score around it{i.kind === "fleet" && <span className="dim"> · {i.host.name}, the likely first</span>}</h2>
              {scores.data?.times.length ? <ScoreChart times={scores.data.times} scores={scores.data.scores} log={(i.peak ?? 0) > 20} from={span.from} to={span.to} label="score around the incident; the limit is 1"
                marks={[{ at: onset, color: "#f08c4a" }, ...(end ? [{ at: end, color: "#48bba4" }] : [])]} /> : <Empty>No scores are stored of this time.</Empty>}
            </section>
          )}
          {i.kind === "fleet" && <section className="card" aria-labelledby="members"><h2 id="members">Its {i.members.length} hosts</h2>
            {members.data?.incidents.length ? <IncidentTable incidents={members.data.incidents} /> : <div className="line">{i.members.slice(0, 200).map((m) => <Link className="plain" key={m.id} href={hostPath(m.id)}>{m.name}</Link>)}</div>}</section>}
          <section className="card" aria-labelledby="timeline"><h2 id="timeline">Timeline</h2><Timeline changes={i.changes} deliveries={i.deliveries} /></section>
        </div>
        <section className="card" aria-labelledby="causes"><h2 id="causes">Causes</h2>
          {i.causes.length ? <Causes causes={i.causes} /> : <Empty>{i.summary || "None."}</Empty>}
          {i.links.length > 0 && <><h2 style={{ marginTop: 18 }}>Links</h2>{i.links.filter((l) => /^https?:\/\//.test(l)).map((l) => <div key={l}><a className="plain" href={l} rel="noreferrer noopener">{l}</a></div>)}</>}
        </section>
      </div>
    </>
  );
}

function Actions({ i }: { i: IncidentDetail }) {
  const act = useAct(i.id);
  const [by, setBy] = useLocalStorage({ key: "omen-by", defaultValue: "" });
  const [comment, setComment] = useState("");
  const [asked, setAsked] = useState<{ verdict: string; previews: Preview[] } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const run = (action: string, more: { comment?: string; verdict?: string; force?: boolean } = {}) =>
    act.mutate({ action, by, comment: comment || undefined, ...more }, { onSuccess: () => { setComment(""); setAsked(null); } });
  const judge = async (v: string) => {
    setError(null);
    try {
      const { previews } = await previewVerdict(i.id, v, by);
      if (v !== "real" && previews.some((p) => p.vanish.length > 1 || p.lost.length > 0)) setAsked({ verdict: v, previews });
      else run("verdict", { verdict: v });
    } catch (e) { setError(e); }
  };
  const lost = asked?.previews.reduce((n, p) => n + p.lost.length, 0) ?? 0;
  const vanish = asked?.previews.reduce((n, p) => n + p.vanish.length, 0) ?? 0;
  return (
    <section className="card" aria-label="Actions">
      <div className="line" style={{ alignItems: "flex-end" }}>
        <TextInput size="xs" label="Your name" value={by} onChange={(e) => setBy(e.currentTarget.value)} w={140} />
        <Textarea size="xs" label="Comment" autosize minRows={1} maxRows={5} value={comment} onChange={(e) => setComment(e.currentTarget.value)} style={{ flex: 1, minWidth: 180 }} />
        <Button size="xs" variant="default" disabled={!comment || act.isPending} onClick={() => run("comment")}>Comment</Button>
        {i.state === "open" && <Button size="xs" color="violet" loading={act.isPending} onClick={() => run("ack")}>Acknowledge</Button>}
        {i.state === "acknowledged" && <Button size="xs" variant="default" onClick={() => run("unack")}>Take back</Button>}
        {i.state !== "closed" && <Button size="xs" variant="default" onClick={() => run("close")}>Close</Button>}
      </div>
      <div className="line" style={{ marginTop: 12 }}>
        <span className="dim" style={{ fontSize: 14 }}>Was it a real problem?</span>
        <Button.Group>
          {["real", "not_a_problem", "expected_at_this_time"].map((v) => (
            <Button key={v} size="compact-sm" variant={i.verdict === v ? "filled" : "default"} color="violet" aria-pressed={i.verdict === v}
              onClick={() => (i.verdict === v ? run("verdict", { verdict: "" }) : void judge(v))}>{verdict(v)}</Button>
          ))}
        </Button.Group>
        <span className="dim" style={{ fontSize: 13 }}>Omen learns from your answer.</span>
      </div>
      <Problem error={error ?? act.error} what="That was not done" />
      <Modal opened={!!asked} onClose={() => setAsked(null)} title="What this verdict would change">
        <p style={{ marginTop: 0 }}>Omen would keep quiet about incidents like this one. Of the last 90 days, people would not have been told of <b>{vanish}</b> {vanish === 1 ? "incident" : "incidents"}{lost > 0 && <>, <b style={{ color: "var(--mantine-color-red-6)" }}>{lost}</b> of them confirmed as real</>}.</p>
        <div className="dim" style={{ fontSize: 13, marginBottom: 14 }}>{asked?.previews.map((p, n) => <div key={n}>{p.pattern.causes.map((c) => `${words(c.feature)} ${c.up ? "up" : "down"}`).join(", ")} · {p.pattern.text}</div>)}</div>
        <div className="line" style={{ justifyContent: "flex-end" }}><Button variant="default" size="xs" onClick={() => setAsked(null)}>Cancel</Button>
          <Button size="xs" color={lost ? "red" : "violet"} onClick={() => run("verdict", { verdict: asked?.verdict, force: lost > 0 })}>{lost ? "Do it all the same" : "Do it"}</Button></div>
      </Modal>
    </section>
  );
}

const outcomeColor: Record<string, string> = { delivered: "teal", retrying: "orange", gave_up: "red", skipped: "gray" };

/** Every change and every delivery, in the order in which they happened. */
export function Timeline({ changes, deliveries }: { changes: Change[]; deliveries: Delivery[] }) {
  const steps = [
    ...changes.map((c) => ({ at: c.at, key: c.key, color: c.kind === "closed" ? "teal" : c.kind === "opened" || c.kind === "escalated" || c.kind === "reopened" ? severityColor[c.severity] ?? "gray" : "violet",
      body: <><b style={{ fontWeight: 600 }}>{words(c.kind)}</b>{c.by && <span className="dim"> by {c.by}</span>}{c.reason && <span className="dim"> · {reason(c.reason)}</span>}{c.score !== null && <span className="dim num"> · score {score(c.score)}</span>}{c.comment && <div style={{ whiteSpace: "pre-wrap" }}>{c.comment}</div>}</> })),
    ...deliveries.map((d, n) => ({ at: d.at, key: `${d.key}/${d.receiver}/${n}`, color: outcomeColor[d.outcome] ?? "gray",
      body: <span>{d.outcome === "delivered" ? "told " : ""}{d.receiver}<span className="dim">{d.outcome !== "delivered" && ` · ${words(d.outcome)}`}{d.detail && ` · ${d.detail}`}</span></span> })),
  ].sort((a, b) => a.at.localeCompare(b.at));
  if (!steps.length) return <Empty>Nothing yet.</Empty>;
  return <div>{steps.map((s) => <div className="step" key={s.key}><time className="dim num" dateTime={s.at} title={clock(s.at)}>{new Date(s.at).toLocaleTimeString()}</time><Dot color={s.color} /><div>{s.body}</div></div>)}</div>;
}
