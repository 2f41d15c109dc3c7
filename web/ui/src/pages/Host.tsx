import { Switch, TextInput } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { useFeatures, useForecasts, useHost, useHostModels, useIncidents, useScores, type Feature, type FeatureHistory, type HostDetail, type Num } from "../api";
import { countdown, score, value, visible, words } from "../format";
import { Causes, Empty, Grade, Dot, IncidentTable, Problem, State, useNow, When } from "../parts/Bits";
import { Legend, NoBand } from "../parts/Around";
import { BandChart, ScoreChart, type Mark } from "../parts/Chart";
import { eventColor, eventMarks, useEvents, within, type Event } from "../mute";
import { ModelCard } from "../parts/Card";
import { Explain } from "../parts/Explain";
import { modelMarks } from "../served";
import { comparePath } from "../compare";
import { ForecastTable } from "../parts/Forecasts";
import { Name } from "../parts/Name";
import { spanOf, TimeAxis } from "../parts/Time";
import { useView, type SetView, type View } from "../view";

/** What the browser has seen of each feature since this was opened: for features whose history is not stored. */
interface Seen { times: number[]; by: Map<string, { actual: Num[]; expected: Num[]; lower: Num[]; upper: Num[] }> }
const keep = 600;

function useSeen(h: HostDetail | undefined): Seen {
  const seen = useRef<Seen>({ times: [], by: new Map() });
  const [, redraw] = useState(0);
  useEffect(() => {
    const at = Date.parse(h?.last_seen ?? "") / 1000, s = seen.current;
    if (!h || !(at > (s.times[s.times.length - 1] ?? 0))) return;
    const cut = s.times.length >= keep ? 1 : 0, grow = (v: Num[], x: Num) => [...v.slice(cut), x];
    for (const f of h.features) {
      const old = s.by.get(f.name) ?? (() => { const gap = s.times.map(() => null); return { actual: gap, expected: gap, lower: gap, upper: gap }; })();
      s.by.set(f.name, { actual: grow(old.actual, f.actual), expected: grow(old.expected, f.expected), lower: grow(old.lower, f.lower), upper: grow(old.upper, f.upper) });
    }
    s.times = [...s.times.slice(cut), at];
    redraw((n) => n + 1);
  }, [h]);
  return seen.current;
}

export function HostPage({ id }: { id: string }) {
  const host = useHost(id);
  const [view, set] = useView();
  const h = host.data, seen = useSeen(h);
  return (
    <main className="page">
      <Problem read error={host.error} what={`Host ${visible(id)} cannot be shown`} />
      {!h && host.isPending && <Empty>Reading the host…</Empty>}
      {h && (
        <>
          <header className="line between">
            <div style={{ minWidth: 0 }}>
              <h1><Name name={h.name} whole /></h1>
              <div className="line dim" style={{ fontSize: 14, marginTop: 4 }}><State state={h.state} /><span>· <Name name={h.profile} /> · <Name name={h.source} /> · last sample <When at={h.last_seen} exact /></span></div>
            </div>
            <div className="line" style={{ gap: 26 }}>
              <Link className="plain" href={comparePath(h.id, view)}>Compare</Link>
              <Training h={h} />
              <Grade grade={h.grade} />
              <div style={{ textAlign: "right" }}><span className="dim" style={{ fontSize: 13 }} data-testid="level">score, limit 1{(h.level ?? 1) > 1 && `, alerts above its level ${score(h.level)}`}</span>
                <div className="num" data-testid="score" style={{ fontSize: 30, fontWeight: 650, lineHeight: 1.1, color: (h.score ?? 0) > (h.level ?? 1) ? "var(--omen-hot)" : undefined }}>{score(h.score)}</div></div>
            </div>
          </header>
          <TimeAxis view={view} set={set}><Charts h={h} seen={seen} view={view} set={set} /></TimeAxis>
          <Limits id={id} />
          {h.serving && <ModelCard model={h.serving} />}
        </>
      )}
    </main>
  );
}

