import { Button } from "@mantine/core";
import { Segments } from "../parts/Segments";
import { useState } from "react";
import { useIncidents } from "../api";
import { clock } from "../format";
import { instantText, useView } from "../view";
import { Empty, IncidentTable, Problem } from "../parts/Bits";

export function Incidents() {
  const [view, set] = useView();
  const state = view.state || "active", suppressed = view.quiet;
  const [trail, setTrail] = useState<string[]>([]); // cursors of the lists before
  const span = view.from ? { from: view.from, to: view.to } : {};
  const weighed = state === "active" && !view.from; // the heaviest first: those that are open are few
  const r = useIncidents({ state: state === "all" ? "" : state, quiet: suppressed, ...span, ...(weighed ? { sort: "weight", limit: 500 } : { limit: 50, before: view.before }) });
  return (
    <main className="page">
      <div className="line between"><h1>Incidents</h1>
        <div className="line">
          <Segments aria-label="Notified or all" value={suppressed} onChange={(v) => set({ quiet: v, before: "" })} data={[{ value: "", label: "All" }, { value: "false", label: "Notified" }]} />
          <Segments aria-label="State" value={state} onChange={(v) => set({ state: v === "active" ? "" : v, before: "" })} data={[{ value: "active", label: "Open" }, { value: "closed", label: "Closed" }, { value: "all", label: "Both" }]} />
        </div></div>
      {view.from > 0 && <div className="line" role="note">Within {clock(instantText(view.from))} – {clock(instantText(view.to))} <button type="button" className="quiet" onClick={() => set({ from: 0, to: 0, before: "" }, true)}>of all times</button></div>}
      <Problem read error={r.error} what="Incidents cannot be shown" />
      <section className="card">
        {r.isPending && <Empty>Reading the incidents…</Empty>}
        {r.data && (r.data.incidents.length ? <IncidentTable incidents={r.data.incidents} question={r.isPlaceholderData ? "" : JSON.stringify([state, suppressed, span, view.before])} /> : <Empty>{state === "active" ? "No open incidents." : "No incidents here."}</Empty>)}
        {(view.before || r.data?.next) && (
          <nav className="line" aria-label="More incidents" style={{ paddingTop: 10, justifyContent: "flex-end" }}>
            <Button size="compact-sm" variant="default" disabled={!view.before} onClick={() => { set({ before: trail[trail.length - 1] ?? "" }); setTrail(trail.slice(0, -1)); }}>Newer</Button>
            <Button size="compact-sm" variant="default" disabled={!r.data?.next} onClick={() => { setTrail([...trail, view.before]); set({ before: r.data!.next }, true); }}>Older</Button>
          </nav>
        )}
      </section>
    </main>
  );
}
