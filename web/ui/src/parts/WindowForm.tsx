import { Alert, Autocomplete, Button, Chip, FileInput, Select } from "@mantine/core";
import { useState } from "react";
import { enc } from "../api";
import { whole } from "../format";
import { durationText, localInput, matcherText, parseDuration, splitRule, useSend, type Effect, type Window } from "../mute";
import { ByField, useBy } from "./By";
import { EffectField, Field, MatchField, noMatch, refusal } from "./Forms";

const zones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((z) => z !== "UTC")];
const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const days: [string, string][] = [["MO", "Mon"], ["TU", "Tue"], ["WE", "Wed"], ["TH", "Thu"], ["FR", "Fri"], ["SA", "Sat"], ["SU", "Sun"]];

const Foot = ({ close, busy, text, error }: { close: () => void; busy: boolean; text: string; error?: string }) => (
  <>
    {error && <Alert color="red" variant="light" role="alert" mt={12} style={{ whiteSpace: "pre-wrap" }}>{error}</Alert>}
    <div className="line" style={{ justifyContent: "flex-end", marginTop: 18 }}><Button variant="default" size="xs" onClick={close}>Cancel</Button><Button type="submit" size="xs" color="violet" loading={busy}>{text}</Button></div>
  </>
);

/** Makes a window, or changes the one of edit. */
export function WindowForm({ close, edit }: { close: () => void; edit?: Window }) {
  const repeats = splitRule(edit?.rule);
  const [by, setBy] = useBy();
  const [f, set] = useState(edit ? {
    name: edit.name, match: edit.match.map(matcherText).join(", "), start: edit.start.replace(/:00$/, ""), length: durationText(edit.duration_seconds), zone: edit.zone || "UTC",
    freq: repeats.freq, custom: repeats.custom, effect: edit.effect || "silence" as Effect,
  } : { name: "", match: "", start: localInput(Date.now()).slice(0, 11) + "02:00", length: "1 h", zone: here, freq: "WEEKLY", custom: "FREQ=MONTHLY;BYDAY=1SU", effect: "silence" as Effect });
  const [on, setOn] = useState<string[]>(repeats.on);
  const [tried, setTried] = useState(false);
  const send = useSend<Window>(["windows"]);
  const put = (k: keyof typeof f) => (v: string) => set({ ...f, [k]: v });
  const length = parseDuration(f.length);
  const rule = f.freq === "custom" ? f.custom.trim() : f.freq && `FREQ=${f.freq}` + (f.freq === "WEEKLY" && on.length ? `;BYDAY=${days.map(([d]) => d).filter((d) => on.includes(d)).join(",")}` : "");
  const own: Record<string, string> = {
    name: f.name.trim() ? "" : "give it a name", match: noMatch(f.match), by: by.trim() ? "" : "say who you are, so that others can ask",
    start: f.start ? "" : "choose a day and a time", length: length ? "" : "write a duration such as 90 min, 2 h or 1 d",
  };
  const theirs = refusal(send.error, { match: /matcher/, zone: /zone/, rule: /rule|FREQ|BY[A-Z]+|UNTIL|COUNT|INTERVAL/, length: /lasts/, start: /start|beginning/, by: /no author/ });
  const error = (k: string) => (tried && own[k]) || theirs[k];
  const submit = () => {
    setTried(true);
    if (Object.values(own).some(Boolean)) return;
    send.mutate({ path: "/windows", body: { ...(edit && { id: edit.id, except: edit.except }), name: f.name, match: f.match, zone: f.zone, start: f.start.length === 16 ? f.start + ":00" : f.start, duration_seconds: length, rule, effect: f.effect, by } }, { onSuccess: close });
  };
  return (
    <form noValidate aria-label={edit ? "Edit maintenance window" : "New maintenance window"} onSubmit={(e) => { e.preventDefault(); submit(); }}>
      <div className="fields">
        <Field label="Name" value={f.name} onChange={put("name")} error={error("name")} autoFocus placeholder="nightly backup" />
        <ByField value={by} onChange={setBy} error={error("by")} />
        <div className="all"><MatchField value={f.match} onChange={put("match")} error={error("match")} /></div>
        <Field label="First start, local time" type="datetime-local" value={f.start} onChange={put("start")} error={error("start")} />
        <Field label="Duration" value={f.length} onChange={put("length")} error={error("length")} description={length ? `lasts ${whole(length)}` : " "} />
        <Autocomplete size="sm" label="Time zone" value={f.zone} onChange={put("zone")} data={zones} limit={30} error={error("zone")} description="Daylight saving time is followed." />
        <Select size="sm" label="Repeats" allowDeselect={false} value={f.freq} onChange={(v) => put("freq")(v ?? "")} error={f.freq === "custom" ? undefined : error("rule")}
          data={[{ value: "", label: "Once" }, { value: "DAILY", label: "Every day" }, { value: "WEEKLY", label: "Every week" }, { value: "MONTHLY", label: "Every month" }, { value: "custom", label: "Custom rule…" }]} />
        {f.freq === "WEEKLY" && <div className="all"><div style={{ fontSize: 14, marginBottom: 5 }} id="days">On <span className="dim">(none: the weekday of the start)</span></div>
          <Chip.Group multiple value={on} onChange={setOn}><div className="line" style={{ gap: 6 }} role="group" aria-labelledby="days">{days.map(([d, label]) => <Chip key={d} value={d} size="xs" color="violet">{label}</Chip>)}</div></Chip.Group></div>}
        {f.freq === "custom" && <div className="all"><Field label="Rule (RFC 5545)" value={f.custom} onChange={put("custom")} error={error("rule")} /></div>}
        <div className="all"><EffectField value={f.effect} onChange={put("effect")} /></div>
      </div>
      <Foot close={close} busy={send.isPending} text={edit ? "Save" : "Create window"} error={theirs["form"]} />
    </form>
  );
}

export function CalendarForm({ close }: { close: () => void }) {
  const [by, setBy] = useBy();
  const [name, setName] = useState("");
  const [match, setMatch] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [effect, setEffect] = useState<Effect>("silence");
  const [tried, setTried] = useState(false);
  const send = useSend<unknown>(["windows"]);
  const own: Record<string, string> = { name: name.trim() ? "" : "give it a name", match: noMatch(match), file: file ? "" : "choose a file", by: by.trim() ? "" : "say who you are, so that others can ask" };
  const theirs = refusal(send.error, { match: /matcher/, file: /calendar|line|ics|event/i });
  const error = (k: string) => (tried && own[k]) || theirs[k];
  const submit = async () => {
    setTried(true);
    if (Object.values(own).some(Boolean) || !file) return;
    send.mutate({ path: `/calendars/${enc(name.trim())}`, method: "PUT", body: { ics: await file.text(), match, effect, by } }, { onSuccess: close });
  };
  return (
    <form noValidate aria-label="Import a calendar" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
      <div className="fields">
        <Field label="Name" value={name} onChange={setName} error={error("name")} autoFocus description="A calendar of this name is replaced." />
        <ByField value={by} onChange={setBy} error={error("by")} />
        <div className="all"><FileInput size="sm" label="iCalendar file" accept=".ics,text/calendar" value={file} onChange={(v) => { setFile(v); send.reset(); }} error={error("file")} placeholder="choose an .ics file" clearable /></div>
        <div className="all"><MatchField value={match} onChange={setMatch} error={error("match")} /></div>
        <div className="all"><EffectField value={effect} onChange={setEffect} /></div>
      </div>
      <Foot close={close} busy={send.isPending} text="Import" error={theirs["form"]} />
    </form>
  );
}