/** What the host can run out of, and when. */
function Limits({ id }: { id: string }) {
  const r = useForecasts({ host: id, limit: 100 });
  return (
    <>
      <Problem read error={r.error} what="The forecasts cannot be shown" />
      {!!r.data?.forecasts.length && <section className="card" aria-labelledby="limits"><h2 id="limits">Limits <span className="dim" style={{ fontWeight: 400 }}>· what is full soonest</span></h2><ForecastTable forecasts={r.data.forecasts} host={false} /></section>}
    </>
  );
}

/** All that lies on the page's one time axis. */
function Charts({ h, seen, view, set }: { h: HostDetail; seen: Seen; view: View; set: SetView }) {
  const id = h.id, span = spanOf(view), begin = view.from || Date.now() / 1000 - view.last, end = view.to || Date.now() / 1000;
  const scores = useScores(id, span);
  const past = useIncidents({ host: id, limit: 10 }), models = useHostModels(id);
  const events = useEvents(view.from ? { from: view.from, to: view.to, host: id } : { last: view.last, host: id });
  const marks = (past.data?.incidents ?? []).map((i) => ({ at: Date.parse(i.since ?? "") / 1000, color: "#d55e00", text: "incident began" }));
  const recent = within(events.data?.events, begin).filter((e) => Date.parse(e.at) / 1000 <= end);
  const all: Mark[] = [...marks, ...eventMarks(recent), ...modelMarks(models.data?.models)];
  return (
    <>
      <div className="cols">
        <section className="card" aria-labelledby="score">
          <div className="line between" style={{ marginBottom: 8 }}><h2 id="score" style={{ margin: 0 }}>Score</h2>
            <Switch size="xs" label="log" checked={view.log} onChange={(e) => set({ log: e.currentTarget.checked })} /></div>
          <Problem read error={scores.error} what="The score's history cannot be shown" />
          {scores.data?.times.length ? <ScoreChart times={scores.data.times} scores={scores.data.scores} level={scores.data.level} log={view.log} marks={all} label={`score of ${visible(h.name)} over time; the limit is 1`} /> :
            <Empty>{scores.isPending ? "Reading the scores…" : h.model ? "No scores in this time." : "No score before the first model."}</Empty>}
          <Legend marks={all.filter((m) => (m.until ?? m.at) > begin && m.at < end)} />
        </section>
        <section className="card" aria-labelledby="causes"><h2 id="causes">{h.state === "anomalous" ? "Top causes" : "Largest shares of the score"}</h2><Causes causes={h.causes} odd={h.state === "anomalous"} most={6} /></section>
      </div>
      <Explain id={id} />
      {!!past.data?.incidents.length && <section className="card" aria-labelledby="incidents"><h2 id="incidents">Incidents</h2><IncidentTable incidents={past.data.incidents} host={false} /></section>}
      <Features h={h} seen={seen} view={view} set={set} marks={all} />
      {recent.length > 0 && <EventList events={recent} />}
    </>
  );
}

function Training({ h }: { h: HostDetail }) {
  const now = useNow();
  const t = h.training;
  if (t.running) return <span className="dim">training, {Math.round((t.progress ?? 0) * 100)} %</span>;
  if (!h.model && t.next_due) return <span className="dim">first model in <span className="num">{countdown(t.next_due, now)}</span> · {t.samples} samples</span>;
  return t.err ? <span className="dim">last training: {t.err}</span> : null;
}

