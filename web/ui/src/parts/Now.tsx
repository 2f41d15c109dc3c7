import { useMemo, type ReactElement, type ReactNode } from "react";
import { Link } from "wouter";
import { incidentPath, useIncidents, type Incident, type Source, type Status } from "../api";
import { bothClocks, score, visible, whole, words } from "../format";
import { lasted, minute, night, nightSentence, openWords, promise, saidOf, sentence, type Part } from "../now";
import { unheard, useReceivers } from "../settings";
import { instantText } from "../view";
import { Dot, Empty, Problem, Severity, title, useNow, When, why } from "./Bits";
import { useHeldRows, useHeldShape } from "./Hold";
import { Name } from "./Name";

/** What is wrong now, in one sentence. */
export function Sentence({ status, open }: { status: Status; open: Incident[] }) {
  const now = useNow(10_000);
  const parts = useHeldShape(sentence(status, open, status.open_incidents, now, (i) => incidentPath(i.id)), (p) => JSON.stringify(p));
  return <Parts parts={parts} id="sentence" />;
}

/** A sentence in which some things are named with where they are shown. */
export const Parts = ({ parts, id }: { parts: Part[]; id: string }) => (
  <p className="sentence" data-testid={id}>{parts.map((p, n) => (typeof p === "string" ? <span key={n}>{p}</span> : <Link key={n} className="plain" href={p.href}><Name name={p.name} /></Link>))}</p>
);

/** Last night in one glance. */
export function LastNight({ status }: { status?: Status }) {
  const now = useNow(60_000), n = useMemo(() => night(now), [now]);
  const span = { from: Math.floor(n.from / 60) * 60, to: Math.ceil(n.to / 60) * 60 };
  const r = useIncidents({ from: span.from, limit: 100 }); // until now: one question all night long
  const all = r.data?.incidents ?? [], sorted = useHeldRows([...all].sort((a, b) => Number(!!a.suppressed) - Number(!!b.suppressed)).slice(0, 6), (i) => i.id); // those that people were notified of first, each in order of time
  const link = `/incidents?from=${instantText(span.from)}&to=${instantText(span.to)}&state=all`;
  return (
    <section className="card" aria-labelledby="night" data-testid="night">
      <h2 id="night">{n.over ? "Last night and since" : "This night so far"} <span className="dim" style={{ fontWeight: 400 }}>· {minute(instantText(span.from), now)} – now</span></h2>
      <Problem read error={r.error} what="Last night cannot be shown" />
      {r.data && <div style={{ marginBottom: all.length ? 8 : 0 }}>{nightSentence(all, !!r.data.next)}</div>}
      {r.isPending && <Empty>Reading…</Empty>}
      {status && Date.parse(status.started_at) / 1000 > span.from && <div className="dim" style={{ fontSize: 13, marginBottom: 8 }}>Omen was started {minute(status.started_at, now)}. The charts of the hosts show whether it watched before.</div>}
      <ul className="rows" data-hold>{sorted.map((i) => (
        <li key={i.id} className={i.suppressed ? "dim" : undefined}>
          <time className="num dim" dateTime={i.since ?? undefined} title={bothClocks(i.since)}>{minute(i.since, now).slice(-5)}</time>
          <Severity incident={i} />
          <span className="cause"><Link href={incidentPath(i.id)}><Name name={title(i)} /></Link> {why(i)}</span>
          <span className="dim num">{lasted(i)}{(i.kind === "host" || i.kind === "fleet") && ` · ×${score(i.peak)}`} · {visible(saidOf(i))}</span>
        </li>))}</ul>
      {all.length > 6 && <Link className="plain" href={link}>all {all.length}{r.data?.next ? " and more" : ""}</Link>}
      {status?.pages && <Promise of={status.pages} />}
    </section>
  );
}

