import { Button, TextInput } from "@mantine/core";
import { useRef, useState } from "react";
import type { HostDetail, Matcher, Silence } from "../api";
import { timeOf, visible } from "../format";
import { concerns, nextHour, silencePath, silenceState, useSend, useSilences } from "../mute";
import { Problem, useNow } from "./Bits";
import { ByField, useBy } from "./By";
import { Matchers } from "./Chips";
import { May } from "./May";
import { Name } from "./Name";

const lengths: [label: string, until: (now: number) => Date][] = [
  ["30 min", (now) => new Date(now + 1800_000)], ["2 h", (now) => new Date(now + 7200_000)], ["until 08:00", (now) => nextHour(8, now)],
];

/** Silences what some matchers are about in two clicks: the button, and how long. more: opens the form in which all of it can be changed; row: it is one of several of a list. */
export function SilenceNow({ match, more, row = false }: { match: Matcher[]; more: () => void; row?: boolean }) {
  const [open, setOpen] = useState(false), [by, setBy] = useBy(), [reason, setReason] = useState("");
  const send = useSend<Silence>(["silences"]), undo = useSend<Silence>(["silences"]), made = send.data;
  const opener = useRef<HTMLButtonElement>(null); // has the focus again, which what is closed would take with it
  const close = () => { setOpen(false); setReason(""); opener.current?.focus(); };
  const create = (until: Date) => {
    undo.reset();
    send.mutate({ path: "/silences", body: { match, from: null, until: until.toISOString(), effect: "silence", by: by.trim(), reason: reason.trim() || "no reason given" } }, { onSuccess: close });
  };
  return (
    <>
      <May role="operate" what="Silencing"><Button ref={opener} size="xs" variant="default" {...(row ? { "data-row-key": "m" } : { "data-key": "m" })} aria-expanded={open} onClick={() => (open ? close() : setOpen(true))}>Silence</Button></May>
      {made && !open && (undo.data ? <span role="status">The silence is ended.</span> : <span role="status">Silenced until {timeOf(made.until)}. <button type="button" className="quiet" onClick={() => undo.mutate({ path: silencePath(made, by), method: "DELETE" })}>Undo</button></span>)}
      {open && (
        <div className="decide" role="group" aria-label="Silence" onKeyDown={(e) => { if (e.key === "Escape") close(); }}>
          <div className="dim">Nobody is notified of <Matchers match={match} />; all is recorded and shown. {match.some((m) => m.name === "cause") && "Other causes still notify."}</div>
          <div className="line">{lengths.map(([label, until], n) => <Button key={label} size="compact-sm" color="violet" autoFocus={n === 0} loading={send.isPending} onClick={() => create(until(Date.now()))}>{label}</Button>)}
            <Button size="compact-sm" variant="default" onClick={() => { close(); more(); }}>Other…</Button></div>
          <div className="line"><ByField size="xs" value={by} onChange={setBy} />
            <TextInput size="xs" label="Reason, if you like" value={reason} onChange={(e) => setReason(e.currentTarget.value)} autoComplete="off" style={{ flex: 1 }} /></div>
        </div>
      )}
      <Problem error={send.error ?? undo.error} what="The silence was not changed" />
    </>
  );
}

/** The silences that are in force for a host. */
export function Silenced({ h }: { h: HostDetail }) {
  const r = useSilences(), now = useNow(5000), [by] = useBy(), end = useSend<Silence>(["silences"]);
  const active = (r.data?.silences ?? []).filter((s) => silenceState(s, now) === "active" && concerns(s.match, h) !== "none");
  return (
    <>
      {active.map((s) => (
        <div key={s.id} className="card note line" role="note" style={{ borderLeftColor: "#7a8299" }}>
          <span><b style={{ fontWeight: 600 }}>Silenced until {timeOf(s.until, now)}</b>{concerns(s.match, h) === "some" && ", some of its incidents"} by <Name name={s.by} />: <bdi>{visible(s.reason)}</bdi></span>
          <May role="operate" what="Ending it"><button type="button" className="quiet" onClick={() => end.mutate({ path: silencePath(s, by), method: "DELETE" })}>End it</button></May>
        </div>))}
      <Problem error={end.error} what="The silence was not ended" />
    </>
  );
}
