import { TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { enc, useHostModels, useModels } from "../api";
import { clock } from "../format";
import { Empty, Grade, Problem, When } from "../parts/Bits";
import { ModelCard } from "../parts/Card";

export function Models() {
  const r = useModels();
  const [q, setQ] = useState("");
  const [most, setMost] = useState(100);
  const found = (r.data?.models ?? []).filter((m) => m.host.id.toLowerCase().includes(q.toLowerCase()));
  return (
    <main className="page">
      <div className="line between"><h1>Models</h1><TextInput size="xs" placeholder="Find a host" aria-label="Find a host" value={q} onChange={(e) => setQ(e.currentTarget.value)} /></div>
      <Problem error={r.error} what="Models cannot be shown" />
      <section className="card">
        {found.length > 0 && (
          <div className="scroll"><table className="grid">
            <thead><tr><th>Host</th><th>Grade</th><th>Trained</th><th>Learned from</th><th className="right">Samples</th><th>Note</th></tr></thead>
            <tbody>{found.slice(0, most).map((m) => (
              <tr key={m.id}>
                <td><Link className="host" href={"/models/" + m.host.id.split("/").map(enc).join("/")} title={m.host.id}>{m.host.name}</Link></td><td><Grade grade={m.grade} /></td>
                <td style={{ whiteSpace: "nowrap" }}><When at={m.trained_at} /></td><td className="dim">{clock(m.from)} – {clock(m.to)}</td><td className="right num">{m.rows.toLocaleString()}</td><td><span className="cause">{m.note}</span></td>
              </tr>))}</tbody>
          </table></div>
        )}
        {r.data && !found.length && <Empty>{q ? "No model is like this." : "No models yet; the first is trained minutes after the start."}</Empty>}
        {found.length > most && <button className="nav" style={{ border: 0, background: "none", cursor: "pointer" }} onClick={() => setMost(most + 400)}>Show more of {found.length}</button>}
      </section>
    </main>
  );
}

export function HostModels({ id }: { id: string }) {
  const r = useHostModels(id);
  return (
    <main className="page">
      <h1>Models of {id.split("/").slice(2).join("/") || id}</h1>
      <Problem error={r.error} what="Models cannot be shown" />
      {r.data?.models.map((m) => <ModelCard key={m.id} model={m} />)}
      {r.data && !r.data.models.length && <section className="card"><Empty>No model is stored of this host.</Empty></section>}
    </main>
  );
}