/** What was promised of false pages, and what was sent. */
function Promise({ of }: { of: NonNullable<Status["pages"]> }) {
  const p = promise(of);
  return <div className="line dim" style={{ fontSize: 13, marginTop: 10, flexWrap: "nowrap", alignItems: "baseline" }} data-testid="promise"><Dot color={p.kept === null ? "gray" : p.kept ? "teal" : "orange"} /><span>{p.text}</span></div>;
}

const stateWords: Record<Source["state"], string> = { down: "does not answer; its hosts are not scored", partial: "answers only in part", starting: "is starting", up: "answers" };

/** One thing that Omen does not see, cannot judge or cannot notify of. */
function Spot({ color, head, since, children }: { color: string; head: ReactNode; since?: string | null; children?: ReactNode }) {
  return <li><Dot color={color} /><div style={{ minWidth: 0 }}><b style={{ fontWeight: 600 }}>{head}</b>{since && <span className="dim"> · since <When at={since} exact /></span>}{children && <div className="dim" style={{ overflowWrap: "anywhere" }}>{children}</div>}</div></li>;
}

const some = (of: Record<string, string>, most = 6) => { const k = Object.keys(of).sort(); return k.slice(0, most).map(words).join(", ") + (k.length > most ? ` and ${k.length - most} more` : ""); };

/** What of a source is not seen or not judged. */
function spotsOf(s: Source, now: number): ReactElement[] {
  const spots: ReactElement[] = [], of = (what: string) => `${s.name}/${what}`;
  const refused = Object.entries(s.refused).sort(), late = Object.entries(s.late).sort();
  // where hosts are refused, or late, that is what a partial source's text says, too
  const behind = s.state === "up" && s.last_read ? now - Date.parse(s.last_read) : 0;
  if (behind > Math.max(60, 4 * (s.step_seconds ?? 0)) * 1000) spots.push(<Spot key={of("behind")} color="orange" head={<>Source <Name name={s.name} /> was last read {whole(behind / 1000)} ago; its hosts are judged by what was then</>} />);
  if (s.state !== "up" && !(s.state === "partial" && s.refused_hosts + s.late_hosts > 0 && !s.silent_hosts && !Object.keys(s.failed_features).length)) spots.push(
    <Spot key={of("state")} color={s.state === "down" ? "red" : s.state === "partial" ? "orange" : "violet"} head={<>Source <Name name={s.name} /> {s.silent_hosts > 0 && s.state === "partial" ? "answers, and most of its hosts send nothing" : stateWords[s.state]}</>} since={s.since}>
      {visible(s.err)}{Object.keys(s.failed_features).length > 0 && <div>Without: {some(s.failed_features)}</div>}</Spot>);
  for (const [profile, text] of Object.entries(s.blind)) spots.push(<Spot key={of("blind/" + profile)} color="red" head={<>Nothing is seen of profile <Name name={profile} /> of source <Name name={s.name} /></>}>{visible(text)}</Spot>);
  if (s.refused_hosts > 0) spots.push(
    <Spot key={of("refused")} color="orange" head={<>{s.refused_hosts === 1 ? "1 host" : `${s.refused_hosts} hosts`} of source <Name name={s.name} /> {s.refused_hosts === 1 ? "is" : "are"} not judged: series of several hosts have one identity</>}>
      {refused.slice(0, 3).map(([name, text]) => <div key={name}><Name name={name} />: {visible(text)}</div>)}<div>See all with: omen check source {visible(s.name)}</div></Spot>);
  if (s.late_hosts > 0) spots.push(
    <Spot key={of("late")} color="orange" head={<>Samples of {s.late_hosts === 1 ? "1 host" : `${s.late_hosts} hosts`} of source <Name name={s.name} /> come later than the source is read</>}>
      {late.slice(0, 3).map(([name, text]) => <div key={name}><Name name={name} />: {visible(text)}</div>)}<div>What is read of {s.late_hosts === 1 ? "it" : "them"} is missing or old: set the source&apos;s delay to 5 seconds more.</div></Spot>);
  if (s.note) spots.push(<Spot key={of("note")} color="gray" head={<>Source <Name name={s.name} /> would better be configured otherwise</>}>{visible(s.note)}</Spot>);
  if (Object.keys(s.left_out).length > 0) spots.push(
    <Spot key={of("left")} color="gray" head={<>Series of source <Name name={s.name} /> name no host and are left out</>}>Of {some(s.left_out)}</Spot>);
  return spots;
}

