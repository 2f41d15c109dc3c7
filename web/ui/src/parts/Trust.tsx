import { May } from "./May";
import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { idPath, type HostTrust, type Model, type NewLevel } from "../api";
import { copy } from "../copy";
import { clock, visible } from "../format";
import { bars, factors, kindText, kindWords, pages, promiseSentence, replayNotes, trustIn, trustMarks, useBudget, useReplay, useTrust, useTrustWeeks } from "../trust";
import { Empty, Problem } from "./Bits";
import { Name } from "./Name";

const W = 560, H = 70, gap = 6;

/** Twelve weeks of what was promised and what people were notified of; of one host with what moved its yardstick. */
export function PromiseKept({ host, models, levels = [] }: { host?: string; models?: Model[]; levels?: NewLevel[] }) {
  const r = useTrustWeeks(host), t = r.data;
  if (!t) return <Problem read error={r.error} what="What was promised and kept cannot be shown" />;
  const b = bars(t), each = W / b.bars.length, marks = trustMarks(t, models, levels), fill = { kept: "var(--omen-ink)", over: "var(--omen-hot)", unknown: "none" };
  return (
    <section className="card" aria-labelledby="promise" data-testid="promise"><h2 id="promise">Is the promise kept? <span className="dim" style={{ fontWeight: 400 }}>· twelve weeks, {t.promised_per_host_week} false {t.promised_per_host_week === 1 ? "page" : "pages"} per host and week promised</span></h2>
      <div style={{ marginBottom: 8 }}>{promiseSentence(t)}</div>
      <svg viewBox={`0 0 ${W} ${H + 14}`} style={{ width: "100%", maxWidth: W, display: "block" }} role="img" aria-label={`Week by week. ${b.bars.map((x) => x.text).join(". ")}`}>
        {b.bars.map((x, n) => (
          <g key={n}><title>{x.text}</title>
            <rect x={n * each} y={0} width={each} height={H} fill="transparent" />
            <rect x={n * each + gap / 2} width={each - gap} y={x.kept === "unknown" ? H - 6 : H - Math.max(2, x.height * (H - 4))} height={x.kept === "unknown" ? 6 : Math.max(2, x.height * (H - 4))} fill={fill[x.kept]} stroke={x.kept === "unknown" ? "var(--omen-line)" : "none"} strokeDasharray="3 2" rx={2} />
          </g>))}
        <line x1={0} x2={W} y1={H - b.line * (H - 4)} y2={H - b.line * (H - 4)} stroke="var(--omen-dim)" strokeDasharray="4 3" />
        {marks.map((m, n) => <path key={n} d={`M${(m.where * W).toFixed(1)} ${H + 3}l4 9h-8Z`} fill="#7b5bd6"><title>{`${clock(new Date(m.at * 1000).toISOString())}: ${visible(m.text)}`}</title></path>)}
      </svg>
      {marks.length > 0 && <details style={{ fontSize: 13 }}><summary className="dim">{marks.length === 1 ? "1 mark: what moved" : `${marks.length} marks: what moved`} the yardstick</summary>{marks.map((m, n) => <div key={n}>{clock(new Date(m.at * 1000).toISOString())}: {visible(m.text)}</div>)}</details>}
      <div className="dim" style={{ fontSize: 12.5, marginTop: 6 }}>Bars are what nobody judged real; vermilion: more than promised; dashed: less than a day was watched. By the budget of now.</div>
    </section>
  );
}

/** A bar for each kind of fault: how many of those tried are found. */
export function Kinds({ t }: { t: HostTrust }) {
  return (
    <div className="kinds">{t.kinds.map((k) => (
      <div key={k.kind} title={kindText(k)}>
        <div className="line between" style={{ fontSize: 12.5, flexWrap: "nowrap", gap: 6 }}><span>{kindWords(k.kind)}</span><span className="num dim">{Math.round((k.recall ?? 0) * 100)} %</span></div>
        <div className="share" role="img" aria-label={kindText(k)}><i style={{ width: `${100 * (k.recall ?? 0)}%`, background: k.seen ? "var(--omen-good)" : "var(--omen-warn)" }} /></div>
        {k.examples.length > 0 && <div className="dim" style={{ fontSize: 12, marginTop: 2 }}>{visible(k.examples.join(", "))}</div>}
      </div>))}</div>
  );
}

