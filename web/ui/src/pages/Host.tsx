import { Switch, TextInput } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";
import { Link } from "wouter";
import { idPath, useExplanation, useFeatures, useForecasts, useHost, useHostModels, useIncidents, useScores, type Feature, type FeatureHistory, type HostDetail } from "../api";
import { countdown, range, score, timeOf, value, visible, words } from "../format";
import { Causes, Empty, Grade, Dot, IncidentTable, Problem, State, useNow, When } from "../parts/Bits";
import { Legend, NoBand } from "../parts/Around";
import { BandChart, Bands, ScoreChart } from "../parts/Chart";
import { actionMarks, incidentMarks, silenceMarks, type Mark } from "../marks";
import { eventColor, eventMarks, useEvents, useSilences, within, type Event, type Matcher } from "../mute";
import { ModelCard } from "../parts/Card";
import { Explain } from "../parts/Explain";
import { modelMarks } from "../served";
import { comparePath, groupLabels } from "../compare";
import { ForecastTable } from "../parts/Forecasts";
import { Name } from "../parts/Name";
import { Silenced, SilenceNow } from "../parts/Silence";
import { Segments } from "../parts/Segments";
import { TimeAxis } from "../parts/Time";
import { groupsOf, inOrder, sharesOf, outsideAt } from "../features";
import { useActions, usePlaybooks } from "../remedy";
import { labelMatcher } from "../heat";
import { ahead, driftText, gapText, hostSentence, openOf, tellingLabels } from "../host";
import { Parts } from "../parts/Now";
import { trustIn, useTrust } from "../trust";
import { joined, needed, nothing, taken, type Seen } from "../seen";
import { takeHost } from "../moving";
import { followHost } from "../stream";
import { instantText, spanOf, useView, type SetView, type View } from "../view";
import { SilenceForm } from "./Silences";

export function HostPage({ id }: { id: string }) {
  const host = useHost(id);
  const [view, set] = useView();
  const h = host.data;
  useEffect(() => followHost(id, takeHost), [id]);
  return (
    <main className="page">
      <Problem read error={host.error} what={`Host ${visible(id)} cannot be shown`} />
      {!h && host.isPending && <Empty>Reading the host…</Empty>}
      {h && (
        <>
          <header className="line between">
            <div style={{ minWidth: 0 }}>
              <h1><Name name={h.name} whole /></h1>
              <div className="line dim" style={{ fontSize: 14, marginTop: 4 }}><Standing h={h} /><span>· <Name name={h.profile} /> · <Name name={h.source} /> · last sample <When at={h.last_seen} exact /></span></div>
            </div>
            <div className="line" style={{ gap: 26 }}>
              <span><Link className="plain" href={comparePath(h.id, view)}>Compare</Link> <Link className="plain" href={comparePath(h.id, view, groupLabels(h)[0])}>with its {words(groupLabels(h)[0]!)}</Link></span>
              <Training h={h} />
              <Grade grade={h.grade} />
              <Silencing h={h} />
              <div style={{ textAlign: "right" }}><span className="dim" style={{ fontSize: 13 }} data-testid="level">score, limit 1{(h.level ?? 1) > 1 && `, alerts above its level ${score(h.level)}`}</span>
                <div className="num" data-testid="score" style={{ fontSize: 30, fontWeight: 650, lineHeight: 1.1, color: (h.score ?? 0) > (h.level ?? 1) ? "var(--omen-hot)" : undefined }}>{score(h.score)}</div></div>
            </div>
          </header>
          <Says h={h} />
          <Silenced h={h} />
          <TimeAxis view={view} set={set}><Charts h={h} view={view} set={set} /></TimeAxis>
          <Limits id={id} />
          {h.serving && <ModelCard model={h.serving} />}
        </>
      )}
    </main>
  );
}

/** Its incidents that are open: what the page reads of its past is read again when one changes. */
const useOpen = (h: HostDetail) => openOf(h.incidents, useIncidents({ host: h.id, limit: 50 }).data?.incidents);

const Standing = ({ h }: { h: HostDetail }) => <State state={h.state} soon={ahead(useOpen(h))} />;