/** All that Omen does not see, judge or notify of; that there is none is said, too. */
export function BlindSpots({ status: s }: { status: Status }) {
  const own = useIncidents({ state: "active", kind: "omen", members: "true", limit: 20 });
  const deaf = unheard(useReceivers().data?.receivers), silent = s.hosts.silent ?? 0, learning = s.first_model_hosts, now = useNow(10_000);
  const found: ReactElement[] = [
    ...(s.ready || /^source /.test(s.waiting) ? [] : [<Spot key="ready" color="violet" head="Omen is not ready">{visible(s.waiting)}</Spot>]),
    ...s.sources.flatMap((x) => spotsOf(x, now)),
    ...(own.data?.incidents ?? []).map((i) => {
      const [kind, ...name] = i.trouble.split("/");
      return <Spot key={i.id} color={i.severity === "critical" ? "red" : "orange"} since={i.since}
        head={<Link className="plain" href={incidentPath(i.id)}>{kind === "receiver" ? <>Receiver <Name name={name.join("/")} /> fails</> : "Omen itself has a trouble"}</Link>}>{visible(i.summary)}</Spot>;
    }),
    ...(deaf ?? []).map((d) => <Spot key={"deaf/" + d.name} color="orange" head={<Link className="plain" href="/settings">{d.name ? <>Receiver <Name name={d.name} /> failed</> : "Nobody is notified"}</Link>}>{visible(d.text)}</Spot>),
    ...(silent ? [<Spot key="silent" color="gray" head={<Link className="plain" href="/?state=silent">{silent === 1 ? "1 host sends" : `${silent} hosts send`} nothing</Link>} />] : []),
    ...(learning ? [<Spot key="learning" color="violet" head={<Link className="plain" href="/?state=learning">{learning === 1 ? "1 host has" : `${learning} hosts have`} no model yet</Link>}>
      {s.first_model_due && <>Nobody is notified of {learning === 1 ? "it" : "them"} before; the first model is due <When at={s.first_model_due} />.</>}{s.anew.map((n) => <div key={n.source + n.text}>{visible(n.text)}</div>)}</Spot>] : []),
    ...(s.unauthenticated ? [<Spot key="open" color="orange" head="No authentication">{openWords(s.unauthenticated_role)} Set passwords with --web.config.file.</Spot>] : []),
    ...(s.unclean_shutdown ? [<Spot key="unclean" color="gray" head="The last run did not end properly" since={s.started_at}>What was not scored between is not judged afterwards.</Spot>] : []),
  ];
  const spots = useHeldRows(found, (x) => x.key ?? "");
  return (
    <section className="card" aria-labelledby="blind" data-testid="blind"><h2 id="blind">Blind spots</h2>
      <Problem read error={own.error} what="Omen's own troubles cannot be shown" />
      {spots.length > 0 ? <div role="status"><ul className="rows spots" data-hold>{spots}</ul></div> : <div>{deaf ? "None: every source answers, every host is judged, no receiver fails." : "Looking…"}</div>}
      <div className="line dim" style={{ fontSize: 13, marginTop: 10 }} data-testid="sources">
        {s.sources.filter((x) => x.state === "up").map((x) => <span key={x.name} className="line" style={{ gap: 7 }}><Dot color="teal" /><Name name={x.name} />{x.address && <> · <Name name={x.address} /></>} · {x.hosts} {x.hosts === 1 ? "host" : "hosts"} every {x.step_seconds ?? "–"} s</span>)}
      </div>
    </section>
  );
}
