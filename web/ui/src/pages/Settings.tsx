import { May } from "../parts/May";
import { Button } from "@mantine/core";
import { Link } from "wouter";
import { incidentPath, useStatus, type Channel, type Config, type Receiver, type Written } from "../api";
import { clock, seconds, visible, visibleLines } from "../format";
import { usePatterns } from "../mute";
import { Dot, Empty, Problem, useNow, When } from "../parts/Bits";
import { useBy } from "../parts/By";
import { Name } from "../parts/Name";
import { channelHealth, receiverColor, routeTiming, sections, sourceHealth, testOutcome, useConfig, useReceivers, useReceiverTest } from "../settings";

/** What runs, where it is written, and how it is. */
export function Settings() {
  const r = useConfig(), c = r.data;
  return (
    <main className="page">
      <header><h1>Settings</h1><div className="dim" style={{ fontSize: 14, marginTop: 2, overflowWrap: "anywhere" }}>
        {c && (c.file ? <>What runs, from <Name name={c.file} />, read <time dateTime={c.read_at} title={c.read_at}>{clock(c.read_at)}</time></> : "Omen runs without a configuration file: all is as by default")}</div></header>
      <Problem read error={r.error} what="The configuration cannot be shown" />
      {c?.changed && <div className="card note" role="status"><Dot color="orange" /> The file holds something else than what runs, or cannot be read. A reload takes it up: <code className="chip">kill -HUP</code> or <code className="chip">POST /-/reload</code>; <code className="chip">omen check config</code> tries it before.</div>}
      <Notified />
      {c && <div className="halves"><Values c={c} /><div style={{ display: "grid", gap: 16, gridTemplateColumns: "minmax(0, 1fr)" }}><Sources c={c} /><Learned /></div></div>}
      {c && <Routes c={c} />}
      {c && <Profiles c={c} />}
      {c && <Whole c={c} />}
      {r.isPending && <Empty>Reading the configuration…</Empty>}
    </main>
  );
}

/** Where something is written. */
const Where = ({ at }: { at: Written }) => <span className="dim" style={{ fontSize: 12.5, whiteSpace: "nowrap" }} title={at.file || undefined}>{visible(at.text)}</span>;

function Notified() {
  const r = useReceivers(), all = r.data?.receivers;
  return (
    <section className="card" aria-labelledby="receivers"><h2 id="receivers">Receivers</h2>
      <Problem read error={r.error} what="Receivers cannot be shown" />
      {r.isPending && <Empty>Reading the receivers…</Empty>}
      {all && !all.length && <div><Dot color="orange" /> Nobody is notified: the configuration has no receiver. docs/notifications.md tells how to write one.</div>}
      {!!all?.length && <ul className="entries" data-testid="receivers">{all.map((x) => <li key={x.name}><One r={x} /></li>)}</ul>}
    </section>
  );
}

function One({ r }: { r: Receiver }) {
  const [by] = useBy(), test = useReceiverTest(r.name), t = test.data;
  return (
    <>
      <div className="line between">
        <span className="state"><Dot color={receiverColor(r)} /> <b><Name name={r.name} /></b> <Where at={r.written} /></span>
        {r.testable && <May role="operate" what="Sending a test"><Button size="compact-sm" variant="default" loading={test.isPending} aria-label={visible(`Send a test message to ${r.name}`)} onClick={() => test.mutate(by)}>Send a test</Button></May>}
      </div>
      {r.channels.map((c) => <Line key={c.name} c={c} />)}
      {!r.channels.length && <div className="dim">It has no channel: nothing is sent.</div>}
      <div role="status">
        {test.isPending && <span className="dim">Sending…</span>}
        {t && !test.isPending && <div className="matched"><b>{testOutcome(t)}</b>{t.channels.filter((c) => c.err || c.note).map((c) => <div key={c.channel} style={{ color: "var(--omen-hot)" }}><bdi>{visible(c.channel)}</bdi>: {visible([c.err, c.note].filter(Boolean).join("; "))}</div>)}</div>}
      </div>
      <Problem error={test.error} what="The test was not sent" />
    </>
  );
}

function Line({ c }: { c: Channel }) {
  const h = channelHealth(c);
  return (
    <div><span className="state"><Dot color={h.color} /> <bdi>{visible(c.name)}</bdi></span> <span className="dim">· {c.incident ? <Link href={incidentPath(c.incident)}>{visible(h.text)}</Link> : visible(h.text)}
      {c.delivered_at && <> · last delivery <When at={c.delivered_at} /></>}
      {c.failed_at && <> · last error <When at={c.failed_at} />{c.state !== "failing" || c.trouble ? <>: {visible(c.err)}</> : null}</>}
      {!c.send_resolved && " · is not notified of ends"}</span> <Where at={c.written} /></div>
  );
}

