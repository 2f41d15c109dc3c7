import { SegmentedControl, Switch, TextInput } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { useFeatureHistory, useHost, useIncidents, useScores, type Feature, type HostDetail, type Num } from "../api";
import { countdown, score, value, words } from "../format";
import { Causes, Empty, Grade, Dot, IncidentTable, Problem, State, useNow, When } from "../parts/Bits";
import { Legend } from "../parts/Around";
import { BandChart, ScoreChart, type Mark } from "../parts/Chart";
import { eventColor, eventMarks, useEvents, within, type Event } from "../mute";
import { ModelCard } from "../parts/Card";

const spans = [{ value: "300", label: "5 min" }, { value: "3600", label: "1 h" }, { value: "21600", label: "6 h" }, { value: "86400", label: "1 d" }, { value: "604800", label: "7 d" }];

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
  const [span, setSpan] = useState("3600");
  const [log, setLog] = useState(false);
  const scores = useScores(id, { last: +span });
  const past = useIncidents({ host: id, limit: 10 });
  const h = host.data, seen = useSeen(h);
  const marks = (past.data?.incidents ?? []).map((i) => ({ at: Date.parse(i.since ?? "") / 1000, color: "#f08c4a", text: "incident began" }));
  const events = useEvents({ last: +span, host: id });
  const since = Date.now() / 1000 - +span, recent = within(events.data?.events, since);
  const all: Mark[] = [...marks, ...eventMarks(recent)];
  return (
    <main className="page">
      <Problem error={host.error} what={`Host ${id} cannot be shown`} />
      {h && (
        <>
          <header className="line between">
            <div>
              <h1>{h.name}</h1>
              <div className="line dim" style={{ fontSize: 14, marginTop: 4 }}><State state={h.state} /><span>· {h.profile} · {h.source} · last sample <When at={h.last_seen} /></span></div>
            </div>
            <div className="line" style={{ gap: 26 }}>
              <Training h={h} />
              <Grade grade={h.grade} />
              <div style={{ textAlign: "right" }}><span className="dim" style={{ fontSize: 13 }}>score, limit 1</span>
                <div className="num" data-testid="score" style={{ fontSize: 30, fontWeight: 650, lineHeight: 1.1, color: (h.score ?? 0) > 1 ? "var(--mantine-color-red-6)" : undefined }}>{score(h.score)}</div></div>
            </div>
          </header>
          <div className="cols">
            <section className="card" aria-labelledby="score">
              <div className="line between" style={{ marginBottom: 8 }}><h2 id="score" style={{ margin: 0 }}>Score</h2>
                <div className="line"><Switch size="xs" label="log" checked={log} onChange={(e) => setLog(e.currentTarget.checked)} />
                  <SegmentedControl size="xs" data={spans} value={span} onChange={setSpan} aria-label="Span of time" /></div></div>
              <Problem error={scores.error} what="The score's history cannot be shown" />
              {scores.data?.times.length ? <ScoreChart times={scores.data.times} scores={scores.data.scores} log={log} marks={all} label={`score of ${h.name} over time; the limit is 1`} /> :
                <Empty>{h.model ? "No scores in this time." : "No score before the first model."}</Empty>}
              <Legend marks={all.filter((m) => (m.until ?? m.at) > since)} />
            </section>
            <section className="card" aria-labelledby="causes"><h2 id="causes">{h.state === "anomalous" ? "Top causes" : "Largest shares of the score"}</h2><Causes causes={h.causes} odd={h.state === "anomalous"} most={6} /></section>
          </div>
          {!!past.data?.incidents.length && <section className="card" aria-labelledby="incidents"><h2 id="incidents">Incidents</h2><IncidentTable incidents={past.data.incidents} host={false} /></section>}
          <Features h={h} seen={seen} span={+span} marks={all} />
          {recent.length > 0 && <EventList events={recent} />}
          {h.serving && <ModelCard model={h.serving} />}
        </>
      )}
    </main>
  );
}

function Training({ h }: { h: HostDetail }) {
  const now = useNow();
  const t = h.training;
  if (t.running) return <span className="dim">training, {Math.round((t.progress ?? 0) * 100)} %</span>;
  if (!h.model && t.next_due) return <span className="dim">first model in <span className="num">{countdown(t.next_due, now)}</span> · {t.samples} samples</span>;
  return t.err ? <span className="dim">last training: {t.err}</span> : null;
}

function Features({ h, seen, span, marks }: { h: HostDetail; seen: Seen; span: number; marks: Mark[] }) {
  const [q, setQ] = useState("");
  const [all, setAll] = useState(false);
  const sorted = useMemo(() => {
    const rank = new Map(h.causes.map((c, i) => [c.feature, i]));
    return [...h.features].filter((f) => words(f.name).includes(words(q.toLowerCase())))
      .sort((a, b) => (rank.get(a.name) ?? 99) - (rank.get(b.name) ?? 99) || a.name.localeCompare(b.name));
  }, [h, q]);
  const shown = all || q ? sorted : sorted.slice(0, 6);
  return (
    <section className="card" aria-labelledby="features">
      <div className="line between" style={{ marginBottom: 12 }}>
        <h2 id="features" style={{ margin: 0 }}>Features <span className="dim" style={{ fontWeight: 400 }}>· actual against expected</span></h2>
        <div className="line"><TextInput size="xs" placeholder="Find a feature" aria-label="Find a feature" value={q} onChange={(e) => setQ(e.currentTarget.value)} />
          <Switch size="xs" label={`all ${h.features.length}`} checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /></div>
      </div>
      <div className="bands">{shown.map((f) => <Band key={f.name} host={h.id} f={f} seen={seen} span={span} marks={marks} />)}</div>
      {!shown.length && <Empty>No feature matches.</Empty>}
    </section>
  );
}

function Band({ host, f, seen, span, marks }: { host: string; f: Feature; seen: Seen; span: number; marks: Mark[] }) {
  const stored = useFeatureHistory(host, f.name, span);
  const live = seen.by.get(f.name);
  const d = stored.data?.times.length ? stored.data : live ? { times: seen.times, ...live } : null;
  const off = f.actual !== null && f.lower !== null && f.upper !== null && (f.actual < f.lower || f.actual > f.upper);
  return (
    <div>
      <div style={{ fontSize: 13.5, marginBottom: 2 }} title={f.help}>
        <b style={{ fontWeight: 600 }}>{words(f.name)}</b>
        <div className="num" style={{ fontSize: 13 }}><span style={{ color: off ? "var(--mantine-color-red-6)" : undefined, fontWeight: off ? 600 : undefined }}>{value(f.actual, f.unit)}</span>
          {f.expected !== null && <span className="dim"> · expected {value(f.expected, f.unit)}</span>}</div>
      </div>
      {f.actual === null && !d?.actual.some((v) => v !== null) ? <Empty>not on this host</Empty> :
        d && d.times.length > 1 ? <BandChart {...d} marks={marks} unit={f.unit} label={`${words(f.name)} over time: ${f.actual_text}, expected ${f.expected_text}`} /> : <Empty>collecting…</Empty>}
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
