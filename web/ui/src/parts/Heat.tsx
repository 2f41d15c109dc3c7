import { NativeSelect, useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from "react";
import { Link, useLocation } from "wouter";
import { hostPath, useHeat } from "../api";
import { clock, middle, score, timeOf, visible } from "../format";
import { begins, cellAt, chosen, codeText, hostOf, labelMatcher, limit, momentPath, palette, ranked, rowHeight, rowName, spanOfMap, step, unpack, within, type Heat as Map } from "../heat";
import { useSaidEvents, type Event } from "../mute";
import { duration, type SetView, type View } from "../view";
import { Empty, Problem } from "./Bits";
import { Segments } from "./Segments";
import { Steps, useKeys } from "./Time";

const spans = [["1h", "1 h"], ["12h", "12 h"], ["24h", "24 h"], ["7d", "7 d"]].map(([value, label]) => ({ value: value!, label: label! }));
const iso = (ms: number) => new Date(ms).toISOString();

/** The highest score of every host by time: a row is a host, or a group of them. */
export function Heat({ view, set }: { view: View; set: SetView }) {
  const past = spans.some((s) => s.value === view.past) ? view.past : "12h", fixed = view.from > 0, live = !fixed && !view.paused;
  const r = useHeat({ ...(fixed ? { from: view.from, to: view.to } : view.paused ? { last: past, to: view.paused } : { last: past }), group: view.group, match: view.match });
  const m = useMemo(() => (r.data ? unpack(r.data) : null), [r.data]);
  const groups = [...new Set([...(m?.groups ?? []), ...(view.group ? [view.group] : [])])];
  return (
    <section className="card" aria-labelledby="fleet" data-testid="heat">
      <div className="line between" style={{ marginBottom: 8 }}>
        <h2 id="fleet" style={{ margin: 0 }}>Fleet <span className="dim" style={{ fontWeight: 400 }}>· highest score{m && m.hosts > 1 && ` of ${m.hosts.toLocaleString("en")} hosts`}</span></h2>
        <div className="line">
          {view.match && <span className="chip">{middle(visible(view.match), 120)} <button type="button" className="drop" aria-label={`Remove ${middle(visible(view.match), 120)}`} onClick={() => set({ match: "", page: 0 }, true)}>×</button></span>}
          {groups.length > 0 && <NativeSelect size="xs" w={170} aria-label="Group of hosts" value={view.group} onChange={(e) => set({ group: e.currentTarget.value })}
            data={[{ value: "", label: "Every host" }, ...groups.map((g) => ({ value: g, label: `By ${middle(visible(g), 30)}` }))]} />}
          <Segments aria-label="Span of the heat map" data={spans} value={fixed ? "" : past} onChange={(v) => set({ past: v === "12h" ? "" : v, from: 0, to: 0 }, fixed)} />
          {m && <Span m={m} fixed={fixed} set={set} />}
        </div>
      </div>
      <Problem read error={r.error} what="The heat map cannot be shown" />
      {m && m.rows.length > 0 && <Said m={m} span={fixed ? { from: view.from, to: view.to } : view.paused ? { from: view.paused - duration(past), to: view.paused } : { last: duration(past) }} />}
      {r.isPending && <Empty>Reading…</Empty>}
      {m && (m.rows.length ? <Rows m={m} by={view.group} live={live} set={set} /> : <Empty>No hosts yet.</Empty>)}
      {m && m.rows.length > 0 && <><Scale waits={Date.parse(m.read_from) > Date.parse(m.from)} /><Table key={String(fixed)} m={m} by={view.group} once={fixed} /></>}
    </section>
  );
}

/** What people said that happened, above the time when it did. */
function Said({ m, span }: { m: Map; span: { last: number } | { from: number; to: number } }) {
  const events = useSaidEvents(span).data?.events ?? [], { from, to } = spanOfMap(m), part = (e: Event) => (Date.parse(e.at) / 1000 - from) / (to - from);
  const shown = events.filter((e) => part(e) >= 0 && part(e) <= 1).slice(-200);
  if (!shown.length) return null;
  return (
    <ul className={rowHeight(m.rows.length) >= 14 ? "said-marks named" : "said-marks"} aria-label="Deploys and notes">{shown.map((e) => {
      const text = `${e.kind}${e.title ? `: ${visible(e.title)}` : ""}${e.by ? ` · ${visible(e.by)}` : ""}, ${timeOf(e.at)}`;
      return <li key={e.id} style={{ left: `${100 * part(e)}%` }} title={text}><span aria-hidden>{e.kind === "deploy" ? "▼" : "○"}</span><span className="sr">{text}</span></li>;
    })}</ul>
  );
}

/** Leads to earlier and later, and in and out, as the keys do; a span that was chosen is said, with the way back to now. */
function Span({ m, fixed, set }: { m: Map; fixed: boolean; set: SetView }) {
  const axis = { ...spanOfMap(m), at: 0, zoom: (from: number, to: number) => set(chosen(from, to, Date.now() / 1000), true) }, home = () => set({ from: 0, to: 0 }, true);
  useKeys(axis, home);
  return (
    <>
      <Steps axis={axis} />
      {fixed && <span className="num" style={{ fontSize: 13 }} data-testid="chosen">{timeOf(iso(axis.from * 1000)).replace(/:\d\d$/, "")} – {timeOf(iso(axis.to * 1000)).replace(/:\d\d$/, "")} <button type="button" className="quiet" onClick={home}>back to now</button></span>}
    </>
  );
}

/** Draws the cells; what has not been read is hatched. */
function paint(el: HTMLCanvasElement, m: Map, width: number, height: number, dark: boolean) {
  const px = devicePixelRatio, colours = palette(dark), ctx = el.getContext("2d");
  if (!ctx || width < 1) return;
  el.width = Math.round(width * px);
  el.height = Math.round(height * px);
  const small = new OffscreenCanvas(m.cells, m.rows.length), to = small.getContext("2d")!, image = to.createImageData(m.cells, m.rows.length);
  m.at.forEach((code, i) => image.data.set(colours[code]!, 4 * i));
  to.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, 0, 0, el.width, el.height);
  const read = ((Date.parse(m.read_from) - Date.parse(m.from)) / 1000 / m.step_seconds / m.cells) * el.width;
  ctx.strokeStyle = dark ? "#5a6070" : "#b4b9c6";
  ctx.beginPath();
  ctx.rect(0, 0, read, el.height);
  ctx.clip();
  ctx.beginPath();
  for (let x = -el.height; x < read; x += 10 * px) { ctx.moveTo(x, el.height); ctx.lineTo(x + el.height, 0); }
  if (read > 0) ctx.stroke();
}