/** What Omen would see on each host. */
export function Sees({ q, all, more }: { q: string; all: boolean; more: () => void }) {
  const r = useTrust({ q, limit: all ? 200 : 10 }), hosts = r.data?.hosts ?? [];
  return (
    <section className="card" aria-labelledby="sees" data-testid="sees"><h2 id="sees">What Omen would see <span className="dim" style={{ fontWeight: 400 }}>· faults injected into copies of each host's own history after training</span></h2>
      <Problem read error={r.error} what="What Omen would see cannot be shown" />
      {r.isPending && <Empty>Reading…</Empty>}
      <ul className="entries">{hosts.map((h) => (
        <li key={h.id}><div><b><Link href={"/models/" + idPath(h.id)}><Name name={h.name} /></Link></b> <span className="dim">·</span> {visible(h.sentence)}</div>
          {h.kinds.length > 0 && <div style={{ marginTop: 8 }}><Kinds t={h} /></div>}</li>))}</ul>
      {r.data && !hosts.length && <Empty>{q ? "No host matches." : "No host is known yet."}</Empty>}
      {r.data && r.data.total > hosts.length && <div className="line" style={{ justifyContent: "flex-end", fontSize: 13 }}>{all ? <span className="dim">{r.data.total - hosts.length} more: find a host by name.</span> : <button type="button" className="quiet" onClick={more}>show up to 200 of {r.data.total}</button>}</div>}
    </section>
  );
}

/** The same of one host. */
export function SeesOne({ id }: { id: string }) {
  const t = trustIn(useTrust({ q: id, limit: 200 }).data, id);
  if (!t) return null;
  return <section className="card" aria-labelledby="sees" data-testid="sees"><h2 id="sees">What Omen would see here</h2><div style={{ marginBottom: t.kinds.length ? 10 : 0 }}>{visible(t.sentence)}</div><Kinds t={t} /></section>;
}

/** What half or twice the budget would have changed: a replay of the hosts' own history, and what to write. */
export function BudgetSlider() {
  const r = useBudget(), replay = useReplay(), [stop, setStop] = useState(2), [copied, setCopied] = useState("");
  const b = r.data, last = b?.replay, running = last?.state === "running";
  if (!b) return <Problem read error={r.error} what="The budget cannot be shown" />;
  const f = factors[stop]!, asked = b.per_host_week * f.times;
  return (
    <section className="card" aria-labelledby="slider" data-testid="budget"><h2 id="slider">What would another budget change? <span className="dim" style={{ fontWeight: 400 }}>· {pages(b.per_host_week)} now, from {visible(b.written.text)}</span></h2>
      <div className="line" style={{ gap: 18 }}>
        <label className="slider"><span className="sr">Times the budget of now</span>
          <input type="range" min={0} max={factors.length - 1} step={1} value={stop} disabled={running} aria-valuetext={`${f.label} times: ${pages(asked)}`} onChange={(e) => setStop(+e.currentTarget.value)} />
          <span className="line between num dim" style={{ fontSize: 12.5 }} aria-hidden>{factors.map((x) => <span key={x.label}>{x.label}</span>)}</span></label>
        <span>{pages(asked)}</span>
        <May role="operate" what="A replay">{running ? <Button size="compact-sm" variant="default" loading={replay.isPending} onClick={() => replay.mutate(null)}>Cancel</Button>
          : <Button size="compact-sm" variant="default" disabled={f.times === 1} loading={replay.isPending} onClick={() => replay.mutate(asked)}>Replay the last 30 days</Button>}</May>
      </div>
      <Problem error={replay.error} what="The replay was not begun" />
      {last && <div role="status" style={{ marginTop: 12 }}>
        {running && <><progress value={last.progress} aria-label="Progress of the replay" /><div className="dim" style={{ fontSize: 13 }}>Host {Math.min(last.replayed_hosts + last.skipped_hosts + 1, last.chosen_hosts)} of {last.chosen_hosts}{last.chosen_hosts < last.hosts && `, chosen at random of ${last.hosts}`}, with {pages(last.asked_per_host_week)}. Nothing is stored and nobody is notified.</div></>}
        {last.text && <div className="matched"><b>{visible(last.text)}</b> <span className="dim">With {pages(last.asked_per_host_week)}{running && ", so far"}.</span></div>}
        {!running && last.state !== "done" && <div>{last.state === "cancelled" ? "The replay was cancelled." : "The replay failed."}</div>}
        {!running && replayNotes(last).map((n) => <div key={n} className="dim" style={{ fontSize: 13 }}>{visible(n)}</div>)}
        {last.state === "done" && <div style={{ marginTop: 8 }}><div className="dim" style={{ fontSize: 13 }}>To have it, write this into the configuration file and reload:</div><pre className="card-json" tabIndex={0} data-testid="yaml">{last.yaml}</pre><button type="button" className="quiet" onClick={() => void copy(last.yaml).then((done) => setCopied(done ? last.yaml : ""))}>{copied === last.yaml ? "copied" : "copy"}</button></div>}
      </div>}
    </section>
  );
}
