import { Button, Modal, Select } from "@mantine/core";
import { Name } from "../parts/Name";
import { Segments } from "../parts/Segments";
import { useState } from "react";
import { whole } from "../format";
import { Dot, Empty, Problem, When } from "../parts/Bits";
import { ByField, useBy } from "../parts/By";
import { Matchers } from "../parts/Chips";
import { Field, MatchField, noMatch, refusal } from "../parts/Forms";
import { May } from "../parts/May";
import { useView } from "../view";
import { eventColor, fieldInstant, useEvents, useSend, type Event } from "../mute";

const spans = ["1", "7", "30", "90"].map((value) => ({ value, label: value + " d" }));
const graces: Record<string, number> = { boot: 600, restart: 300, deploy: 600 };

/** The events, on the page of what suppresses notifications. */
export function Events() {
  const [view, set] = useView();
  const [form, setForm] = useState(false);
  const r = useEvents({ last: view.days * 86400 });
  const rows = [...(r.data?.events ?? [])].reverse();
  return (
    <>
      <div className="line between"><div className="dim" style={{ fontSize: 14 }}>Boots, restarts and deploys: each opens a grace period without notifications</div>
        <div className="line"><Segments aria-label="Span of time" data={spans} value={String(view.days)} onChange={(v) => set({ days: +v })} /><May role="operate" what="New event"><Button size="xs" color="violet" onClick={() => setForm(true)}>New event</Button></May></div></div>
      <Problem read error={r.error} what="Events cannot be shown" />
      <div className="card">
        {rows.length > 0 && <div className="scroll"><table className="grid">
          <thead><tr><th>When</th><th>What</th><th>Which hosts</th><th>Title</th><th>By</th><th>Grace period</th></tr></thead>
          <tbody>{rows.map((e) => (
            <tr key={e.id}>
              <td style={{ whiteSpace: "nowrap" }}><When at={e.at} /></td>
              <td><span className="line" style={{ gap: 7, flexWrap: "nowrap" }}><Dot color={eventColor[e.kind]} />{e.kind}</span></td>
              <td><Matchers match={e.match} /></td>
              <td>{e.link && /^https?:\/\//.test(e.link) ? <a href={e.link} rel="noreferrer noopener"><Name name={e.title || e.link} most={120} /></a> : <Name name={e.title ?? ""} most={120} />}</td><td><Name name={e.by ?? ""} /></td>
              <td className="dim">{e.grace_seconds ? whole(e.grace_seconds) : graces[e.kind] ? whole(graces[e.kind]!) : "none"}</td>
            </tr>))}</tbody></table></div>}
        {r.data && !rows.length && <Empty>No events in this time. Deploys can also be sent to POST /api/v1/omen/events, or as Grafana annotations.</Empty>}
      </div>
      <Modal opened={form} onClose={() => setForm(false)} title="New event">{form && <EventForm close={() => setForm(false)} />}</Modal>
    </>
  );
}

function EventForm({ close }: { close: () => void }) {
  const [by, setBy] = useBy();
  const [kind, setKind] = useState("deploy");
  const [match, setMatch] = useState("");
  const [title, setTitle] = useState("");
  const [at, setAt] = useState("");
  const [tried, setTried] = useState(false);
  const send = useSend<Event>(["events"]);
  const theirs = refusal(send.error, { match: /match/ }), noTime = at && Number.isNaN(fieldInstant(at)) ? "choose a day and a time, or leave it empty" : "";
  const submit = () => {
    setTried(true);
    if (noMatch(match) || noTime) return;
    send.mutate({ path: "/events", body: { kind, match, title, by, at: at ? new Date(fieldInstant(at)).toISOString() : null } }, { onSuccess: close });
  };
  return (
    <form noValidate aria-label="New event" onSubmit={(e) => { e.preventDefault(); submit(); }}>
      <div className="fields">
        <Select size="sm" label="What" allowDeselect={false} value={kind} onChange={(v) => setKind(v ?? "deploy")} data={["deploy", "restart", "boot", { value: "note", label: "note (only shown in charts)" }]} />
        <Field label="When" type="datetime-local" value={at} onChange={setAt} error={(tried && noTime) || undefined} description="Empty: now" />
        <div className="all"><MatchField value={match} onChange={setMatch} error={(tried && noMatch(match)) || theirs["match"]} /></div>
        <Field label="Title" value={title} onChange={setTitle} placeholder="shop v2.4" autoFocus />
        <ByField value={by} onChange={setBy} />
      </div>
      {theirs["form"] && <Problem error={send.error} what="The event was not stored" />}
      <div className="line" style={{ justifyContent: "flex-end", marginTop: 18 }}><Button variant="default" size="xs" onClick={close}>Cancel</Button><Button type="submit" size="xs" color="violet" loading={send.isPending}>Create event</Button></div>
    </form>
  );
}
