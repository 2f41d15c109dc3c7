import { useState, type KeyboardEvent } from "react";
import { barText, keyOf, lanes, nameOf, place, spanAround, spanName, spans, ticks, when, type Bar, type Lane } from "../calendar";
import { eventColor, useOccurrences } from "../mute";
import { timeOf } from "../format";
import type { Occurrence } from "../api";
import { instantText, useView } from "../view";
import { Dot, Empty, Problem, useNow } from "./Bits";
import { Matchers } from "./Chips";
import { effectWords } from "./Forms";
import { Name } from "./Name";
import { Segments } from "./Segments";

const color: Record<Occurrence["kind"], string> = { ...eventColor, silence: "violet", window: "indigo" };
const some = 30; // silences and windows that fit on a screen

/** Silences, every occurrence of every window, and events, on one time axis. */
export function Calendar() {
  const [view, set] = useView(), now = useNow(5000);
  const { from, to } = spanAround(view.at, now, view.span), a = from * 1000, b = to * 1000;
  const r = useOccurrences(from, to), all = lanes(r.data?.occurrences ?? [], a, b);
  const planned = all.filter((l) => l.kind === "silence" || l.kind === "window").length, shown = view.all ? all : all.filter((_, n) => n < some || n >= planned); // events are a few lanes, and last
  const picked = all.flatMap((l) => l.bars).find((x) => x.of.some((o) => keyOf(o) === view.pick));
  const shift = (part: number) => set({ at: Math.round((view.at || now / 1000) + part * (to - from)) }, true);
  const step = (label: string, sign: string, f: () => void) => <button type="button" className="step-time" aria-label={label} title={label} onClick={f}>{sign}</button>;
  return (
    <section className="card" aria-labelledby="calendar" data-testid="calendar">
      <div className="line between" style={{ marginBottom: 10 }}>
        <h2 id="calendar" style={{ margin: 0 }}>Calendar <span className="dim num" style={{ fontWeight: 400 }}>· {timeOf(instantText(from), now).slice(0, -3)} – {timeOf(instantText(to), now).slice(0, -3)}</span></h2>
        <div className="line" role="toolbar" aria-label="Calendar" style={{ gap: 6 }}>
          {step("Earlier", "◀", () => shift(-0.5))}
          <button type="button" className="quiet" aria-pressed={!view.at} onClick={() => set({ at: 0 }, true)}>now</button>
          {step("Later", "▶", () => shift(0.5))}
          <Segments aria-label="Span of the calendar" value={spanName(view.span)} onChange={(v) => set({ span: v }, true)} data={Object.entries(spans).map(([value, s]) => ({ value, label: s.label }))} />
        </div>
      </div>
      <Problem read error={r.error} what="The calendar cannot be shown" />
      {r.isPending && <Empty>Reading the calendar…</Empty>}
      {r.data && !all.length && <Empty>Nothing suppresses notifications in this time.</Empty>}
      {shown.length > 0 && <Lanes lanes={shown} from={a} to={b} now={now} picked={picked?.key ?? ""} pick={(k) => set({ pick: k === picked?.key ? "" : k })} />}
      {all.length > shown.length && <button type="button" className="quiet" onClick={() => set({ all: true })}>show {all.length - shown.length} more</button>}
      {!!r.data?.left_out && <div className="dim" style={{ fontSize: 13, marginTop: 6 }}>{r.data.left_out} more are not drawn. The lists below have all of them.</div>}
      {picked && <Picked bar={picked} close={() => set({ pick: "" })} />}
    </section>
  );
}

function Lanes({ lanes: all, from, to, now, picked, pick }: { lanes: Lane[]; from: number; to: number; now: number; picked: string; pick: (key: string) => void }) {
  const bars = all.flatMap((l) => l.bars), [at, setAt] = useState("");
  // one stop for Tab: what was last on, else what is picked, else what comes next
  const stop = [at, picked].find((k) => bars.some((x) => x.key === k)) ?? (bars.find((x) => x.to > now) ?? bars[0])?.key;
  return (
    <div className="cal">
      <div className="cal-lines" aria-hidden>
        {ticks(from, to).map((t) => <i key={t.at} style={{ left: `${place(t.at, from, to)}%` }}><span>{t.label}</span></i>)}
        {now > from && now < to && <i className="cal-now" style={{ left: `${place(now, from, to)}%` }}><span>now</span></i>}
      </div>
      <ul aria-label="Silences, windows and events" onKeyDown={move}>{all.map((l) => (
        <li key={l.key}>
          <span className="cal-name"><Dot color={color[l.kind]} /><span className="sr">{l.kind === "silence" || l.kind === "window" ? l.kind : ""} </span><span><Name name={l.title} most={26} /></span></span>
          <span className="cal-track">{l.bars.map((x) => (
            <button key={x.key} type="button" data-lane={l.key} tabIndex={x.key === stop ? 0 : -1} aria-label={barText(x, now)} aria-pressed={x.key === picked} title={barText(x, now)} className={x.to <= now ? "past" : undefined}
              style={{ left: `${place(x.from, from, to)}%`, width: `${place(x.to, from, to) - place(x.from, from, to)}%`, background: `var(--mantine-color-${color[l.kind]}-5)` }}
              onFocus={() => setAt(x.key)} onClick={() => pick(x.key)} />))}</span>
        </li>))}</ul>
    </div>
  );
}

/** Left and Right go to the one before and after, Up and Down to the nearest of the next lane. */
function move(e: KeyboardEvent<HTMLElement>) {
  const all = [...e.currentTarget.querySelectorAll<HTMLButtonElement>("button[data-lane]")], here = document.activeElement as HTMLButtonElement, n = all.indexOf(here);
  if (n < 0 || e.ctrlKey || e.metaKey || e.altKey) return;
  const keys = [...new Set(all.map((x) => x.dataset["lane"]))], lane = keys.indexOf(here.dataset["lane"]);
  const near = (k: number) => all.filter((x) => x.dataset["lane"] === keys[k]).sort((x, y) => Math.abs(x.offsetLeft - here.offsetLeft) - Math.abs(y.offsetLeft - here.offsetLeft))[0];
  const to: Record<string, HTMLButtonElement | undefined> = { ArrowRight: all[n + 1], ArrowLeft: all[n - 1], ArrowDown: near(lane + 1), ArrowUp: near(lane - 1), Home: all[0], End: all.at(-1) };
  if (!(e.key in to)) return;
  e.preventDefault();
  to[e.key]?.focus();
}

const many = 8;

/** What was chosen, in full. */
function Picked({ bar, close }: { bar: Bar; close: () => void }) {
  return (
    <div className="matched" role="status" aria-label="Chosen" style={{ marginTop: 12 }}>
      {bar.of.slice(0, many).map((o) => (
        <div key={keyOf(o)} style={{ marginBottom: 6 }}><b><Name name={nameOf(o) || o.kind} most={120} /></b> <span className="dim">· {o.kind}</span> <span className="num">{when(o)}</span>
          {(o.kind === "silence" || o.kind === "window") && <> · {effectWords[o.effect]}</>}{o.by && <> · by <Name name={o.by} /></>}{o.calendar && <> · calendar <Name name={o.calendar} /></>}
          {/^https?:\/\//.test(o.link) && <> · <a className="plain" href={o.link} rel="noreferrer noopener">link</a></>}
          <div style={{ marginTop: 4 }}><Matchers match={o.match} /></div></div>))}
      {bar.of.length > many && <div className="dim">and {bar.of.length - many} more</div>}
      <button type="button" className="quiet" onClick={close}>close</button>
    </div>
  );
}