function Values({ c }: { c: Config }) {
  return (
    <section className="card" aria-labelledby="values"><h2 id="values">Budget, retention and the like</h2>
      <div className="scroll" tabIndex={0} role="group" aria-label="Values"><table className="grid" data-testid="values"><thead><tr><th>What</th><th className="right">Value</th><th>From</th></tr></thead>
        <tbody>{sections(c.values).flatMap((s) => s.values.map((v, n) => (
          <tr key={v.key}><td>{n === 0 && <div className="dim" style={{ fontSize: 12.5 }}>{s.title}</div>}<code>{v.key}</code><div className="dim" style={{ fontSize: 12.5 }}>{v.help}{v.key === "pages.per_host_week" && <> · <Link href="/models" style={{ fontWeight: 400, textDecoration: "underline" }}>is it kept, and what would another one change?</Link></>}</div></td>
            <td className="right num" style={{ overflowWrap: "anywhere", minWidth: "3.5em" }}><bdi>{visible(v.value)}</bdi></td><td><Where at={v.written} /></td></tr>)))}</tbody></table></div>
    </section>
  );
}

function Sources({ c }: { c: Config }) {
  const status = useStatus(), now = useNow(5000);
  return (
    <section className="card" aria-labelledby="sources"><h2 id="sources">Sources</h2>
      <ul className="entries" data-testid="sources">{c.sources.map((s) => {
        const live = status.data?.sources.find((x) => x.name === s.name), h = sourceHealth(live, now);
        return <li key={s.name}>
          <div className="line between"><span className="state"><Dot color={h.color} /> <b><Name name={s.name} /></b> <span className="dim">· {visible(h.text)}</span></span><Where at={s.written} /></div>
          <div className="dim">{visible(s.address)} · {live ? `${live.hosts} ${live.hosts === 1 ? "host" : "hosts"} · ` : ""}every {seconds(s.step_seconds)} · {s.profiles.map(visible).join(", ")}{live?.last_read && <> · read <When at={live.last_read} /></>}</div>
        </li>;
      })}</ul>
    </section>
  );
}

function Routes({ c }: { c: Config }) {
  return (
    <section className="card" aria-labelledby="routes"><h2 id="routes">Routes</h2>
      {!c.routes.length && <div className="dim">There is no route: every receiver is notified of everything, each incident in a message of its own.</div>}
      {c.routes.length > 0 && <ul className="entries" data-testid="routes">{c.routes.map((r, n) => (
        <li key={n} style={{ paddingLeft: 22 * Math.min(6, r.depth) }}>
          <div className="line between"><span>{r.match.length ? <span className="chips">{r.match.map((m, k) => <code key={k} className="chip"><bdi>{visible(m)}</bdi></code>)}</span> : <span className="dim">{r.depth ? "everything" : "what no route below it takes"}</span>} → <b><Name name={r.receiver} /></b>{r.continue && <span className="dim"> · and goes on</span>}</span><Where at={r.written} /></div>
          <div className="dim">{visible(routeTiming(r))}</div>
        </li>))}</ul>}
    </section>
  );
}

function Profiles({ c }: { c: Config }) {
  return (
    <section className="card" aria-labelledby="profiles"><h2 id="profiles">Profiles</h2>
      <div className="scroll" tabIndex={0} role="group" aria-label="Profiles"><table className="grid" data-testid="profiles"><thead><tr><th>Name</th><th>Watched at</th><th className="right">Features</th><th className="right">Limits</th><th>A host is</th><th>From</th></tr></thead>
        <tbody>{c.profiles.map((p) => (
          <tr key={p.name} className={p.sources.length ? "" : "past"}><td><Name name={p.name} />{p.help && <div className="dim" style={{ fontSize: 12.5 }}>{visible(p.help)}</div>}</td><td>{p.sources.map(visible).join(", ") || "nowhere"}</td>
            <td className="right num">{p.features}</td><td className="right num">{p.limits}</td><td>{p.by.map(visible).join(", ")}</td><td><Where at={p.written} /></td></tr>))}</tbody></table></div>
    </section>
  );
}

/** What verdicts have taught, which no file has. */
function Learned() {
  const r = usePatterns(), all = (r.data?.patterns ?? []).filter((p) => !p.reverted), real = all.filter((p) => p.verdict === "real").length;
  return (
    <section className="card" aria-labelledby="learned"><h2 id="learned">Learned from verdicts</h2>
      <Problem read error={r.error} what="What was learned cannot be shown" />
      {r.data && <div>{all.length ? <>{real} {real === 1 ? "pattern counts" : "patterns count"} as real, {all.length - real} {all.length - real === 1 ? "suppresses" : "suppress"} notifications. </> : "Nobody has given a verdict that is in force. "}<Link className="plain" href="/patterns">What each changes, and how to take it back</Link></div>}
    </section>
  );
}

function Whole({ c }: { c: Config }) {
  return (
    <section className="card" aria-labelledby="whole"><h2 id="whole">The whole configuration</h2>
      <details><summary>as it is in force: with every default, secrets as <code>&lt;secret&gt;</code></summary><pre className="card-json" tabIndex={0} data-testid="config" style={{ marginTop: 10 }}>{visibleLines(c.text)}</pre></details>
    </section>
  );
}
