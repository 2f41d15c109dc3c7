import { useState } from "react";
import { Button } from "@mantine/core";
import type { Model } from "../api";
import { clock, words } from "../format";
import { Grade } from "./Bits";

type Json = unknown;
const isObject = (v: Json): v is Record<string, Json> => typeof v === "object" && v !== null && !Array.isArray(v);

function plain(v: Json): string {
  if (v === null || v === undefined) return "unknown";
  if (typeof v === "number") return Number.isInteger(v) ? v.toLocaleString() : String(+v.toPrecision(4));
  if (typeof v === "boolean") return v ? "yes" : "no";
  if (typeof v === "string" && /^\d{4}-\d\d-\d\dT/.test(v)) return v.startsWith("0001") ? "–" : clock(v);
  return String(v);
}

/** A card's facts: plain values, and small objects a level deep; the rest is in the full card. */
function Facts({ card }: { card: Record<string, Json> }) {
  const flat = Object.entries(card).filter(([, v]) => !isObject(v) && !Array.isArray(v) && v !== "");
  const groups = Object.entries(card).filter(([, v]) => isObject(v) && Object.values(v).some((x) => !isObject(x) && !Array.isArray(x)));
  const rows = (entries: [string, Json][]) => (
    <dl className="facts">{entries.map(([k, v]) => [<dt key={k}>{words(k)}</dt>, <dd key={k + "="} className="num">{plain(v)}</dd>])}</dl>
  );
  return (
    <div className="bands" style={{ gap: 24 }}>
      {flat.length > 0 && <div>{rows(flat)}</div>}
      {groups.map(([k, v]) => (
        <div key={k}><h2 style={{ fontSize: 13.5 }}>{words(k)}</h2>{rows(Object.entries(v as Record<string, Json>).filter(([, x]) => !isObject(x) && !Array.isArray(x)).slice(0, 24))}</div>
      ))}
    </div>
  );
}

/** Spans that a model did not learn from, in whatever case its card names them. */
export function excluded(card: Record<string, Json> | null): { from: string; to: string; why: string }[] {
  const list = card?.["excluded"] ?? card?.["excluded_spans"];
  return Array.isArray(list) ? list.filter(isObject).map((s) => ({ from: String(s["from"] ?? ""), to: String(s["to"] ?? ""), why: String(s["why"] ?? "") })) : [];
}

export function ModelCard({ model: m }: { model: Model }) {
  const [full, setFull] = useState(false);
  const spans = excluded(m.card);
  return (
    <section className="card" aria-label="Model card">
      <div className="line between" style={{ marginBottom: 12 }}>
        <div className="line"><h2 style={{ margin: 0 }}>Model</h2><Grade grade={m.grade} />{m.serving && <span className="dim" style={{ fontSize: 13 }}>serving</span>}</div>
        {m.card && <Button size="compact-xs" variant="default" onClick={() => setFull(!full)} aria-expanded={full}>{full ? "Less" : "Full card"}</Button>}
      </div>
      <dl className="facts" style={{ marginBottom: 16 }}>
        <dt>trained</dt><dd>{clock(m.trained_at)}</dd>
        <dt>learned from</dt><dd>{clock(m.from)} – {clock(m.to)}, {m.rows.toLocaleString()} samples</dd>
        {m.note && <><dt>note</dt><dd>{m.note}</dd></>}
        <dt>left out</dt><dd>{spans.length ? spans.map((s) => <div key={s.from}>{clock(s.from)} – {clock(s.to)}{s.why && `: ${s.why}`}</div>) : "nothing"}</dd>
      </dl>
      {m.card && (full ? <pre className="card-json" tabIndex={0}>{JSON.stringify(m.card, null, 2)}</pre> : <Facts card={m.card} />)}
    </section>
  );
}
