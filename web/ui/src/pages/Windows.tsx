import { Alert, Button, Modal } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { clock, visible, whole } from "../format";
import { Dot, Empty, Problem, useNow, When } from "../parts/Bits";
import { useBy } from "../parts/By";
import { Matchers } from "../parts/Chips";
import { effectWords } from "../parts/Forms";
import { Name } from "../parts/Name";
import { May } from "../parts/May";
import { useLocked } from "../me";
import { CalendarForm, WindowForm } from "../parts/WindowForm";
import { occurrence, useSend, useWindows, type Window } from "../mute";
import { enc, query, type Omitted } from "../api";

/** A recurrence rule in words, as far as it is a usual one. */
export function ruleWords(rule: string | undefined): string {
  if (!rule) return "once";
  const part = Object.fromEntries(rule.replace(/^RRULE:/i, "").split(";").map((p) => p.split("=") as [string, string]));
  const { FREQ: freq = "", BYDAY: days, INTERVAL: n = "1", ...rest } = part;
  const unit: Record<string, string> = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };
  if (!unit[freq] || Object.keys(rest).some((k) => k !== "WKST")) return rule;
  const name: Record<string, string> = { MO: "Mon", TU: "Tue", WE: "Wed", TH: "Thu", FR: "Fri", SA: "Sat", SU: "Sun" };
  const on = days ? days.split(",").map((d) => name[d]) : [];
  if (on.some((d) => !d)) return rule;
  return (n === "1" ? `every ${unit[freq]}` : `every ${n} ${unit[freq]}s`) + (on.length ? ` on ${on.join(", ")}` : "");
}

/** The maintenance windows, on the page of what suppresses notifications. */
export function Windows() {
  const r = useWindows();
  const [form, setForm] = useState<"" | "window" | "calendar" | Window>("");
  const all = r.data?.windows ?? [], files = r.data?.calendars ?? [];
  const hand = all.filter((w) => !w.calendar), calendars = [...new Set(all.map((w) => w.calendar ?? ""))].filter(Boolean).sort();
  return (
    <>
      <div className="line" style={{ justifyContent: "flex-end" }}><May role="operate" what="New windows and calendars"><Button size="xs" variant="default" onClick={() => setForm("calendar")}>Import a calendar</Button><Button size="xs" color="violet" onClick={() => setForm("window")}>New window</Button></May></div>
      <Problem read error={r.error} what="Windows cannot be shown" />
      {files.filter((k) => k.err).map((k) => (
        <Alert key={k.name} color="red" variant="light" role="alert" title={`Calendar ${visible(k.name)} cannot be read`}>{visible(k.err)}
          <div className="dim">Since <When at={k.failed_since} />; its windows are as read <When at={k.read_at} />. Omen reads the file {visible(k.file)} again each minute.</div></Alert>))}
      <div className="card">{hand.length > 0 ? <Table windows={hand} edit={setForm} /> : r.data && <Empty>No windows yet. A window can recur; for a single time, a <Link className="plain" href="/silences">silence</Link> is simpler.</Empty>}</div>
      {calendars.map((name) => {
        const of = all.filter((w) => w.calendar === name), left = files.find((k) => k.name === name)?.left ?? [];
        return <section className="card" key={name} aria-label={`Calendar ${name}`}><h3>{name === "configuration file" ? "From the configuration file" : <>Calendar <Name name={name} /></>} <span className="dim" style={{ fontWeight: 400 }}>· {of.length} {of.length === 1 ? "window" : "windows"}</span></h3><Table windows={of} /><LeftOut of={left} /></section>;
      })}
      {files.filter((k) => k.left.length > 0 && !calendars.includes(k.name)).map((k) => (
        <section className="card" key={k.name} aria-label={`Calendar ${k.name}`}><h3>Calendar <Name name={k.name} /> <span className="dim" style={{ fontWeight: 400 }}>· no windows</span></h3><LeftOut of={k.left} /></section>))}
      <Modal opened={form === "window"} onClose={() => setForm("")} title="New maintenance window" size="lg">{form === "window" && <WindowForm close={() => setForm("")} />}</Modal>
      <Modal opened={typeof form === "object"} onClose={() => setForm("")} title="Edit maintenance window" size="lg">{typeof form === "object" && <WindowForm edit={form} close={() => setForm("")} />}</Modal>
      <Modal opened={form === "calendar"} onClose={() => setForm("")} title="Import a calendar" size="lg">{form === "calendar" && <CalendarForm close={() => setForm("")} />}</Modal>
    </>
  );
}

