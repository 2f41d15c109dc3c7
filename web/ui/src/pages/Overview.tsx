import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import type { MouseEvent } from "react";
import { Link, useLocation } from "wouter";
import { hostPath, useForecasts, useHosts, useIncidents, useStatus, type HostState, type Status, type Training } from "../api";
import { causesLine, countdown, score, stateColor, visible } from "../format";
import { Dot, Empty, Grade, HostLink, Problem, State, useNow, When } from "../parts/Bits";
import { ForecastTable } from "../parts/Forecasts";
import { Heat } from "../parts/Heat";
import { useHeldRows, useHeldShape } from "../parts/Hold";
import { Name } from "../parts/Name";
import { BlindSpots, LastNight, Sentence } from "../parts/Now";
import { OpenIncidents } from "../parts/Open";
import { Spark } from "../parts/Spark";
import { useView } from "../view";

const perPage = 50;
const states: HostState[] = ["anomalous", "silent", "normal", "learning"];

export function Overview() {
  const status = useStatus();
  const [view, set] = useView();
  const open = useIncidents({ state: "active", quiet: "false", sort: "weight", limit: 10, points: 48 });
  const soon = useForecasts({ likely: "true", limit: 8 });
  const s = status.data, incidents = useHeldRows(open.data?.incidents ?? [], (i) => i.id), forecasts = useHeldRows(soon.data?.forecasts ?? [], (f) => `${f.host.id} ${f.resource} ${f.where}`);
  const learning = useHeldShape(s, (x) => (learns(x) ? "learns" : "")); // no card comes or goes above what is pointed at
  return (
    <main className="page">
      <h1 style={{ position: "absolute", clip: "rect(0 0 0 0)" }}>Now</h1>
      <Problem read error={status.error} what="Omen's state cannot be shown" />
      {s && <Sentence status={s} open={open.data?.incidents ?? []} />}
      <Tiles status={s} />
      {incidents.length > 0 && (
        <section className="card" aria-labelledby="open"><h2 id="open">Open incidents</h2><OpenIncidents incidents={incidents} />
          {!!s && s.open_incidents > incidents.length && <div style={{ marginTop: 8 }}><Link className="plain" href="/incidents">all {s.open_incidents}</Link></div>}</section>
      )}
      {learning && <Learning status={learning} />}
      <Heat view={view} set={set} />
      <div className="halves"><LastNight status={s} />{s && <BlindSpots status={s} />}</div>
      {forecasts.length > 0 && (
        <section className="card" aria-labelledby="soonest"><h2 id="soonest">Full soonest{soon.data!.total > forecasts.length && <span className="dim" style={{ fontWeight: 400 }}> · {forecasts.length} of {soon.data!.total}</span>}</h2><ForecastTable forecasts={forecasts} /></section>
      )}
      <HostList />
    </main>
  );
}

/** The hosts by themselves, at their own address. */
export function Hosts() {
  const status = useStatus();
  return (
    <main className="page">
      <h1>Hosts</h1>
      <Problem read error={status.error} what="Omen's state cannot be shown" />
      <Tiles status={status.data} />
      <HostList />
    </main>
  );
}

/** How many hosts are in each state; a click shows only those. */
function Tiles({ status: s }: { status: Status | undefined }) {
  const [{ state }, set] = useView();
  const pick = (next: string) => set({ state: state === next ? "" : next, page: 0 });
  return (
    <section className="tiles" aria-label="Hosts by state">
      {states.map((k) => (
        <button key={k} className="card tile" aria-pressed={state === k} onClick={() => pick(k)} title={`Show only ${k} hosts`}>
          <span className="line dim" style={{ gap: 7, fontSize: 13.5 }}><Dot color={stateColor[k]} />{k}</span>
          <b className="num">{s?.hosts[k] ?? "–"}</b>
        </button>
      ))}
      <Link className="card tile" href="/incidents" style={{ textDecoration: "none" }}>
        <span className="dim" style={{ fontSize: 13.5 }}>open incidents</span>
        <b className="num">{s?.open_incidents ?? "–"}{!!s?.quiet_incidents && <span className="dim" style={{ fontSize: 14, fontWeight: 400 }}> + {s.quiet_incidents} suppressed</span>}</b>
      </Link>
    </section>
  );
}

