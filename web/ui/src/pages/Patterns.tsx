import { Button } from "@mantine/core";
import { Segments } from "../parts/Segments";
import { Name } from "../parts/Name";
import { Link } from "wouter";
import { hostPath, incidentPath, enc, useStatus } from "../api";
import { score, verdict, visible } from "../format";
import { Dot, Empty, Problem, When } from "../parts/Bits";
import { useBy } from "../parts/By";
import { Signs } from "../parts/Chips";
import { May } from "../parts/May";
import { useView } from "../view";
import { usePatterns, useSend, type Pattern } from "../mute";

const color: Record<Pattern["verdict"], string> = { "": "gray", real: "red", not_a_problem: "teal", expected_at_this_time: "violet" };

/** What a pattern does, for people. */
export const effectOf = (p: Pattern) =>
  p.verdict === "real" ? `counts as anomalous from a score of ${score(p.limit)} on, and is never trained on as normal` : `suppressed, unless its score reaches ${score(p.max_peak)}`;

export function Patterns() {
  const r = usePatterns();
  const zone = useStatus().data?.time_zone;
  const [view, set] = useView(), shown = view.state || "force";
  const [by] = useBy();
  const revert = useSend<Pattern>(["patterns"]);
  const all = [...(r.data?.patterns ?? [])].sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));
  const rows = all.filter((p) => shown === "all" || (p.reverted === "") === (shown === "force"));
  const count = (inForce: boolean) => all.filter((p) => (p.reverted === "") === inForce).length;
  return (
    <main className="page">
      <div className="line between"><div><h1>Patterns</h1><div className="dim" style={{ fontSize: 14, marginTop: 2 }}>What Omen remembers of verdicts, and what that changes{zone && <>; times of day are meant in {zone}</>}</div></div>
        <Segments aria-label="Which patterns" value={shown} onChange={(v) => set({ state: v === "force" ? "" : v })} data={[{ value: "force", label: `In force ${count(true)}` }, { value: "back", label: `Taken back ${count(false)}` }, { value: "all", label: "All" }]} /></div>
      <Problem read error={r.error} what="Patterns cannot be shown" />
      <Problem error={revert.error} what="The pattern was not taken back" />
      <section className="card">
        {rows.length > 0 && (
          <div className="scroll"><table className="grid" data-testid="patterns">
            <thead><tr><th>Verdict</th><th>Causes</th><th>Where and when</th><th>What it changes</th><th>By</th><th>From</th><th /></tr></thead>
            <tbody>{rows.map((p) => (
              <tr key={p.id} className={p.reverted ? "past" : ""}>
                <td><span className="line" style={{ gap: 7, flexWrap: "nowrap" }}><Dot color={p.reverted ? "gray" : color[p.verdict]} />{verdict(p.verdict)}</span></td>
                <td><Signs causes={p.causes} /></td>
                <td style={{ minWidth: 130 }}>{p.role ? <>every host of role <Name name={p.role} /></> : <Link href={hostPath(p.host.id)} style={{ fontWeight: 400 }}><Name name={p.host.name} /></Link>}<div className="dim" style={{ fontSize: 12.5 }}>{visible(p.text)}</div></td>
                <td style={{ minWidth: 150 }}>{effectOf(p)}</td>
                <td><Name name={p.by} />{p.by === "omen" && <div className="dim" style={{ fontSize: 12.5 }}>recurred on three days</div>}</td>
                <td style={{ whiteSpace: "nowrap" }}><Link href={incidentPath(p.incident)} style={{ fontWeight: 400 }}>incident</Link><div className="dim" style={{ fontSize: 12.5 }}><When at={p.created} /></div></td>
                <td className="right">{p.reverted ? <span className="dim" style={{ fontSize: 12.5 }}>taken back by <Name name={p.reverted} />, <When at={p.reverted_at} /></span> :
                  <May role="operate" what="Take back"><Button size="compact-xs" variant="default" loading={revert.isPending && revert.variables?.path.includes(p.id)} onClick={() => revert.mutate({ path: `/patterns/${enc(p.id)}/revert`, body: { by } })}>Take back</Button></May>}</td>
              </tr>))}</tbody>
          </table></div>
        )}
        {r.data && !rows.length && <Empty>{shown === "back" ? "No pattern was taken back." : "No patterns yet. Give an incident a verdict, and what Omen remembers of it is shown here."}</Empty>}
      </section>
    </main>
  );
}
