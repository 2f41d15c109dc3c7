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

/** Groups of a card that are worth showing at once; the rest is in the full card. */
const groups: [key: string, name: string][] = [["loss", "Losses"], ["limit", "Limit, and what it might have been"], ["normality", "Are the scores normally distributed?"]];

function Facts({ card }: { card: Record<string, Json> }) {
  return (
    <div className="bands" style={{ gap: 24 }}>
      {groups.map(([k, name]) => {
        const v = card[k];
        if (!isObject(v)) return null;
        return (
          <div key={k}><h2 style={{ fontSize: 13.5 }}>{name}</h2>
            {k === "loss" && <LossCurve epochs={v["epochs"]} />}
            <dl className="facts">{Object.entries(v).filter(([, x]) => !isObject(x) && !Array.isArray(x) && x !== "").map(([f, x]) => [<dt key={f}>{words(f)}</dt>, <dd key={f + "="} className="num">{plain(x)}</dd>])}</dl>
          </div>
        );
      })}
    </div>
  );
}

/** Training and validation loss by epoch. */
function LossCurve({ epochs }: { epochs: Json }) {
  const rows = (Array.isArray(epochs) ? epochs : []).filter(isObject).map((e) => [Number(e["train"]), Number(e["validation"])] as const);
  if (rows.length < 2) return null;
  const w = 260, h = 64, top = Math.max(...rows.flat().filter(Number.isFinite)) || 1;
  const path = (k: 0 | 1) => rows.map((r, i) => `${i ? "L" : "M"}${((i / (rows.length - 1)) * w).toFixed(1)} ${(h - 3 - (r[k] / top) * (h - 8)).toFixed(1)}`).join("");
  const last = rows[rows.length - 1]!;
  return (
    <figure style={{ margin: "0 0 10px" }}>
      <svg width={w} height={h} role="img" aria-label={`loss over ${rows.length} epochs: training ends at ${plain(last[0])}, validation at ${plain(last[1])}`}>
        <path d={path(0)} fill="none" stroke="var(--mantine-color-violet-5)" strokeWidth={1.6} /><path d={path(1)} fill="none" stroke="var(--mantine-color-teal-5)" strokeWidth={1.6} strokeDasharray="4 3" />
      </svg>
      <figcaption className="dim" style={{ fontSize: 12 }}>loss by epoch: training, <span style={{ color: "var(--mantine-color-teal-6)" }}>validation (dashed)</span></figcaption>
    </figure>
  );
}

/** Spans of a card's list. */
export function spansOf(list: Json): { from: string; to: string; why: string }[] {
  return Array.isArray(list) ? list.filter(isObject).map((s) => ({ from: String(s["from"] ?? ""), to: String(s["to"] ?? ""), why: String(s["why"] ?? "") })) : [];
}

function Spans({ list, none }: { list: Json; none: string }) {
  const all = spansOf(list);
  if (!all.length) return <>{none}</>;
  return <>{all.slice(0, 6).map((s) => <div key={s.from}>{clock(s.from)} – {clock(s.to)}{s.why && `: ${s.why}`}</div>)}{all.length > 6 && `and ${all.length - 6} more`}</>;
}

export function ModelCard({ model: m }: { model: Model }) {
  const [full, setFull] = useState(false);
  const card = m.card ?? {}, active = card["active"], inactive = (Array.isArray(card["inactive"]) ? card["inactive"] : []).filter(isObject);
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
        <dt>left out</dt><dd><Spans list={card["excluded"]} none="nothing" /></dd>
        {spansOf(card["suspects"]).length > 0 && <><dt>not trusted</dt><dd><Spans list={card["suspects"]} none="" /></dd></>}
        {Array.isArray(active) && <><dt>features</dt><dd>{active.length} in use{inactive.length > 0 && <span className="dim"> · not in use: {inactive.map((f) => `${words(String(f["feature"]))} (${String(f["why"])})`).join(", ")}</span>}</dd></>}
      </dl>
      {m.card && (full ? <pre className="card-json" tabIndex={0}>{JSON.stringify(m.card, null, 2)}</pre> : <Facts card={m.card} />)}
    </section>
  );
}
