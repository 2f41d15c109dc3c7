import { Alert, Button, Modal } from "@mantine/core";
import { Name } from "../parts/Name";
import { Segments } from "../parts/Segments";
import { useState } from "react";
import { enc } from "../api";
import { clock, visible, whole } from "../format";
import { Dot, Empty, Problem, useNow, When } from "../parts/Bits";
import { useBy, ByField } from "../parts/By";
import { Matchers } from "../parts/Chips";
import { EffectField, effectWords, Field, MatchField, noMatch, refusal } from "../parts/Forms";
import { May } from "../parts/May";
import { useLocked } from "../me";
import { useView } from "../view";
import { fieldInstant, localInput, matcherText, parseDuration, silencePath, silenceState, useSend, useSilences, type Effect, type Matcher, type Silence } from "../mute";

const color = { active: "violet", pending: "orange", expired: "gray" } as const;

/** The silences, on the page of what suppresses notifications. */
export function Silences() {
  const r = useSilences(), now = useNow();
  const [view, set] = useView(), shown = view.state || "current";
  const [form, setForm] = useState<Draft | null>(null);
  const all = (r.data?.silences ?? []).map((s) => ({ s, state: silenceState(s, now) } as const));
  const count = (k: string) => all.filter((x) => x.state === k).length;
  const order = { active: 0, pending: 1, expired: 2 };
  const rows = all.filter((x) => shown === "all" || (x.state === "expired") === (shown === "expired"))
    .sort((a, b) => order[a.state] - order[b.state] || (a.state === "expired" ? b.s.until.localeCompare(a.s.until) : a.s.until.localeCompare(b.s.until)));
  return (
    <>
      <div className="line between">
        <Segments aria-label="Which silences" value={shown} onChange={(v) => set({ state: v === "current" ? "" : v })}
          data={[{ value: "current", label: `Active ${count("active")}, pending ${count("pending")}` }, { value: "expired", label: `Expired ${count("expired")}` }, { value: "all", label: "All" }]} />
        <May role="operate" what="New silence"><Button size="xs" color="violet" onClick={() => setForm({})}>New silence</Button></May>
      </div>
      <Problem read error={r.error} what="Silences cannot be shown" />
      <div className="card">
        {rows.length > 0 && <Table rows={rows} open={setForm} />}
        {r.data && !rows.length && <Empty>{shown === "expired" ? "No expired silences." : "No silences. A silence suppresses notifications of some incidents for a while; they are still recorded."}</Empty>}
      </div>
      <SilenceForm draft={form} close={() => setForm(null)} />
    </>
  );
}

function Table({ rows, open }: { rows: { s: Silence; state: keyof typeof color }[]; open: (d: Draft) => void }) {
  const [by] = useBy(), locked = useLocked("operate");
  const end = useSend<Silence>(["silences"]);
  return (
    <>
      <Problem error={end.error} what="The silence was not ended" />
      <div className="scroll"><table className="grid" data-testid="silences">
        <thead><tr><th>State</th><th>Which incidents</th><th>Reason</th><th>By</th><th>From</th><th>Until</th><th>Effect</th><th><span className="dim" /></th></tr></thead>
        <tbody>{rows.map(({ s, state }) => (
          <tr key={s.id} className={state === "expired" ? "past" : ""}>
            <td><span className="line" style={{ gap: 7, flexWrap: "nowrap" }}><Dot color={color[state]} />{state}</span></td>
            <td><Matchers match={s.match} /></td><td style={{ minWidth: 160 }}><Name name={s.reason} most={300} /></td><td><Name name={s.by} /></td>
            <td style={{ whiteSpace: "nowrap" }}><When at={s.from} /></td><td style={{ whiteSpace: "nowrap" }}><When at={s.until} /></td>
            <td style={{ minWidth: 110 }}>{effectWords[s.effect]}</td>
            <td className="right">{!locked && <span className="line" style={{ gap: 6, flexWrap: "nowrap", justifyContent: "flex-end" }}>
              {state === "expired" ? <Button size="compact-xs" variant="default" aria-label={`Recreate the silence ${visible(s.reason)}`} onClick={() => open({ match: s.match, reason: s.reason, effect: s.effect || "silence" })}>Recreate…</Button>
                : <Button size="compact-xs" variant="default" aria-label={`Edit the silence ${visible(s.reason)}`} onClick={() => open({ edit: s })}>Edit</Button>}
              {state !== "expired" && <Button size="compact-xs" variant="default" loading={end.isPending && end.variables?.path.includes(s.id)}
              aria-label={`Expire the silence ${visible(s.reason)}`} onClick={() => end.mutate({ path: silencePath(s, by), method: "DELETE" })}>Expire</Button>}</span>}</td>
          </tr>))}</tbody>
      </table></div>
    </>
  );
}

/** What a silence's form begins with: a silence to change, or parts of a new one. */
export interface Draft { edit?: Silence; match?: Matcher[]; reason?: string; effect?: Effect }

/** Makes or changes a silence; no draft: closed. */
export function SilenceForm({ draft, close }: { draft: Draft | null; close: () => void }) {
  return <Modal opened={draft !== null} onClose={close} title={draft?.edit ? "Edit silence" : "New silence"} size="lg">{draft && <Form close={close} draft={draft} />}</Modal>;
}

