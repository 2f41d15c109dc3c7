import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { hostPath, incidentPath, useMembers, type HostRef, type Member, type Num } from "../api";
import { heat } from "../features";
import { score, timeOf, visible } from "../format";
import { Problem } from "./Bits";
import { Name } from "./Name";
import { useAxis } from "./Time";

/** The hosts of a fleet incident, each as a strip of its scores on the page's time axis, the first to leave its normal on top. */
export function Members({ id, hosts, open }: { id: string; hosts: HostRef[]; open: boolean }) {
  const { from, to } = useAxis(), r = useMembers(id, { from: Math.floor(from), to: Math.ceil(to) }, open);
  const rows = r.data?.members ?? [], shown = new Set(rows.map((m) => m.host.id)), rest = r.isPending ? [] : hosts.filter((h) => !shown.has(h.id));
  return (
    <>
      <Problem read error={r.error} what="The members' scores cannot be shown" />
      {rows.length > 0 && <p className="dim" style={{ fontSize: 13, margin: "0 0 8px" }}>By when each left its normal, the first on top. Grey is below the limit; the darker the colour, the further above it.</p>}
      <ol className="strip" data-testid="members">{rows.map((m) => (
        <li key={m.incident}><Link className="plain" href={incidentPath(m.incident)}><Name name={m.host.name} most={40} /></Link>
          <span role="img" aria-label={`${visible(m.host.name)}: since ${timeOf(m.since)}${m.back ? `, back ${timeOf(m.back)}` : ", lasts"}, peak ${score(m.peak)}`}><Cells scores={m.scores} /></span>
          <span className="num dim" aria-hidden><Onset m={m} /></span></li>))}</ol>
      {rest.length > 0 && <div className="line">{rest.slice(0, 200).map((h) => <Link className="plain" key={h.id} href={hostPath(h.id)}><Name name={h.name} /></Link>)}{rest.length > 200 && <span className="dim">and {rest.length - 200} more</span>}</div>}
    </>
  );
}

const Onset = ({ m }: { m: Member }) => <>{timeOf(m.since)} · ×{score(m.peak)}</>;

/** Scores by time, a colour each. */
function Cells({ scores }: { scores: Num[] }) {
  const box = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const c = box.current!, ctx = c.getContext("2d");
    c.width = Math.max(1, scores.length); // clears it
    c.height = 1;
    scores.forEach((s, i) => { if (ctx && s !== null) { ctx.fillStyle = heat(s); ctx.fillRect(i, 0, 1, 1); } });
  }, [scores]);
  return <canvas ref={box} className="cells" aria-hidden />;
}
