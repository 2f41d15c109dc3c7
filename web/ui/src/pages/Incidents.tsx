import { Button, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { useIncidents } from "../api";
import { Empty, IncidentTable, Problem } from "../parts/Bits";

export function Incidents() {
  const [state, setState] = useState("active");
  const [suppressed, setSuppressed] = useState("");
  const [trail, setTrail] = useState<string[]>([]); // cursors of the lists before; the first is the empty one
  const r = useIncidents({ state: state === "all" ? "" : state, quiet: suppressed, limit: 50, before: trail[trail.length - 1] });
  const reset = (f: () => void) => { f(); setTrail([]); };
  return (
    <main className="page">
      <div className="line between"><h1>Incidents</h1>
        <div className="line">
          <SegmentedControl size="xs" aria-label="Notified or all" value={suppressed} onChange={(v) => reset(() => setSuppressed(v))} data={[{ value: "", label: "All" }, { value: "false", label: "Notified" }]} />
          <SegmentedControl size="xs" aria-label="State" value={state} onChange={(v) => reset(() => setState(v))} data={[{ value: "active", label: "Open" }, { value: "closed", label: "Closed" }, { value: "all", label: "Both" }]} />
        </div></div>
      <Problem error={r.error} what="Incidents cannot be shown" />
      <section className="card">
        {r.data && (r.data.incidents.length ? <IncidentTable incidents={r.data.incidents} /> : <Empty>{state === "active" ? "No open incidents." : "No incidents here."}</Empty>)}
        {(trail.length > 0 || r.data?.next) && (
          <nav className="line" aria-label="More incidents" style={{ paddingTop: 10, justifyContent: "flex-end" }}>
            <Button size="compact-sm" variant="default" disabled={!trail.length} onClick={() => setTrail(trail.slice(0, -1))}>Newer</Button>
            <Button size="compact-sm" variant="default" disabled={!r.data?.next} onClick={() => setTrail([...trail, r.data!.next])}>Older</Button>
          </nav>
        )}
      </section>
    </main>
  );
}
