import { Alert, Button, Textarea } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { hostPath, useAct, useHostModels, useIncident, useIncidents, useScores, type Change, type Delivery, type IncidentDetail } from "../api";
import { bothClocks, causesLine, clock, gone, reason, score, seconds, severityColor, timeOf, value, verdict, visible, visibleLines, whole, words, zoneOf } from "../format";
import { Badge, Causes, Dot, Empty, Grade, Problem, Severity, title, useNow, When } from "../parts/Bits";
import { ForecastTable } from "../parts/Forecasts";
import { Around, Legend } from "../parts/Around";
import { ScoreChart } from "../parts/Chart";
import { actionMarks, incidentMarks, silenceMarks, type Mark } from "../marks";
import { backToNormal, commonText } from "../now";
import { modelMarks } from "../served";
import { ByField, useBy } from "../parts/By";
import { Close } from "../parts/Close";
import { May } from "../parts/May";
import { Remedy } from "../parts/Remedy";
import { stateWords, useActions } from "../remedy";
import { Members } from "../parts/Members";
import { SilenceNow } from "../parts/Silence";
import { Similar } from "../parts/Similar";
import { Verdicts } from "../parts/Verdict";
import { eventColor, eventMarks, silenceFor, useEventsOf, useSilences, type Event } from "../mute";
import { SilenceForm } from "./Silences";
import { Name } from "../parts/Name";
import { TimeAxis, useAxis } from "../parts/Time";
import { instantText, useView } from "../view";

export function IncidentPage({ id }: { id: string }) {
  const r = useIncident(id);
  return (
    <main className="page">
      <Problem read error={r.error} what={`Incident ${id} cannot be shown`} />
      {r.isPending && <Empty>Reading the incident…</Empty>}
      {r.data && <Detail i={r.data} />}
    </main>
  );
}