/** What of a calendar's file suppresses nothing, and why. */
function LeftOut({ of }: { of: Omitted[] }) {
  if (!of.length) return null;
  return <details data-testid="left"><summary>{of.length} {of.length === 1 ? "entry" : "entries"} of the file left out</summary>
    <ul>{of.map((o, i) => <li key={i}><b><Name name={o.summary || o.uid || "without a name"} /></b>: {visible(o.why)}</li>)}</ul></details>;
}

function Table({ windows, edit }: { windows: Window[]; edit?: (w: Window) => void }) {
  const now = useNow(5000);
  const [by] = useBy(), locked = useLocked("operate");
  const [sure, setSure] = useState("");
  const send = useSend(["windows"]);
  const remove = (w: Window) => (sure === w.id ? send.mutate({ path: `/windows/${enc(w.id)}` + query({ by }), method: "DELETE" }) : setSure(w.id));
  const begin = (w: Window) => w.next?.[0]?.from ?? "9";
  return (
    <>
      <Problem error={send.error} what="The window was not removed" />
      <div className="scroll"><table className="grid" data-testid="windows">
        <thead><tr><th>Name</th><th>Which incidents</th><th>When</th><th>Next</th><th>Effect</th><th>By</th>{edit && <th><span className="dim" /></th>}</tr></thead>
        <tbody>{[...windows].sort((a, b) => begin(a).localeCompare(begin(b))).map((w) => (
          <tr key={w.id} className={w.next?.length ? "" : "past"}>
            <td style={{ fontWeight: 600 }}><Name name={w.name} most={120} /></td><td><Matchers match={w.match} /></td>
            <td style={{ minWidth: 170 }}>{ruleWords(w.rule)}, {w.start.slice(11, 16)} for {whole(w.duration_seconds)}<div className="dim" style={{ fontSize: 12.5 }}>{w.zone || "UTC"} · first {w.start.slice(0, 10)}{!!w.except?.length && ` · exceptions: ${w.except.length}`}</div></td>
            <td style={{ whiteSpace: "nowrap" }}><Next w={w} now={now} /></td>
            <td style={{ minWidth: 110 }}>{effectWords[w.effect ?? ""]}</td><td><Name name={w.by ?? ""} /></td>
            {edit && <td className="right">{!locked && <span className="line" style={{ gap: 6, flexWrap: "nowrap", justifyContent: "flex-end" }}>
              <Button size="compact-xs" variant="default" aria-label={`Edit the window ${visible(w.name)}`} onClick={() => edit(w)}>Edit</Button><Button size="compact-xs" variant={sure === w.id ? "filled" : "default"} color="red" onBlur={() => setSure("")} aria-label={`${sure === w.id ? "Really delete" : "Delete"} the window ${visible(w.name)}`} onClick={() => remove(w)}>{sure === w.id ? "Really?" : "Delete"}</Button></span>}</td>}
          </tr>))}</tbody>
      </table></div>
    </>
  );
}

/** The next occurrences, by the clock of the window's own zone; on hover by the reader's. */
function Next({ w, now }: { w: Window; now: number }) {
  const all = w.next ?? [], first = all[0];
  if (!first) return <>no more occurrences</>;
  return <>{Date.parse(first.from) <= now ? <span className="line" style={{ gap: 7, flexWrap: "nowrap" }}><Dot color="violet" />now, ends <When at={first.to} /></span> : <When at={first.from} />}
    <div className="dim num" style={{ fontSize: 12.5 }}>{all.map((s) => <div key={s.from} title={`here: ${clock(s.from)} – ${clock(s.to)}`}>{occurrence(s, w.zone)}</div>)}</div></>;
}