function Rows({ m, by, live, set }: { m: Map; by: string; live: boolean; set: SetView }) {
  const dark = useComputedColorScheme("light") === "dark", box = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0), [cell, setCell] = useState(-1), [spoken, speak] = useState(false);
  const [, go] = useLocation();
  const px = rowHeight(m.rows.length), height = px * m.rows.length, seen = cell >= 0 && cell < m.at.length ? cell : -1;
  useEffect(() => {
    const el = box.current!, watch = new ResizeObserver(() => setWidth(el.clientWidth));
    watch.observe(el);
    return () => watch.disconnect();
  }, []);
  useEffect(() => { if (canvas.current) paint(canvas.current, m, width, height, dark); }, [m, width, height, dark]);
  const [drag, setDrag] = useState<[from: number, to: number] | null>(null); // parts of the width
  const place = (e: MouseEvent) => { const b = canvas.current!.getBoundingClientRect(); return Math.min(1, Math.max(0, (e.clientX - b.left) / b.width)); };
  const drop = (e: MouseEvent) => {
    const from = drag?.[0] ?? 0, to = place(e), far = !!drag && Math.abs(to - from) * width >= 6;
    setDrag(null);
    if (far) { const s = within(m, from, to); set(chosen(s.from, s.to, Date.now() / 1000), true); } else if (drag) open(under(e));
  };
  const open = (c: number) => { if (c >= 0) go(momentPath(hostOf(m, c), begins(m, c), m.step_seconds)); };
  const under = (e: MouseEvent) => { const b = canvas.current!.getBoundingClientRect(); return cellAt(e.clientX - b.left, e.clientY - b.top, b.width, b.height, m); };
  const press = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Enter") { open(seen); return; }
    const next = step(e.key, seen, e.shiftKey, m);
    if (next < 0) return;
    e.preventDefault();
    setCell(next);
    speak(true);
  };
  const text = seen < 0 ? [] : says(m, seen, by);
  const odd = m.rows.filter((row) => (row.peak ?? 0) > 1).length;
  return (
    <>
      <div className="heat" style={{ gridTemplateColumns: px >= 14 ? "minmax(60px, 150px) minmax(0, 1fr)" : "minmax(0, 1fr)" }}>
        {px >= 14 && <div>{m.rows.map((row, n) => (
          <div key={n} className="heat-name" style={{ height: px, lineHeight: `${px}px` }} title={middle(rowName(row, by), 200)}>
            {by && row.name && !row.last ? <button type="button" className="quiet" title="Show only these hosts" onClick={() => set({ match: labelMatcher(by, row.name), group: "", page: 0 }, true)}>{middle(visible(row.name), 30)}</button>
              : !by && row.hosts === 1 ? <Link className="plain" href={hostPath(row.host.id)}><bdi>{middle(visible(row.name), 30)}</bdi></Link> : middle(rowName(row, by), 30)}
          </div>))}</div>}
        <div ref={box} style={{ position: "relative", height }}>
          <canvas ref={canvas} tabIndex={0} role="img" style={{ width: "100%", height, display: "block", cursor: "pointer" }}
            aria-label={`Highest scores of ${m.hosts} hosts by time, ${m.rows.length} rows, ${odd} of them with a score above the limit. The arrow keys go from cell to cell, Enter opens the host at that time; [ and ] go to earlier and later, + and - zoom; the table below says the same.`}
            onMouseDown={(e) => { if (e.button === 0) { const x = place(e); setDrag([x, x]); } }} onMouseUp={drop}
            onMouseMove={(e) => { setCell(under(e)); speak(false); if (drag) setDrag([drag[0], place(e)]); }} onMouseLeave={() => { setCell(-1); setDrag(null); }} onBlur={() => setCell(-1)} onKeyDown={press} />
          {drag && Math.abs(drag[1] - drag[0]) * width >= 6 && <div className="heat-drag" style={{ left: `${100 * Math.min(...drag)}%`, width: `${100 * Math.abs(drag[1] - drag[0])}%` }} />}
          {seen >= 0 && <Pointed m={m} cell={seen} px={px} text={text} />}
        </div>
      </div>
      <div className="heat-times dim num" aria-hidden>{[0, 1, 2, 3, 4].map((n) => <span key={n}>{n === 4 && live ? "now" : timeOf(iso(begins(m, 0) + (n / 4) * m.cells * m.step_seconds * 1000)).replace(/:\d\d$/, "")}</span>)}</div>
      <div className="sr" role="status">{spoken ? text.join(", ") : ""}</div>
    </>
  );
}

