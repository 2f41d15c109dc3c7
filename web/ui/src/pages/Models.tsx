import { TextInput } from "@mantine/core";
import { Name } from "../parts/Name";
import { Link } from "wouter";
import { idPath, useHost, useHostModels, useHosts, useModels, useStatus, type Host } from "../api";
import { clock, visible, whole, words } from "../format";
import { driftText } from "../host";
import { Dot, Empty, Grade, Problem, useNow, When } from "../parts/Bits";
import { useView } from "../view";
import { ModelCard } from "../parts/Card";
import { BudgetSlider, PromiseKept, Sees, SeesOne } from "../parts/Trust";

export function Models() {
  const r = useModels();
  const [view, set] = useView(), { q } = view, most = 100 + 350 * view.page;
  // Both lists go by name, so that what is shown of one is there in the other;
  // some hosts have no model yet.
  const hosts = useHosts({ q, sort: "name", limit: 1000 }), pages = useStatus().data?.pages;
  const of = new Map((hosts.data?.hosts ?? []).map((h) => [h.id, h]));
  const found = (r.data?.models ?? []).filter((m) => m.host.id.toLowerCase().includes(q.toLowerCase()))
    .sort((a, b) => (a.host.name < b.host.name ? -1 : a.host.name > b.host.name ? 1 : 0));
  return (
    <main className="page">
      <div className="line between"><h1>Models</h1><TextInput size="xs" placeholder="Find a host" aria-label="Find a host" value={q} onChange={(e) => set({ q: e.currentTarget.value, page: 0 })} /></div>
      <Problem read error={r.error} what="Models cannot be shown" />
      {pages && <div className="dim" style={{ fontSize: 14 }}>Promised at most <b>{rate(pages.promised_per_host_week)}</b> false pages per host and week; sent so far: <b>{pages.actual_per_host_week === null ? pages.opened : rate(pages.actual_per_host_week)}</b>{pages.actual_per_host_week === null ? ` within ${whole(pages.days * 86400)}, less than a day` : " per host and week"} on {pages.hosts} {pages.hosts === 1 ? "host" : "hosts"}.</div>}
      <div className="halves"><PromiseKept /><BudgetSlider /></div>
      <Sees q={q} all={view.all} more={() => set({ all: true })} />
      <p className="dim" style={{ margin: 0, fontSize: 14 }}>What people said of incidents is learned, too: <Link className="plain" href="/patterns">the patterns, what each suppresses or watches for, and how to take it back</Link>. The budget is in the <Link className="plain" href="/settings">settings</Link>.</p>
      <section className="card">
        {found.length > 0 && (
          <div className="scroll"><table className="grid">
            <thead><tr><th>Host</th><th>Grade</th><th>Age</th><th>Drift</th><th className="right">Pages per week</th><th>Trained on</th><th className="right">Samples</th><th>Note</th></tr></thead>
            <tbody>{found.slice(0, most).map((m) => (
              <tr key={m.id}>
                <td><Link className="host" href={"/models/" + idPath(m.host.id)} ><Name name={m.host.name} /></Link></td><td><Grade grade={m.grade} /></td>
                <td style={{ whiteSpace: "nowrap" }}><Age h={of.get(m.host.id)} at={m.trained_at} /></td><td><Drift h={of.get(m.host.id)} /></td><td className="right num"><Pages h={of.get(m.host.id)} /></td>
                <td className="dim">{clock(m.from)} – {clock(m.to)}</td><td className="right num">{m.rows.toLocaleString()}</td><td><span className="cause">{m.note}</span></td>
              </tr>))}</tbody>
          </table></div>
        )}
        {r.data && !found.length && <Empty>{q ? "No host matches." : "No models yet; the first is trained minutes after the start."}</Empty>}
        {found.length > most && most >= 800 && <p className="dim">{(found.length - most).toLocaleString()} more: find a host by name to see its model.</p>}
        {found.length > most && most < 800 && <button className="nav" style={{ border: 0, background: "none", cursor: "pointer" }} onClick={() => set({ page: view.page + 1 })}>Show more of {found.length}</button>}
      </section>
    </main>
  );
}