function Detail({ i }: { i: IncidentDetail }) {
  const onset = Date.parse(i.since ?? i.opened_at ?? "") / 1000;
  const end = i.closed_at ? Date.parse(i.closed_at) / 1000 : 0;
  const [view, set] = useView();
  const home = useMemo(() => {
    const to = end || Date.now() / 1000, pad = Math.max(300, (to - onset) * 0.4);
    return { from: onset - pad, to: end ? end + pad : to };
    // an open incident's chart moves with its updates
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [onset, end, i.updated_at]);
  return (
    <>
      <header className="line between">
        <div>
          <div className="line"><Severity incident={i} /><Badge>{i.state}</Badge>{i.verdict && <Badge>{verdict(i.verdict)} · {i.verdict_by}</Badge>}</div>
          <h1 style={{ marginTop: 6 }}>{(i.kind === "host" || i.kind === "forecast") && i.host.name !== "" ? <Link className="plain" href={hostPath(i.host.id) + `?from=${instantText(home.from)}&to=${instantText(home.to)}`}><Name name={title(i)} /></Link> : <Name name={title(i)} />}</h1>
          <div className="dim" style={{ fontSize: 14, marginTop: 2 }}>
            <Period i={i} />{i.kind !== "forecast" && <> · peak <span className="num">{score(i.peak)}</span></>}{i.level !== null && <>, opened above the host's level <span className="num">{score(i.level)}</span></>} · {reason(i.reason)}{i.assignee && <> · assigned to <Name name={i.assignee} /></>}{i.acked_by && <> · acknowledged by <Name name={i.acked_by} /></>}
          </div>
          <BackToNormal i={i} />
          {i.common.length > 0 && <div style={{ fontSize: 14, marginTop: 2 }} data-testid="common">In common: {commonText(i.common, 8)}</div>}
          {i.kind === "host" && i.host.name !== "" && <div style={{ fontSize: 14, marginTop: 2 }}><Link className="plain" href={hostPath(i.host.id) + `?from=${instantText(home.from)}&to=${instantText(home.to)}&at=${instantText(Math.min(Date.now() / 1000 - 1, Date.parse(i.opened_at ?? i.since ?? "") / 1000 + 60))}`}>Why people were, or were not, notified</Link></div>}
        </div>
        <Grade grade={i.grade} />
      </header>
      {i.suppressed && <Alert color="gray" variant="light" title={`Suppressed: ${reason(i.suppressed)}`}>No notification is sent; the incident is recorded and shown.</Alert>}
      <May role="operate" what="Acknowledge, comment, judge and silence" card><Actions i={i} /></May>
      {i.blame && <Pods b={i.blame} />}
      <Remedy i={i} />
      <TimeAxis view={view} set={set} home={home}><Picture i={i} onset={onset} end={end} /></TimeAxis>
    </>
  );
}

/** All that lies on the page's one time axis, with the causes beside it. */
function Picture({ i, onset, end }: { i: IncidentDetail; onset: number; end: number }) {
  const { from, to } = useAxis(), span = useMemo(() => ({ from, to }), [from, to]), hasHost = i.host.name !== "";
  const events = useEventsOf(hasHost ? i.host.id : "", span).data ?? [];
  const models = useHostModels(hasHost ? i.host.id : "");
  const silences = useSilences(), actions = useActions({ incident: i.id }, i.actions > 0);
  const others = useIncidents({ host: i.host.id, kind: "forecast", from: Math.floor(from), to: Math.ceil(to), limit: 20 }, hasHost && i.kind !== "forecast");
  const marks: Mark[] = [...(hasHost ? silenceMarks(silences.data?.silences, i.host) : []), ...incidentMarks(others.data?.incidents), ...actionMarks(actions.data?.actions), ...eventMarks(events), ...modelMarks(models.data?.models), { at: onset, color: "#d55e00", sign: "●", text: "began" }, ...(i.opened_at ? [{ at: Date.parse(i.opened_at) / 1000, color: "#b35c1e", sign: "○", text: "opened" }] : []), ...i.changes.filter((c) => c.kind === "reopened").map((c) => ({ at: Date.parse(c.at) / 1000, color: "#d55e00", sign: "●", text: "came back" })), ...(end ? [{ at: end, color: "#2b8a6e", sign: "□", text: "closed" }] : [])].filter((m: Mark) => (m.until ?? m.at) > from && m.at < to);
  const scores = useScores(hasHost ? i.host.id : "", span);
  const aside = i.kind !== "forecast" || i.links.length > 0; // a forecast has no causes: what it says is beside its numbers
  return (
      <div className={aside ? "cols" : undefined}>
        <div style={{ display: "flex", flexDirection: "column", gap: 16, minWidth: 0 }}>
          {i.forecast && <section className="card" aria-labelledby="forecast"><h2 id="forecast">Forecast <span className="dim" style={{ fontWeight: 400 }}>· of <When at={i.forecast.at} exact /></span></h2>
            <p style={{ marginTop: 0 }}>{visible(i.forecast.text)}</p><ForecastTable forecasts={[i.forecast]} host={false} />
            <p className="dim" style={{ fontSize: 13, marginBottom: 0 }} hidden={i.forecast.exhausted || !!i.forecast.expires}>{i.forecast.rises} of the rises in {i.forecast.days} {i.forecast.days === 1 ? "day" : "days"} went at least as far, {i.forecast.longer} of them so far that they would fill it.{i.forecast.ceiling !== null && <> It was usually cleaned at {value(i.forecast.ceiling, i.forecast.unit)}.</>}</p></section>}
          {hasHost && (
            <section className="card" aria-labelledby="around"><h2 id="around">Score around the incident{i.kind === "fleet" && <span className="dim"> · <Name name={i.host.name} />, the likely first host</span>}</h2>
              <Problem read error={scores.error} what="The score's history cannot be shown" />
              {!!scores.data?.times.length && <ScoreChart times={scores.data.times} scores={scores.data.scores} level={scores.data.level} log={(i.peak ?? 0) > 20} label="score around the incident; the limit is 1" marks={marks} />}
              {scores.data && <Gone what={gone(scores.data.times, onset, scores.data.step_seconds)} first={scores.data.times[0]} onset={onset} />}
              <Legend marks={marks} />
            </section>
          )}
          {hasHost && <Around host={i.causes_of ?? i.host} fleet={i.kind === "fleet"} causes={i.causes} from={span.from} to={span.to} marks={marks} />}
          {i.kind === "fleet" && <section className="card" aria-labelledby="members"><h2 id="members">Its {i.members.length} hosts</h2>
            <Members id={i.id} hosts={i.members} open={i.state !== "closed"} /></section>}
          <section className="card" aria-labelledby="timeline"><h2 id="timeline">Timeline <span className="dim" style={{ fontWeight: 400 }}>· {zoneOf(i.since ?? i.opened_at ?? new Date().toISOString())}</span></h2><Timeline changes={i.changes} deliveries={i.deliveries} events={events} /></section>
          <Similar id={i.id} />
        </div>
        {aside && <section className="card" aria-labelledby="causes"><h2 id="causes">Causes</h2>
          {i.state !== "closed" && i.returning_since && <p className="dim" style={{ fontSize: 13, marginTop: 0 }}>At the peak; returning to normal since {timeOf(i.returning_since)}.</p>}{i.causes_of && <p className="dim" style={{ fontSize: 13, marginTop: 0 }}>On <Link className="plain" href={hostPath(i.causes_of.id)}><Name name={i.causes_of.name} /></Link>, the furthest from normal{i.peak_at && <> at {timeOf(i.peak_at)}</>}.</p>}{i.causes.length ? <Causes causes={i.causes} odd /> : <Empty>{visible(i.summary) || "None."}</Empty>}
          {i.links.length > 0 && <><h2 style={{ marginTop: 18 }}>Links</h2>{i.links.filter((l) => /^https?:\/\//.test(l)).map((l) => <div key={l}><a className="plain" href={l} rel="noreferrer noopener"><Name name={l} most={120} /></a></div>)}</>}
        </section>}
      </div>
  );
}

/** Which pod a node's incident comes from: the verdict, and what the pods have of the surplus. */
function Pods({ b }: { b: NonNullable<IncidentDetail["blame"]> }) {
  return (
    <section className="card" aria-labelledby="pods" data-testid="pods"><h2 id="pods">Pods of node <Name name={b.node} /> <span className="dim" style={{ fontWeight: 400 }}>· <When at={b.at} exact /></span></h2>
      <p style={{ marginTop: 0 }}><b>{b.pod ? <><Name name={`${b.namespace}/${b.pod}`} most={200} /> is to blame</> : "No pod is to blame"}</b>: <bdi>{visible(b.why)}</bdi></p>
      {b.pods.length > 0 && <div className="scroll" tabIndex={0} role="group" aria-label="Pods that rose most">
        <table className="grid">
          <thead><tr><th>Pod</th><th>Run by</th><th className="right">{words(b.feature)}</th><th className="right">Of the surplus</th><th className="right" title="share of time in which it waited for the resource">Waits</th></tr></thead>
          <tbody>
            {b.pods.map((p) => (
              <tr key={`${p.namespace}/${p.pod}`}>
                <td><Name name={`${p.namespace}/${p.pod}`} most={200} />{p.replaced > 0 && <span className="dim"> · {p.replaced} pods together</span>}</td>
                <td className="dim"><Name name={p.workload} /></td>
                <td className="right num">{p.rise_text}</td><td className="right num">{value(p.share, "ratio")}</td><td className="right num">{p.waits > 0 && value(p.waits, "ratio")}</td>
              </tr>))}
            <tr className="dim"><td>in no pod</td><td /><td /><td className="right num">{value(b.outside, "ratio")}</td><td /></tr>
          </tbody>
        </table></div>}
    </section>
  );
}

/** When an incident was, by the day and the local clock, in UTC on hover. */
function Period({ i }: { i: IncidentDetail }) {
  const now = useNow(5000), begin = i.since ?? i.opened_at;
  if (!begin) return null;
  const utc = (at: string) => new Date(at).toISOString();
  return (
    <span className="num" title={`${utc(begin)} – ${i.closed_at ? utc(i.closed_at) : "now"}`} data-testid="period"><time dateTime={begin}>{clock(begin)}</time> – {i.closed_at ? <time dateTime={i.closed_at}>{timeOf(i.closed_at, Date.parse(begin))}</time> : "now"} {zoneOf(begin)}
      , {i.closed_at ? "lasted " : "for "}{whole(((i.closed_at ? Date.parse(i.closed_at) : now) - Date.parse(begin)) / 1000)}</span>
  );
}

function BackToNormal({ i }: { i: IncidentDetail }) {
  const text = backToNormal(i, useNow(60_000));
  return text ? <div style={{ fontSize: 14, marginTop: 2 }} data-testid="back">{text}</div> : null;
}

/** Says that the history around an incident, or its beginning, is no longer there. */
function Gone({ what, first = 0, onset }: { what: ReturnType<typeof gone>; first?: number; onset: number }) {
  if (!what) return null;
  const age = whole(Date.now() / 1000 - onset), kept = "Omen keeps metrics and scores for storage.retention_time, 15 days unless configured.";
  return what === "all" ? <Empty>No scores are left of this time, {age} ago. {kept}</Empty>
    : <div className="dim" role="note" style={{ fontSize: 13 }}>Scores before {clock(new Date(first * 1000).toISOString())} are gone; the incident began {age} ago. {kept}</div>;
}

function Actions({ i }: { i: IncidentDetail }) {
  const act = useAct(i.id);
  const [by, setBy] = useBy();
  const [comment, setComment] = useState("");
  const [silence, setSilence] = useState(false);
  const run = (action: string) => act.mutate({ action, by, comment: comment || undefined }, { onSuccess: () => setComment("") });
  return (
    <section className="card" aria-label="Actions">
      <div className="line" style={{ alignItems: "flex-end" }}>
        <ByField size="xs" w={140} value={by} onChange={setBy} />
        <Textarea size="xs" label="Comment" autosize minRows={1} maxRows={5} value={comment} onChange={(e) => setComment(e.currentTarget.value)} style={{ flex: 1, minWidth: 180 }} />
        <Button size="xs" variant="default" disabled={!comment || act.isPending} onClick={() => run("comment")}>Comment</Button>
        {i.state === "open" && <Button size="xs" color="violet" data-key="a" loading={act.isPending} onClick={() => run("ack")}>Acknowledge</Button>}
        {i.state === "acknowledged" && <Button size="xs" variant="default" onClick={() => run("unack")}>Unacknowledge</Button>}
        <Close key={i.id} i={i} by={by} comment={comment} done={() => setComment("")} />
        <SilenceNow match={silenceFor(i)} more={() => setSilence(true)} />
      </div>
      <Verdicts i={i} by={by} comment={comment} done={() => setComment("")} />
      <Problem error={act.error} what="The action failed" />
      <SilenceForm draft={silence ? { match: silenceFor(i) } : null} close={() => setSilence(false)} />
    </section>
  );
}

const outcomeColor: Record<string, string> = { delivered: "teal", retrying: "orange", gave_up: "red", skipped: "gray" };

/** Every change, every notification, and the events around it, in the order in which they happened. */
export function Timeline({ changes, deliveries, events = [] }: { changes: Change[]; deliveries: Delivery[]; events?: Event[] }) {
  const steps = [
    ...events.map((e) => ({ at: e.at, key: e.id, color: eventColor[e.kind], body: <><b style={{ fontWeight: 600 }}>{e.kind}</b>{e.title && <> <Name name={e.title} most={200} /></>}{e.by && e.by !== "omen" && <span className="dim"> by <Name name={e.by} /></span>}</> })),
    ...changes.map((c) => ({ at: c.at, key: c.key, color: c.kind === "closed" ? "teal" : c.kind === "opened" || c.kind === "escalated" || c.kind === "reopened" ? severityColor[c.severity] : "violet",
      body: <><b style={{ fontWeight: 600 }}>{words(c.kind)}</b>{c.action && <> {words(c.action.does)}{c.action.target.text && <> of <Name name={c.action.target.text} most={200} /></>}</>}{c.kind === "judged" && ` ${c.verdict ? verdict(c.verdict) : "no verdict"}`}{c.by && c.by !== "omen" && <span className="dim"> by <Name name={c.by} /></span>}{c.reason && <span className="dim"> · {c.action ? stateWords[c.action.state] : reason(c.reason)}</span>}{!!c.score && <span className="dim num"> · score {score(c.score)}</span>}
        {c.causes.length > 0 && (c.kind === "opened" || c.kind === "escalated" || c.kind === "updated" || c.kind === "reopened") && <div className="dim">{causesLine(c.causes)}</div>}{!c.causes.length && c.summary && c.reason.endsWith("_forecast") && <div className="dim">{visible(c.summary)}</div>}{c.comment && <div style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{visibleLines(c.comment)}</div>}</> })),
    ...deliveries.map((d, n) => ({ at: d.at, key: `${d.key}/${d.receiver}/${n}`, color: outcomeColor[d.outcome] ?? "gray",
      body: <span>{d.outcome === "delivered" ? "notified " : ""}{d.receiver}<span className="dim">{d.outcome !== "delivered" && ` · ${words(d.outcome)}`}{d.took_seconds !== null && d.outcome === "delivered" && ` in ${seconds(d.took_seconds)}`}{d.detail && ` · ${visible(d.detail)}`}</span></span> })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (!steps.length) return <Empty>Nothing yet.</Empty>;
  const day = (at: string) => new Date(at).toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return <div>{steps.map((s, n) => <div className="step" key={s.key}><time className="dim num" dateTime={s.at} title={bothClocks(s.at)}>{(n ? day(steps[n - 1]!.at) : day(new Date().toISOString())) !== day(s.at) && <div>{day(s.at)}</div>}{timeOf(s.at, Date.parse(s.at))}</time><Dot color={s.color} /><div>{s.body}</div></div>)}</div>;
}