/** The hosts that are searched for, in the order that is chosen, a page of them. */
function HostList() {
  const [view, set] = useView();
  const { q, state, page } = view, sort = view.sort || "attention";
  const [needle] = useDebouncedValue(q, 200);
  const hosts = useHosts({ q: needle, state, sort, match: view.match, limit: perPage, offset: page * perPage });
  const total = hosts.data?.total ?? 0;
  const rows = useHeldRows(hosts.data?.hosts ?? [], (h) => h.id, JSON.stringify([needle, state, sort, view.match, page]), !hosts.isPlaceholderData);
  return (
    <>
      <Problem read error={hosts.error} what="The hosts cannot be shown" />
      <section className="card" aria-labelledby="hosts" style={{ paddingBottom: 6 }}>
        <div className="line between" style={{ marginBottom: 6 }}>
          <h2 id="hosts" style={{ margin: 0 }}>Hosts{state && <span className="dim"> · {state}</span>}{view.match && <> <span className="chip">{visible(view.match)} <button type="button" className="drop" aria-label={`All hosts, not only ${visible(view.match)}`} onClick={() => set({ match: "", page: 0 }, true)}>×</button></span></>}</h2>
          <div className="line">
            <TextInput size="xs" placeholder="Find a host" aria-label="Find a host" value={q} onChange={(e) => set({ q: e.currentTarget.value, page: 0 })} />
            <NativeSelect size="xs" w={150} aria-label="Order of hosts" value={sort} onChange={(e) => set({ sort: e.currentTarget.value === "attention" ? "" : e.currentTarget.value, page: 0 })}
              data={[{ value: "attention", label: "Attention first" }, { value: "score", label: "Highest score" }, { value: "name", label: "By name" }, { value: "model_age", label: "Oldest model" }]} />
          </div>
        </div>
        {hosts.isPending ? <Empty>Reading the hosts…</Empty> : <HostTable hosts={rows} />}
        {hosts.data && !rows.length && <Empty>{needle || state || view.match ? "No host matches." : "No hosts yet: Omen waits for the first samples of its sources."}</Empty>}
        {total > perPage && (
          <nav className="line between" aria-label="More hosts" style={{ padding: "10px 0" }}>
            <span className="dim num" style={{ fontSize: 13 }}>{page * perPage + 1}–{Math.min(total, (page + 1) * perPage)} of {total}</span>
            <div className="line">
              <Button size="compact-sm" variant="default" disabled={page === 0} onClick={() => set({ page: page - 1 }, true)}>Previous</Button>
              <Button size="compact-sm" variant="default" disabled={(page + 1) * perPage >= total} onClick={() => set({ page: page + 1 }, true)}>Next</Button>
            </div>
          </nav>
        )}
      </section>
    </>
  );
}

function HostTable({ hosts }: { hosts: NonNullable<ReturnType<typeof useHosts>["data"]>["hosts"] }) {
  const [, go] = useLocation();
  const open = (e: MouseEvent, id: string) => { // all of a row, but for what is a link already, and for text that is being marked
    if (!(e.target as HTMLElement).closest("a, button") && !getSelection()?.toString()) go(hostPath(id));
  };
  return (
    <div className="scroll">
      <table className="grid tight" data-testid="hosts" data-hold>
        <thead><tr><th>Host</th><th>State</th><th className="right">Score</th><th>Recent</th><th>Why</th><th>Model</th><th className="wide">Trained</th></tr></thead>
        <tbody>
          {hosts.map((h) => (
            <tr key={h.id} className="whole" onClick={(e) => open(e, h.id)}>
              <td style={{ whiteSpace: "nowrap" }}><HostLink id={h.id} name={h.name} /> <span className="dim wide" style={{ fontSize: 12 }}><Name name={h.profile} most={20} /> · <Name name={h.source} most={20} /></span></td>
              <td><State state={h.state} /></td>
              <td className="right num" style={{ fontWeight: 600, color: h.state === "anomalous" ? "var(--omen-hot)" : undefined }}>{score(h.score)}</td>
              <td><Spark scores={h.recent} hot={h.state === "anomalous"} /></td>
              <td><span className="cause">{h.state === "anomalous" ? causesLine(h.causes) : h.state === "learning" ? <Waiting training={h.training} /> : h.state === "silent" ? <>last seen <When at={h.last_seen} /></> : ""}</span></td>
              <td><Grade grade={h.grade} /></td>
              <td className="wide dim" style={{ whiteSpace: "nowrap" }}>{h.trained_at ? <When at={h.trained_at} /> : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Waiting({ training: { next_due: due, running, err, anew } }: { training: Training }) {
  const now = useNow();
  if (running) return anew ? <>is trained anew: {anew}</> : <>training its first model</>;
  if (err) return <>no model yet: {err}</>;
  if (anew) return <>is trained anew{due && <> in <span className="num">{countdown(due, now)}</span></>}: {anew}</>;
  return due ? <>first model in <span className="num">{countdown(due, now)}</span></> : <>collecting samples</>;
}

const learns = (s: Status | undefined) => !!s && (s.first_model_hosts > 0 || s.training_hosts > 0);

/** What is being trained, and when the first model is due. */
function Learning({ status: s }: { status: Status }) {
  const now = useNow();
  if (!learns(s)) return null;
  const first = s.first_model_hosts > 0;
  return (
    <section className="card" aria-label="Training" data-testid="learning">
      <div className="line between">
        <div>
          <h2 style={{ margin: 0 }}>{first ? `Learning what is normal for ${s.first_model_hosts} ${s.first_model_hosts === 1 ? "host" : "hosts"}` : `Retraining ${s.training_hosts} ${s.training_hosts === 1 ? "model" : "models"}`}</h2>
          <span className="dim" style={{ fontSize: 14 }}>
            {s.training_hosts ? <>training now: {s.training.slice(0, 3).map((h, n) => <span key={h.id}>{n > 0 && ", "}<Name name={h.name} /></span>)}{s.training_hosts > 3 && " and others"}</> : "collecting samples; no notifications before a model exists"}
          </span>
          {s.anew.map((n) => <div key={n.source + n.text} className="dim" style={{ fontSize: 14 }}>{visible(n.text)}</div>)}
        </div>
        {first && s.first_model_due && (
          <div style={{ textAlign: "right" }}><span className="dim" style={{ fontSize: 13 }}>first model in</span><div className="num" style={{ fontSize: 24, fontWeight: 650, lineHeight: 1.15 }}>{countdown(s.first_model_due, now)}</div></div>
        )}
      </div>
      {first && s.training_hosts > 0 && <progress max={1} value={s.progress ?? 0} aria-label="progress of the training" />}
    </section>
  );
}