const rate = (v: number | null | undefined) => (v === null || v === undefined ? "–" : String(+v.toPrecision(2)));

function Age({ h, at }: { h?: Host; at: string | null }) {
  if (!h || h.model_age_seconds === null) return <When at={at} />;
  return <span className="line" style={{ gap: 7, flexWrap: "nowrap" }}>{h.stale && <Dot color="orange" />}{whole(h.model_age_seconds)}{h.stale && <span className="dim">stale</span>}</span>;
}

function Drift({ h }: { h?: Host }) {
  if (!h?.drift) return <span className="dim">not measured yet</span>;
  return <span className="line" style={{ gap: 7, flexWrap: "nowrap" }} title={`${h.drift.samples} samples, measured ${clock(h.drift.measured_at)}`}><Dot color={h.drift.drifting ? "orange" : "teal"} />{h.drift.drifting ? "drifting" : "none"}</span>;
}

const Pages = ({ h }: { h?: Host }) => (h ? <>{h.pages.actual_per_week === null ? <span title={`in ${whole(h.pages.days * 86400)}; a rate needs a day`}>{h.pages.opened} so far</span> : rate(h.pages.actual_per_week)}<span className="dim"> of {rate(h.pages.promised_per_week)}</span></> : <>–</>);

/** Whether a host's serving model can still be trusted. */
export function Trust({ h }: { h: Host }) {
  const now = useNow(10_000), d = h.drift, percent = (v: number | null) => (v === null ? "unknown" : `${+(v * 100).toPrecision(2)} %`);
  return (
    <section className="card" aria-labelledby="trust"><h2 id="trust">Does the model still fit?</h2>
      <dl className="facts">
        <dt>age</dt><dd>{h.model_age_seconds === null ? "no model yet" : <Age h={h} at={h.trained_at} />}{h.stale && <span className="dim">older than two intervals between trainings: what is normal may have changed</span>}</dd>
        <dt>drift</dt><dd><Drift h={h} />{d && <div className="dim">{percent(d.busy)} of the last {d.samples.toLocaleString()} samples are above half of the limit, {percent(d.expected)} in training{d.shifted.length > 0 && <>; moved: {d.shifted.map(words).join(", ")}</>}</div>}</dd>
        {h.new_levels.length > 0 && <><dt>new levels</dt><dd>{h.new_levels.map((l) => <div key={l.feature}>{words(l.text)}</div>)}</dd></>}
        {h.slow_drifts.length > 0 && <><dt>slow drifts</dt><dd>{h.slow_drifts.map((d) => <div key={d.feature} className={d.back ? "dim" : undefined}>{visible(driftText(d, now))}</div>)}</dd></>}
        <dt>pages per week</dt><dd><Pages h={h} /> promised</dd>
        {h.training.err && <><dt>last training</dt><dd>{h.training.err}</dd></>}
        {h.training.next_due && <><dt>next training</dt><dd><When at={h.training.next_due} /></dd></>}
      </dl>
    </section>
  );
}

export function HostModels({ id }: { id: string }) {
  const r = useHostModels(id), host = useHost(id);
  return (
    <main className="page">
      <h1>Models of <Name name={id.split("/").slice(2).join("/") || id} whole /></h1>
      <Problem read error={r.error} what="Models cannot be shown" />
      <SeesOne id={id} />
      {host.data && <Trust h={host.data} />}
      <PromiseKept host={id} models={r.data?.models} levels={host.data?.new_levels} />
      {r.data?.models.map((m) => <ModelCard key={m.id} model={m} />)}
      {r.data && !r.data.models.length && <section className="card"><Empty>No model of this host is stored.</Empty></section>}
    </main>
  );
}
