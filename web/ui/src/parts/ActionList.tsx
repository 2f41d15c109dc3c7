import { useState } from "react";
import { Link } from "wouter";
import { enc, incidentPath, type Action, type ActionDetail, type Playbooks } from "../api";
import { clock, score, timeOf, visible, whole, words } from "../format";
import { useSend } from "../mute";
import { actionColor, decided, decisions, left, risk, stateWords, useSteps } from "../remedy";
import { Dot, HostLink, Problem, useNow, When } from "./Bits";
import { Decide } from "./Decide";
import { useHeldRows } from "./Hold";
import { Name } from "./Name";

/** Actions with what people can do about each. A refusal is shown at its action, or above all once that is no longer among them. of: also say which host and incident each is about. */
export function ActionList({ actions: all, books, of = false }: { actions: Action[]; books: Playbooks | undefined; of?: boolean }) {
  const actions = useHeldRows(all, (a) => a.id); // nobody approves what has moved under the pointer
  const send = useSend<ActionDetail>(decided);
  const about = send.variables?.path.split("/")[2];
  const problem = send.error && <div style={{ margin: "8px 0" }}><Problem error={send.error} what="The decision was not taken" /></div>;
  return (
    <>
      {!actions.some((a) => a.id === about) && problem}
      <ul className="entries" data-hold>{actions.map((a) => (
        <li key={a.id} data-testid={"action-" + a.id}>
          <Entry a={a} books={books} of={of} />
          {a.next.length > 0 && <div className="line" style={{ marginTop: 6 }}>{decisions(a.next).map((d) => (
            <Decide key={d.label} label={d.label} about={`${words(a.does)} ${a.target.text}`} asks={d.asks} why={d.why ? "may" : undefined} primary={d.route === "approve"} busy={send.isPending && about === a.id}
              go={(why, close) => send.mutate({ path: `/actions/${enc(a.id)}/${d.route}`, body: { ...d.body, ...(why && { why }) } }, { onSuccess: close })} />))}</div>}
          {a.id === about && problem}
        </li>))}</ul>
    </>
  );
}

function Entry({ a, books, of }: { a: Action; books: Playbooks | undefined; of: boolean }) {
  const asks = a.guard && books?.guards.find((g) => g.name === a.guard)?.asks, waits = a.state === "waiting";
  return (
    <>
      <div className="line between">
        <span><b>{words(a.does)}</b>{a.target.text && <> of <Name name={a.target.text} most={200} /></>} <span className="dim">· playbook <Name name={a.playbook} />{a.attempt > 1 && `, attempt ${a.attempt}`}</span></span>
        <span className="dim"><When at={a.started ?? a.at} exact /></span>
      </div>
      {of && <div className="line" style={{ gap: 6 }}>on <HostLink id={a.host.id} name={a.host.name} /> <Link className="plain" href={incidentPath(a.incident)}>incident</Link></div>}
      <div><span className="state"><Dot color={actionColor(a.state)} /> {stateWords[a.state]}</span>{a.by && (a.by === "omen" ? <span className="dim"> · by itself</span> : <span className="dim"> · decided by <Name name={a.by} /></span>)}{waits && a.expires && <Left at={a.expires} />}</div>
      {a.why && <div className="dim"><bdi>{visible(a.why)}</bdi>{asks && ` (it asks whether ${asks})`}</div>}
      {a.said && !a.why.includes(a.said) && <div className="dim"><Name name={a.by} />: <bdi>{visible(a.said)}</bdi></div>}
      {a.target.detail && <div className="dim"><bdi>{visible(a.target.detail)}</bdi></div>}
      {waits && <div><b>Risk:</b> {risk(a, books?.playbooks.find((b) => b.name === a.playbook)).join(" · ")}</div>}
      {a.overridden.length > 0 && <div>Guards that were overridden: {a.overridden.map(words).join(", ")}</div>}
      {a.started && a.score_before !== null && <div className="dim num">score {score(a.score_before)} before{!!a.peak_after && `, at most ${score(a.peak_after)} after it had settled`}{a.recovered_seconds !== null && a.state !== "helped" && `; normal after ${whole(a.recovered_seconds)}`}</div>}
      {a.err && <div style={{ color: "var(--omen-hot)" }}><bdi>{visible(a.err)}</bdi></div>}
      <Steps id={a.id} />
    </>
  );
}

/** The clock of an action that waits. */
function Left({ at }: { at: string }) {
  const now = useNow();
  return <b className="num" role="timer" title={`until ${clock(at)}`}> · {left(at, now)}</b>;
}

/** Every step of an action's life, read when it is opened: why it was allowed, and who decided. */
function Steps({ id }: { id: string }) {
  const [open, setOpen] = useState(false), r = useSteps(id, open);
  return (
    <details className="dim" onToggle={(e) => setOpen(e.currentTarget.open)}><summary>Why, by whom, when: every step</summary>
      <Problem read error={r.error} what="The steps cannot be shown" />
      <ol className="rows spots" style={{ marginTop: 6 }}>{r.data?.steps.map((s, n) => (
        <li key={n}><Dot color={actionColor(s.state)} /><span><time className="num" dateTime={s.at} title={clock(s.at)}>{timeOf(s.at)}</time> {stateWords[s.state]}{s.by && <> · <Name name={s.by} /></>}{s.why && <> · <bdi>{visible(s.why)}</bdi></>}</span></li>))}</ol>
    </details>
  );
}
