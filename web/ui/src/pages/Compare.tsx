import { NativeSelect, Switch, TextInput } from "@mantine/core";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { hostPath, useFeatures, useHost, useHosts } from "../api";
import { apartText, asHost, counts, differences, groupLabels, madeOf, nameOf, overlay, useGroup, type Apart } from "../compare";
import { middle, visible, whole, words } from "../format";
import { labelMatcher } from "../heat";
import { NoBand } from "../parts/Around";
import { Empty, Problem } from "../parts/Bits";
import { Bands, ink } from "../parts/Chart";
import { Name } from "../parts/Name";
import { Overlay } from "../parts/Overlay";
import { TimeAxis, useAxis } from "../parts/Time";
import { spanOf, useView, type View } from "../view";

const week = 7 * 86400, most = 12;
const agos = [0, 3600, 86400, week, 28 * 86400];

/** Two hosts, a host and itself some time ago, or a host and the median of its group, feature by feature. */
export function Compare() {
  const [view, set] = useView();
  const a = view.a, b = view.b || a, ago = view.ago || (a === b ? week : 0), group = view.group;
  return (
    <main className="page">
      <h1>Compare</h1>
      <section className="card line" aria-label="What is compared" style={{ gap: 14, alignItems: "end" }}>
        <HostPick label="Host" id={a} pick={(id) => set({ a: id }, true)} />
        {a && <GroupPick id={a} label={group} pick={(label) => set({ group: label, b: "", ago: 0 }, true)} />}
        {!group && <HostPick label="with" id={view.b} none={a && `${nameOf(a)} itself`} pick={(id) => set({ b: id }, true)} />}
        {!group && <NativeSelect size="xs" w={150} label="at" value={String(ago)} onChange={(e) => set({ ago: +e.currentTarget.value }, true)}
          data={[...new Set([...agos, ago])].filter((s) => s || a !== b).sort((x, y) => x - y).map((s) => ({ value: String(s), label: s ? `${whole(s)} before` : "the same time" }))} />}
      </section>
      {a ? <TimeAxis view={view} set={set}>{group ? <WithGroup a={a} label={group} view={view} all={(on) => set({ all: on })} /> : <Both a={a} b={b} ago={ago} view={view} all={(on) => set({ all: on })} />}</TimeAxis> : <Empty>Choose a host.</Empty>}
    </main>
  );
}

/** A host by its id, found by a part of it. */
function HostPick({ label, id, none, pick }: { label: string; id: string; none?: string; pick: (id: string) => void }) {
  const [text, setText] = useState(id), list = `hosts-${label}`;
  useEffect(() => setText(id), [id]);
  const found = useHosts({ q: text, sort: "name", limit: 20 }).data?.hosts ?? [];
  const done = (v: string) => { if (v !== id) pick(v); }, known = found.some((h) => h.id === text);
  useEffect(() => { if (known) done(text); }, [known, text]); // eslint-disable-line react-hooks/exhaustive-deps
  return (
    <>
      <TextInput size="xs" w={300} label={label} placeholder={none || "source/profile/name"} value={text} list={list}
        onChange={(e) => setText(e.currentTarget.value)}
        onBlur={() => done(text.trim())} onKeyDown={(e) => { if (e.key === "Enter") done(text.trim()); }} />
      <datalist id={list}>{found.map((h) => <option key={h.id} value={h.id} />)}</datalist>
    </>
  );
}

/** With what a host is compared: a host, or the median of those with the same value of a label. */
function GroupPick({ id, label, pick }: { id: string; label: string; pick: (label: string) => void }) {
  const h = useHost(id).data, labels = h ? groupLabels(h) : [];
  return <NativeSelect size="xs" w={210} label="against" value={label} onChange={(e) => pick(e.currentTarget.value)}
    data={[{ value: "", label: "a host, or itself" }, ...[...new Set([...labels, ...(label ? [label] : [])])].map((l) => ({ value: l, label: `the median of its ${middle(visible(l), 30)}` }))]} />;
}

/** A host and the median of its group. */
function WithGroup({ a, label, view, all }: { a: string; label: string; view: View; all: (on: boolean) => void }) {
  const axis = useAxis(), span = spanOf(view), one = useFeatures(a, ["*"], span), group = useGroup(a, label, span), g = group.data;
  const found = useMemo(() => (one.data && g?.hosts_read ? differences(one.data.features, asHost(g), 0, axis.from, axis.to) : []), [one.data, g]); // eslint-disable-line react-hooks/exhaustive-deps
  const title = g ? `median of ${label}=${g.value}` : `median of its ${label}`, names: [string, string] = [middle(visible(nameOf(a)), 40), middle(visible(title), 60)];
  const hosts = new Map(g?.features.map((f) => [f.feature, f.hosts]));
  return (
    <Differences found={found} view={view} all={all}
      name={<Key a={a} names={names} range b={g && "/hosts?match=" + encodeURIComponent(labelMatcher(label, g.value))} />}>
      {g && <p className="dim" data-testid="made-of" style={{ fontSize: 13, margin: "0 0 10px" }}>The median is {madeOf(g)}, one value every {whole(g.step_seconds)}.{g.failed.length > 0 && ` Not read of all, and left out: ${g.failed.map(words).join(", ")}.`}</p>}
      <Problem read error={one.error} what={`${visible(nameOf(a))} cannot be read`} />
      <Problem read error={group.error} what={`Its ${visible(label)} cannot be read`} />
      {(one.isPending || group.isPending) && <Empty>Reading…</Empty>}
      {g && !g.hosts_read && <Empty>No other host of its source and profile has {visible(label)}={visible(g.value)}.</Empty>}
      <Bands>{(view.all ? found : found.slice(0, most)).map((d) => <Pair key={d.feature} d={d} ago={0} names={names} hosts={hosts.get(d.feature)} />)}</Bands>
      <NoBand why={one.data?.no_band ?? ""} />
    </Differences>
  );
}