/** What it does in one sentence, how far that can be trusted, and the labels that find others like it. */
function Says({ h }: { h: HostDetail }) {
  const now = useNow(10_000), open = useOpen(h), trust = trustIn(useTrust({ q: h.id, limit: 200 }).data, h.id), labels = tellingLabels(h.labels, h.name);
  return (
    <div style={{ display: "grid", gap: 6 }}>
      <Parts parts={hostSentence({ ...h, incidents: open }, now)} id="host-sentence" />
      {h.slow_drifts.map((d) => <div key={d.feature} className={d.back ? "dim" : undefined} style={{ fontSize: 14 }} data-testid="drift-sentence">{visible(driftText(d, now))}.{!d.back && " Nobody is notified of it."}</div>)}
      {h.gaps.map((g) => <div key={g.feature} style={{ fontSize: 14 }} data-testid="gap-sentence">{visible(gapText(g, now))}.</div>)}
      {trust && <div className="dim" style={{ fontSize: 14 }} data-testid="trust-sentence">{visible(trust.sentence)} <Link className="plain" href={"/models/" + idPath(h.id)}>How far it can be trusted</Link></div>}
      {labels.length > 0 && <div className="chips" aria-label="Labels" role="group">{labels.slice(0, 12).map(([k, v]) => <Link key={k} className="chip plain" href={"/hosts?match=" + encodeURIComponent(labelMatcher(k, v))} title="Hosts with the same"><Name name={`${k}=${v}`} most={50} /></Link>)}{labels.length > 12 && <span className="dim">and {labels.length - 12} more</span>}</div>}
    </div>
  );
}

/** The host silenced, in two clicks or by the form. */
function Silencing({ h }: { h: HostDetail }) {
  const [form, setForm] = useState(false);
  const match: Matcher[] = [["host", h.name], ["source", h.source]].map(([name, value]) => ({ name: name!, value: value!, isRegex: false, isEqual: true }));
  return <><SilenceNow match={match} more={() => setForm(true)} /><SilenceForm draft={form ? { match } : null} close={() => setForm(false)} /></>;
}

/** What the host can run out of, and when. */
function Limits({ id }: { id: string }) {
  const r = useForecasts({ host: id, limit: 100 });
  return (
    <>
      <Problem read error={r.error} what="The forecasts cannot be shown" />
      {!!r.data && (r.data.forecasts.length > 0 || r.data.note !== "") && (
        <section className="card" aria-labelledby="limits"><h2 id="limits">Limits <span className="dim" style={{ fontWeight: 400 }}>· what is full soonest</span></h2>
          {r.data.forecasts.length > 0 && <ForecastTable forecasts={r.data.forecasts} host={false} />}
          {r.data.note !== "" && <p className="dim" style={{ marginBottom: 0 }}>{visible(r.data.note)}</p>}
        </section>
      )}
    </>
  );
}

/** All that lies on the page's one time axis. */
function Charts({ h, view, set }: { h: HostDetail; view: View; set: SetView }) {
  const id = h.id, span = spanOf(view), [begin, end] = "last" in span ? [Date.now() / 1000 - span.last, Date.now() / 1000] : [span.from, span.to];
  const scores = useScores(id, span);
  const past = useIncidents({ host: id, limit: 50 }), then = useIncidents({ host: id, from: view.from, to: view.to, limit: 50 }, view.from > 0), models = useHostModels(id);
  const silences = useSilences(), acts = !!usePlaybooks().data?.playbooks.length, actions = useActions({ limit: 1000 }, acts);
  const events = useEvents({ ...span, host: id });
  const far = !!scores.data?.scores.some((s) => (s ?? 0) > 20), log = view.log || (far && !view.linear); // far above, a linear scale hides the limit
  const recent = within(events.data?.events, begin).filter((e) => Date.parse(e.at) / 1000 <= end);
  const all: Mark[] = [...silenceMarks(silences.data?.silences, h), ...incidentMarks((view.from ? then : past).data?.incidents), ...eventMarks(recent), ...modelMarks(models.data?.models),
    ...actionMarks(actions.data?.actions.filter((a) => a.host.id === h.id))];
  return (
    <>
      <div className="cols">
        <section className="card" aria-labelledby="score">
          <div className="line between" style={{ marginBottom: 8 }}><h2 id="score" style={{ margin: 0 }}>Score</h2>
            <Switch size="xs" label="log" checked={log} onChange={(e) => set(e.currentTarget.checked ? { log: !far, linear: false } : { log: false, linear: far })} /></div>
          <Problem read error={scores.error} what="The score's history cannot be shown" />
          {scores.data?.times.length ? <ScoreChart times={scores.data.times} scores={scores.data.scores} level={scores.data.level} log={log} marks={all} label={`score of ${visible(h.name)} over time; the limit is 1`} /> :
            <Empty>{scores.isPending ? "Reading the scores…" : h.model ? "No scores in this time." : "No score before the first model."}</Empty>}
          <Legend marks={all.filter((m) => (m.until ?? m.at) > begin && m.at < end)} />
        </section>
        <section className="card" aria-labelledby="causes"><h2 id="causes">{h.state === "anomalous" ? "Top causes" : "Largest shares of the score"}</h2><Causes causes={h.causes} odd={h.state === "anomalous"} most={6} /></section>
      </div>
      <Explain id={id} />
      {!!past.data?.incidents.length && <section className="card" aria-labelledby="incidents"><h2 id="incidents">Incidents</h2><IncidentTable incidents={past.data.incidents.slice(0, 10)} host={false} /></section>}
      <Features h={h} view={view} set={set} marks={all} />
      {recent.length > 0 && <EventList events={recent} />}
    </>
  );
}

