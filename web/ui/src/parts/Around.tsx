import { ApiError, useFeatures, type Cause, type HostRef } from "../api";
import { visible, words } from "../format";
import { Empty, Problem } from "./Bits";
import type { Mark } from "../marks";
import { BandChart, Bands } from "./Chart";
import { Name } from "./Name";

/** The top causes' features around an incident, with its opening and its close. */
export function Around({ host, fleet, causes, from, to, marks }: { host: HostRef; fleet: boolean; causes: Cause[]; from: number; to: number; marks: Mark[] }) {
  const top = [...causes.filter((c) => !c.trivial), ...causes.filter((c) => c.trivial)].slice(0, 4).map((c) => c.feature);
  const r = useFeatures(host.id, top, { from, to });
  if (!top.length) return null;
  const found = (r.data?.features ?? []).filter((f) => f.times.length > 1);
  const unknown = r.error instanceof ApiError && r.error.status === 404;
  return (
    <section className="card" aria-labelledby="features"><h2 id="features">Top causes around the incident{fleet && <span className="dim"> · <Name name={host.name} /></span>}</h2>
      {unknown ? <Empty>Omen no longer knows this host or one of these features: their history cannot be read.</Empty> : <Problem read error={r.error} what="The features' history cannot be shown" />}
      {found.length > 0 && <Bands>{found.map((f) => (
        <div key={f.feature}><b style={{ fontWeight: 600, fontSize: 13.5 }}>{words(f.feature)}</b>
          <BandChart {...f} height={130} marks={marks} label={`${words(f.feature)} around the incident`} /></div>))}</Bands>}
      {r.data && !found.length && <Empty>No data is left of this time.</Empty>}
      {r.data && found.length > 0 && <NoBand why={r.data.no_band} />}
      {found.length > 0 && <Legend marks={marks} />}
    </section>
  );
}

/** Why the charts have no expected band. */
export const NoBand = ({ why }: { why: string }) => (why ? <div className="dim" role="note" style={{ fontSize: 13, marginTop: 6 }}>Without the expected band: {why}. Zoom in to see it.</div> : null);

/** What the coloured lines and shades of a chart stand for. */
export function Legend({ marks }: { marks: Mark[] }) {
  const kinds = [...new Map(marks.filter((m) => m.text).map((m) => [m.text!, m])).values()];
  return <div className="line dim" style={{ fontSize: 12.5, marginTop: 6 }}>{kinds.map((m) => <span key={m.text} className="line" style={{ gap: 6 }}>
    <i aria-hidden style={{ width: m.until ? 16 : 2, height: 12, background: m.until ? `color-mix(in srgb, ${m.color} 20%, transparent)` : m.color, borderLeft: m.until ? `2px solid ${m.color}` : undefined }} />{m.sign && <span aria-hidden>{m.sign}</span>}<span><bdi>{visible(m.text!)}</bdi>{m.until && `, shaded: ${m.lasts}`}</span></span>)}</div>;
}