/** The features that differ, with a switch to see all. */
function Differences({ found, view, all, name, children }: { found: Apart[]; view: View; all: (on: boolean) => void; name: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-labelledby="differences" data-testid="differences">
      <div className="line between" style={{ marginBottom: 12 }}>
        <h2 id="differences" style={{ margin: 0 }}>Features <span className="dim" style={{ fontWeight: 400 }}>· what differs most first, in units of what is expected</span></h2>
        {found.length > most && <Switch size="xs" label={`all ${found.length}`} checked={view.all} onChange={(e) => all(e.currentTarget.checked)} />}
      </div>
      {name}
      {children}
    </section>
  );
}

function Both({ a, b, ago, view, all }: { a: string; b: string; ago: number; view: View; all: (on: boolean) => void }) {
  const axis = useAxis(), span = spanOf(view);
  const one = useFeatures(a, ["*"], span), two = useFeatures(b, ["*"], span, ago);
  const found = useMemo(() => (one.data && two.data ? differences(one.data.features, two.data.features, ago, axis.from, axis.to) : []),
    // the axis moves on each second, and what is compared when there is new data
    [one.data, two.data, ago]); // eslint-disable-line react-hooks/exhaustive-deps
  const names: [string, string] = [middle(visible(nameOf(a)), 40), middle(visible(a === b ? "" : nameOf(b)), 40) + (ago ? `${a === b ? "" : ", "}${whole(ago)} before` : "")];
  const shown = view.all ? found : found.slice(0, most);
  return (
    <Differences found={found} view={view} all={all} name={<Key a={a} b={hostPath(b)} names={names} />}>
      <Problem read error={one.error} what={`${visible(nameOf(a))} cannot be read`} />
      <Problem read error={two.error} what={`${visible(nameOf(b))} cannot be read`} />
      {(one.isPending || two.isPending) && <Empty>Reading…</Empty>}
      <Bands>{shown.map((d) => <Pair key={d.feature} d={d} ago={ago} names={names} />)}</Bands>
      <NoBand why={one.data?.no_band || two.data?.no_band || ""} />
      {one.data && two.data && !found.length && <Empty>Nothing is stored of this time.</Empty>}
    </Differences>
  );
}

/** Which line is whose. */
function Key({ a, b, names, range }: { a: string; b?: string; names: [string, string]; range?: boolean }) {
  const light = ink(false);
  return (
    <div className="line dim" style={{ fontSize: 13, marginBottom: 10, gap: 18 }}>
      <span className="line" style={{ gap: 6 }}><i aria-hidden style={{ width: 20, borderTop: "2px solid var(--omen-ink)" }} /><Link className="plain" href={hostPath(a)}><Name name={names[0]} /></Link></span>
      <span className="line" style={{ gap: 6 }}><i aria-hidden style={{ width: 20, borderTop: "2px dashed var(--omen-good)" }} />{b ? <Link className="plain" href={b}><Name name={names[1]} /></Link> : <Name name={names[1]} />}</span>
      {range && <span className="line" style={{ gap: 6 }}><i aria-hidden style={{ width: 20, height: 10, background: light.range }} />10 to 90 % of them</span>}
      <span className="line" style={{ gap: 6 }}><i aria-hidden style={{ width: 20, height: 10, background: light.band }} />expected of the first</span>
    </div>
  );
}

function Pair({ d, ago, names, hosts }: { d: Apart; ago: number; names: [string, string]; hosts?: number[] }) {
  const both = useMemo(() => overlay(d.a, d.b, ago, !!hosts), [d.a, d.b, ago, hosts]), has = (f: Apart["a"]) => !!f?.actual.some((v) => v !== null);
  const without = !has(d.a) ? names[0] : !has(d.b) ? names[1] : "";
  return (
    <div>
      <div className="line between" style={{ fontSize: 13.5, flexWrap: "nowrap" }}><b style={{ fontWeight: 600 }}>{words(d.feature)}</b><span className="dim num">{without ? `nothing of ${without}` : apartText(d.apart)}{!!hosts?.length && ` · ${counts(hosts)} hosts`}</span></div>
      {both.times.length > 1 ? <Overlay both={both} names={names} unit={d.unit} label={`${words(d.feature)} of ${names[0]} and ${names[1]} over time: ${apartText(d.apart)}`} /> : <Empty>nothing is stored of this time</Empty>}
    </div>
  );
}