function Training({ h }: { h: HostDetail }) {
  const now = useNow();
  const t = h.training;
  const anew = t.anew && <>, anew: {t.anew}</>;
  if (t.running) return <span className="dim">training, {Math.round((t.progress ?? 0) * 100)} %{anew}</span>;
  if (!h.model && t.anew && t.next_due) return <span className="dim">is trained anew in <span className="num">{countdown(t.next_due, now)}</span>: {t.anew} · {t.samples} samples</span>;
  if (!h.model && t.next_due) return <span className="dim">first model in <span className="num">{countdown(t.next_due, now)}</span> · {t.samples} samples</span>;
  return t.err ? <span className="dim">last training: {t.err}</span> : null;
}

/** What was seen of a host since its page was opened, as far as it is needed: what is not after `from` is let go. */
function useSeen(h: HostDetail, from: number): Seen {
  const [seen, set] = useState(nothing);
  useEffect(() => set((s) => taken(s, h, from)), [h, from]);
  return seen;
}

/** The features by their share of the score, now or at the pinned cursor; of one group, or only those outside of what is expected. */
function Features({ h, view, set, marks }: { h: HostDetail; view: View; set: SetView; marks: Mark[] }) {
  const { q, all, sel, group, out, at } = view;
  const beat = Math.floor(useNow(5000) / 30_000), asked = useExplanation(h.id, at).data, then = at ? asked : undefined;
  const shares = useMemo(() => sharesOf(h.features, then?.causes), // they move with each sample: what is looked at does not
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [h.id, h.state, h.model, h.features.length, at, then, beat]);
  const groups = useMemo(() => groupsOf(h.features.map((f) => f.name), shares), [h.features.length, shares]); // eslint-disable-line react-hooks/exhaustive-deps
  const [odd, setOdd] = useState<string[]>([]); // outside when they were last read
  const order = useMemo(() => inOrder(h.features.map((f) => f.name), shares, { q, sel, group: groups.some((g) => g.name === group) ? group : "", only: out ? odd : null }),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [h.features.length, shares, q, sel, group, out, odd]);
  const now = new Map(h.features.map((f) => [f.name, f])), sorted = order.flatMap((n) => now.get(n) ?? []);
  const shown = all || q || group || out ? sorted : sorted.slice(0, Math.max(6, sel.length));
  const stored = useFeatures(h.id, (out ? h.features : shown).map((f) => f.name).sort(), spanOf(view));
  const by = useMemo(() => new Map((stored.data?.features ?? []).map((f) => [f.feature, f] as const)), [stored.data]);
  const seen = useSeen(h, view.from ? Infinity : needed(shown, by, view.last));
  useEffect(() => { // a feature that comes back stays until it is read again
    if (!out) return;
    setOdd(h.features.filter((f) => (at ? outsideAt(by.get(f.name), at) : f.actual !== null && f.lower !== null && f.upper !== null && (f.actual < f.lower || f.actual > f.upper))).map((f) => f.name));
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [out, at, by, beat]);
  const choose = (name: string) => set({ sel: sel.includes(name) ? sel.filter((n) => n !== name) : [...sel, name] });
  return (
    <section className="card" aria-labelledby="features">
      <div className="line between" style={{ marginBottom: 12 }}>
        <h2 id="features" style={{ margin: 0 }}>Features <span className="dim" style={{ fontWeight: 400 }}>· actual against expected, by their share of the score {at ? `at ${timeOf(instantText(at))}` : "now"}</span></h2>
        <div className="line"><TextInput size="xs" placeholder="Find a feature" aria-label="Find a feature" value={q} onChange={(e) => set({ q: e.currentTarget.value })} />
          <Switch size="xs" label="only outside the band" checked={out} onChange={(e) => set({ out: e.currentTarget.checked })} />
          <Switch size="xs" label={`all ${h.features.length}`} checked={all} onChange={(e) => set({ all: e.currentTarget.checked })} /></div>
      </div>
      {groups.length > 1 && <div style={{ marginBottom: 12 }}><Segments aria-label="Group of features" value={group} onChange={(v) => set({ group: v })} data={[{ value: "", label: "every group" }, ...groups.map((g) => ({ value: g.name, label: g.share >= 0.005 ? `${g.name} ${Math.round(100 * g.share)} %` : g.name }))]} /></div>}
      <Problem read error={stored.error} what="The features' history cannot be shown" />
      <Bands>{shown.map((f) => <Band key={f.name} f={f} stored={by.get(f.name)} waits={stored.isPending} live={view.from ? undefined : seen} marks={marks} chosen={sel.includes(f.name)} choose={() => choose(f.name)} />)}</Bands>
      <NoBand why={stored.data?.no_band ?? ""} />
      {!shown.length && <Empty>{out ? "No feature is outside of what is expected." : "No feature matches."}</Empty>}
    </section>
  );
}

function Band({ f, stored, waits, live: seen, marks, chosen, choose }: { f: Feature; stored?: FeatureHistory; waits: boolean; live?: Seen; marks: Mark[]; chosen: boolean; choose: () => void }) {
  const live = seen?.by.get(f.name), times = seen?.times;
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const d = useMemo(() => (stored?.times.length ? joined(stored, seen, live) : !waits && seen && live ? { times: seen.times, ...live } : null), [stored, waits, times, live]);
  const off = f.actual !== null && f.lower !== null && f.upper !== null && (f.actual < f.lower || f.actual > f.upper);
  return (
    <div>
      <div style={{ fontSize: 13.5, marginBottom: 2 }} title={f.help}>
        <div className="line between" style={{ flexWrap: "nowrap" }}><b style={{ fontWeight: 600 }}>{words(f.name)}</b>
          <button type="button" className="quiet" aria-pressed={chosen} title="Keep in front; the address names it" onClick={choose}><span className="sr">{words(f.name)} </span>{chosen ? "in front ×" : "to the front"}</button></div>
        {f.help && <div className="dim help">{visible(f.help)}</div>}
        <div className="num" style={{ fontSize: 13 }}><span style={{ color: off ? "var(--omen-hot)" : undefined, fontWeight: off ? 600 : undefined }}>{value(f.actual, f.unit)}</span>
          {f.expected !== null && <span className="dim"> · expected {range(f.lower, f.upper, f.unit)}</span>}</div>
      </div>
      {f.actual === null && !d?.actual.some((v) => v !== null) ? <Empty>not on this host</Empty> :
        d && d.times.length > 1 ? <BandChart {...d} marks={marks} unit={f.unit} label={`${words(f.name)} over time: ${f.actual_text}, expected ${f.expected_text}`} /> : <Empty>{waits ? "reading…" : seen ? "collecting…" : "nothing is stored of this time"}</Empty>}
    </div>
  );
}

function EventList({ events }: { events: Event[] }) {
  return (
    <section className="card" aria-labelledby="events"><h2 id="events">Events <span className="dim" style={{ fontWeight: 400 }}>· in this time, marked in the charts</span></h2>
      <div style={{ display: "grid", gap: 6, fontSize: 14 }}>{[...events].reverse().slice(0, 20).map((e) => <div key={e.id} className="line"><Dot color={eventColor[e.kind]} />{e.kind}{e.title && <>: <Name name={e.title} most={120} /></>}<span className="dim"><When at={e.at} />{e.by && <> · <Name name={e.by} /></>}</span></div>)}</div>
    </section>
  );
}