function Form({ close, draft }: { close: () => void; draft: Draft }) {
  const edit = draft.edit, was = edit ?? draft;
  const [by, setBy] = useBy();
  const [which, setWhich] = useState(was.match?.map(matcherText).join(", ") ?? "");
  const [reason, setReason] = useState(was.reason ?? "");
  const [from, setFrom] = useState(edit?.from ? localInput(Date.parse(edit.from)) : "");
  const [end, setEnd] = useState(edit ? localInput(Date.parse(edit.until)) : "2 h");
  const [ends, setEnds] = useState(edit?.until); // the end that the field was filled from
  const [fixed, setFixed] = useState(edit !== undefined);
  const [effect, setEffect] = useState<Effect>(was.effect || "silence");
  const [tried, setTried] = useState(false);
  const send = useSend<Silence>(["silences"]);
  // a field that was not touched keeps the seconds that it cannot show
  const exact = (field: string, old: string | null | undefined) => (old && localInput(Date.parse(old)) === field ? Date.parse(old) : fieldInstant(field));
  const begin = from ? exact(from, edit?.from) : Date.now(), length = fixed ? 0 : parseDuration(end);
  const until = fixed ? exact(end, ends) : begin + (length ?? NaN) * 1000;
  const own = {
    match: noMatch(which), by: by.trim() ? "" : "say who you are, so that others can ask", reason: reason.trim() ? "" : "say why, so that others know",
    from: Number.isNaN(begin) ? "choose a day and a time, or leave it empty" : "",
    end: Number.isNaN(until) && !Number.isNaN(begin) ? (fixed ? "choose a day and a time" : "write a duration such as 90 min, 2 h or 1 d") : until <= begin ? "the end is before the start" : until <= Date.now() && effect === "silence" ? "the end is past" : "",
  };
  const theirs = refusal(send.error, { match: /matcher/, reason: /no reason/, by: /no author/, end: /ends at|until/ });
  const error = (k: keyof typeof own) => (tried && own[k]) || theirs[k];
  const submit = () => {
    setTried(true);
    if (Object.values(own).some(Boolean)) return;
    const body = { match: which, from: from ? new Date(begin).toISOString() : null, until: new Date(until).toISOString(), effect, by, reason };
    send.mutate(edit ? { path: `/silences/${enc(edit.id)}`, method: "PUT", body } : { path: "/silences", body }, { onSuccess: close });
  };
  const pick = (f: boolean) => { setFixed(f); setEnd(f ? localInput(Date.now() + 7200_000) : "2 h"); };
  const later = (hours: number) => {
    const at = (Number.isNaN(until) ? Date.now() : until) + hours * 3600_000;
    setEnd(localInput(at));
    setEnds(new Date(at).toISOString());
  };
  return (
    <form noValidate onSubmit={(e) => { e.preventDefault(); submit(); }} aria-label={edit ? "Edit silence" : "New silence"}>
      <div className="fields">
        <div className="all"><MatchField value={which} onChange={setWhich} error={error("match")} /></div>
        <div className="all"><Field label="Reason" value={reason} onChange={setReason} error={error("reason")} autoFocus placeholder="disk is being replaced" /></div>
        <ByField value={by} onChange={setBy} error={error("by")} />
        <Field label="From" type="datetime-local" value={from} onChange={setFrom} error={error("from")} description={edit ? " " : "Empty: now"} />
        <div>
          <Field label={fixed ? "Until" : "Duration"} type={fixed ? "datetime-local" : "text"} value={end} onChange={setEnd} error={error("end")} description={Number.isNaN(until) ? " " : fixed ? `lasts ${whole((until - begin) / 1000)}` : `until ${clock(new Date(until).toISOString())}`} />
          <div className="line" style={{ gap: 5, marginTop: 6 }}>
            {!fixed && ["1 h", "4 h", "1 d", "7 d"].map((d) => <Button key={d} size="compact-xs" variant={d === end ? "light" : "default"} color="violet" onClick={() => setEnd(d)}>{d}</Button>)}
            {edit ? ([[1, "1 h"], [4, "4 h"], [24, "1 d"]] as const).map(([n, d]) => <Button key={d} size="compact-xs" variant="default" aria-label={`${d} longer`} onClick={() => later(n)}>+{d}</Button>)
              : <Button size="compact-xs" variant="subtle" color="gray" onClick={() => pick(!fixed)}>{fixed ? "set a duration" : "set an end"}</Button>}
          </div>
        </div>
        <EffectField value={effect} onChange={setEffect} />
      </div>
      {theirs["form"] && <Alert color="red" variant="light" role="alert" mt={12}>{theirs["form"]}</Alert>}
      <div className="line" style={{ justifyContent: "flex-end", marginTop: 18 }}>
        <Button variant="default" size="xs" onClick={close}>Cancel</Button><Button type="submit" size="xs" color="violet" loading={send.isPending}>{edit ? "Save" : "Create silence"}</Button>
      </div>
    </form>
  );
}