function Features({ h, seen, view, set, marks }: { h: HostDetail; seen: Seen; view: View; set: SetView; marks: Mark[] }) {
  const { q, all, sel } = view;
  const beat = Math.floor(useNow(5000) / 30_000);
  const order = useMemo(() => { // shares move with each sample: what is looked at does not
    const rank = new Map(h.causes.map((c, i) => [c.feature, i])), chosen = (name: string) => (sel.includes(name) ? 0 : 1);
    return h.features.map((f) => f.name).filter((n) => words(n).includes(words(q.toLowerCase())) || sel.includes(n))
      .sort((a, b) => chosen(a) - chosen(b) || (rank.get(a) ?? 99) - (rank.get(b) ?? 99) || a.localeCompare(b));
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [h.id, h.state, h.model, h.features.length, q, sel, beat]);
  const now = new Map(h.features.map((f) => [f.name, f])), sorted = order.flatMap((n) => now.get(n) ?? []);
  const shown = all || q ? sorted : sorted.slice(0, Math.max(6, sel.length));
  const stored = useFeatures(h.id, shown.map((f) => f.name).sort(), spanOf(view));
  const by = useMemo(() => new Map((stored.data?.features ?? []).map((f) => [f.feature, f] as const)), [stored.data]);
  const choose = (name: string) => set({ sel: sel.includes(name) ? sel.filter((n) => n !== name) : [...sel, name] });
  return (
    <section className="card" aria-labelledby="features">
      <div className="line between" style={{ marginBottom: 12 }}>
        <h2 id="features" style={{ margin: 0 }}>Features <span className="dim" style={{ fontWeight: 400 }}>· actual against expected</span></h2>
        <div className="line"><TextInput size="xs" placeholder="Find a feature" aria-label="Find a feature" value={q} onChange={(e) => set({ q: e.currentTarget.value })} />
          <Switch size="xs" label={`all ${h.features.length}`} checked={all} onChange={(e) => set({ all: e.currentTarget.checked })} /></div>
      </div>
      <Problem read error={stored.error} what="The features' history cannot be shown" />
      <div className="bands">{shown.map((f) => <Band key={f.name} f={f} stored={by.get(f.name)} waits={stored.isPending} live={view.from ? undefined : seen} marks={marks} chosen={sel.includes(f.name)} choose={() => choose(f.name)} />)}</div>
      <NoBand why={stored.data?.no_band ?? ""} />
      {!shown.length && <Empty>No feature matches.</Empty>}
    </section>
  );
}

function Band({ f, stored, waits, live: seen, marks, chosen, choose }: { f: Feature; stored?: FeatureHistory; waits: boolean; live?: Seen; marks: Mark[]; chosen: boolean; choose: () => void }) {
  const live = seen?.by.get(f.name);
  const d = stored?.times.length ? stored : seen && live ? { times: seen.times, ...live } : null;
  const off = f.actual !== null && f.lower !== null && f.upper !== null && (f.actual < f.lower || f.actual > f.upper);
  return (
    <div>
      <div style={{ fontSize: 13.5, marginBottom: 2 }} title={f.help}>
        <div className="line between" style={{ flexWrap: "nowrap" }}><b style={{ fontWeight: 600 }}>{words(f.name)}</b>
          <button type="button" className="quiet" aria-pressed={chosen} title="Keep in front; the address names it" onClick={choose}><span className="sr">{words(f.name)} </span>{chosen ? "in front ×" : "to the front"}</button></div>
        <div className="num" style={{ fontSize: 13 }}><span style={{ color: off ? "var(--omen-hot)" : undefined, fontWeight: off ? 600 : undefined }}>{value(f.actual, f.unit)}</span>
          {f.expected !== null && <span className="dim"> · expected {value(f.lower, f.unit)} – {value(f.upper, f.unit)}</span>}</div>
      </div>
      {f.actual === null && !d?.actual.some((v) => v !== null) ? <Empty>not on this host</Empty> :
        d && d.times.length > 1 ? <BandChart {...d} marks={marks} unit={f.unit} label={`${words(f.name)} over time: ${f.actual_text}, expected ${f.expected_text}`} /> : <Empty>{waits ? "reading…" : seen ? "collecting…" : "nothing is stored of this time"}</Empty>}
    </div>
  );
}

function EventList({ events }: { events: Event[] }) {
  return (
    <section className="card" aria-labelledby="events"><h2 id="events">Events <span className="dim" style={{ fontWeight: 400 }}>· in this time, marked in the charts</span></h2>
      <div style={{ display: "grid", gap: 6, fontSize: 14 }}>{[...events].reverse().slice(0, 20).map((e) => <div key={e.id} className="line"><Dot color={eventColor[e.kind]} />{e.kind}{e.title && `: ${e.title}`}<span className="dim"><When at={e.at} />{e.by && ` · ${e.by}`}</span></div>)}</div>
    </section>
  );
}
