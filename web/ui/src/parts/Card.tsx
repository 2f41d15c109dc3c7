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
const groups: [key: string, name: string][] = [["loss", "Losses"], ["limit", "Limit, and alternatives"], ["normality", "Are the scores normally distributed?"]];

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

/** What was injected into the host's own data after training, and how much of it was found. */
function SelfTest({ list }: { list: Json }) {
  const rows = (Array.isArray(list) ? list : []).filter(isObject);
  if (!rows.length) return null;
  const nums = (v: Json) => (Array.isArray(v) ? v.map(Number) : []);
  return (
    <div style={{ marginTop: 18 }}><h2 style={{ fontSize: 13.5 }}>Self-test <span className="dim" style={{ fontWeight: 400 }}>· faults injected into this host's own data: how many are found, and after how many samples</span></h2>
      <div className="scroll" tabIndex={0} role="group" aria-label="Self-test"><table className="grid" data-testid="selftest">
        <thead><tr><th>Kind</th><th>Found, by size in standard deviations</th><th className="right">Smallest of which half are found</th><th className="right">Delay</th></tr></thead>
        <tbody>{rows.map((t) => {
          const recall = nums(t["recall"]), of = nums(t["sizes"]), marked = nums(t["marked"]);
          const cell = (v: number) => <span style={{ color: v >= 0.8 ? "var(--omen-good)" : v < 0.5 ? "var(--omen-warn)" : undefined }}>{Math.round(v * 100)} %</span>;
          return <tr key={String(t["kind"])}><td>{words(String(t["kind"]))}</td><td className="num">{recall.map((v, n) => <span key={n} style={{ marginRight: 16, whiteSpace: "nowrap" }}>{of[n] !== undefined && <span className="dim">{of[n]}: </span>}{cell(v)}{marked[n] !== undefined && <span className="dim" title="get a mark on the timeline, of which nobody is notified"> ({Math.round(marked[n] * 100)} % marked)</span>}</span>)}</td>
            <td className="right num">{Number(t["smallest"]) > 0 ? plain(t["smallest"]) : "–"}</td><td className="right num">{recall.some((v) => v > 0) ? `${plain(t["delay"])} samples` : "–"}</td></tr>;
        })}</tbody></table></div>
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
      <figcaption className="dim" style={{ fontSize: 12 }}>loss by epoch: training, <span style={{ color: "var(--omen-good)" }}>validation (dashed)</span></figcaption>
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
    <section className="card" aria-label={`Model card ${m.id}`}>
      <div className="line between" style={{ marginBottom: 12 }}>
        <div className="line"><h2 style={{ margin: 0 }}>Model</h2><Grade grade={m.grade} />{m.serving && <span className="dim" style={{ fontSize: 13 }}>serving</span>}</div>
        {m.card && <Button size="compact-xs" variant="default" onClick={() => setFull(!full)} aria-expanded={full}>{full ? "Less" : "Full card"}</Button>}
      </div>
      <dl className="facts" style={{ marginBottom: 16 }}>
        <dt>trained</dt><dd>{clock(m.trained_at)}</dd>
        <dt>trained on</dt><dd>{clock(m.from)} – {clock(m.to)}, {m.rows.toLocaleString()} samples</dd>
        {m.note && <><dt>note</dt><dd>{m.note}</dd></>}
        <dt>exclusions</dt><dd><Spans list={card["excluded"]} none="none" /></dd>
        {spansOf(card["suspects"]).length > 0 && <><dt>suspect</dt><dd><Spans list={card["suspects"]} none="" /></dd></>}
        {Array.isArray(active) && <><dt>features</dt><dd>{active.length} in use{inactive.length > 0 && <span className="dim"> · not in use: {inactive.map((f) => `${words(String(f["feature"]))} (${String(f["why"])})`).join(", ")}</span>}</dd></>}
      </dl>
      {m.card && (full ? <pre className="card-json" tabIndex={0}>{JSON.stringify(m.card, null, 2)}</pre> : <><Facts card={m.card} /><SelfTest list={card["self_test"]} /></>)}
    </section>
  );
}