/** What is said of a cell. */
function says(m: Map, cell: number, by: string): string[] {
  const row = m.rows[Math.floor(cell / m.cells)]!, code = m.at[cell]!, at = begins(m, cell), several = row.hosts > 1;
  const score = code > limit && several ? `${visible(hostOf(m, cell).name)}: ${codeText(code)}` : several && code !== 0 && code <= limit ? `all at most ${codeText(code)}` : codeText(code);
  return [middle(rowName(row, by), 80), `${timeOf(iso(at))} – ${timeOf(iso(at + m.step_seconds * 1000))}`, score, ...(several && code <= limit ? [`opens ${middle(visible(row.host.name), 60)}, the highest of them in this time`] : [])];
}

function Pointed({ m, cell, px, text }: { m: Map; cell: number; px: number; text: string[] }) {
  const row = Math.floor(cell / m.cells), part = (cell % m.cells) / m.cells, left = part < 0.5;
  return (
    <>
      <div className="heat-cell" style={{ left: `${part * 100}%`, width: `${100 / m.cells}%`, top: row * px, height: px }} />
      <div className="heat-tip num" style={{ top: row * px + px + 6, ...(left ? { left: `${part * 100}%` } : { right: `${(1 - part) * 100}%` }) }}>{text.map((t, n) => <div key={n}>{t}</div>)}</div>
    </>
  );
}

/** What the colours stand for. */
function Scale({ waits }: { waits: boolean }) {
  const dark = useComputedColorScheme("light") === "dark", p = palette(dark), rgb = (c: number) => `rgb(${p[c]!.slice(0, 3).join(" ")})`;
  return (
    <div className="line dim" style={{ fontSize: 12.5, marginTop: 6 }}>
      <span className="line" style={{ gap: 6 }}>0<i className="heat-bar" aria-hidden style={{ background: `linear-gradient(90deg, ${rgb(1)}, ${rgb(limit)})` }} />1, the limit<i className="heat-bar" aria-hidden style={{ background: `linear-gradient(90deg, ${rgb(limit + 1)}, ${rgb(169)})` }} />10<i className="heat-bar" aria-hidden style={{ background: `linear-gradient(90deg, ${rgb(169)}, ${rgb(253)})` }} />100</span>
      <span>empty: no score (silent, learning, or Omen did not run)</span>{waits && <span>hatched: not read yet</span>}
    </div>
  );
}

/** The same in a table, the highest first. once: it is open at first, as it ranks a time that was chosen. */
function Table({ m, by, once }: { m: Map; by: string; once: boolean }) {
  const [open, show] = useState(once);
  return (
    <details style={{ fontSize: 13, marginTop: 6 }} open={open} onToggle={(e) => show(e.currentTarget.open)}>
      <summary className="dim" style={{ cursor: "pointer", width: "fit-content" }}>{once ? "The highest in this time" : "As a table"}</summary>
      {open && <div className="scroll" style={{ maxHeight: 400, overflowY: "auto" }} tabIndex={0} role="region" aria-label="Highest scores"><table className="grid"><thead><tr><th>{by ? visible(by) : "Host"}</th><th className="right">Highest score</th><th>Host</th><th>When</th></tr></thead>
        <tbody>{ranked(m.rows).map((row, n) => <tr key={n}><td>{middle(rowName(row, by), 60)}</td>
          <td className="right num" style={{ color: (row.peak ?? 0) > 1 ? "var(--omen-hot)" : undefined }}>{row.peak === null ? "no score" : row.peak >= 100 ? "100 or more" : score(row.peak)}</td>
          <td>{row.peak !== null && <Link href={momentPath(row.host, Date.parse(row.peak_at!), m.step_seconds)}><bdi>{middle(visible(row.host.name))}</bdi></Link>}</td>
          <td>{row.peak_at ? clock(row.peak_at) : "–"}</td></tr>)}</tbody></table></div>}
    </details>
  );
}
