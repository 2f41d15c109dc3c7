import { useState } from "react";
import { Link } from "wouter";
import { enc, type Action, type ActionDetail, type Guard, type IncidentDetail, type Planned } from "../api";
import { visible, words } from "../format";
import { useSend } from "../mute";
import { byHand, decided, guardsOf, inOrder, modeWords, planWords, useActions, usePlan, usePlaybooks, type Said } from "../remedy";
import { ActionList } from "./ActionList";
import { Dot, Problem } from "./Bits";
import { Decide } from "./Decide";
import { Name } from "./Name";

/** What playbooks did about an incident, wait for, and would do now. Nothing where there are no playbooks and were none. */
export function Remedy({ i }: { i: IncidentDetail }) {
  const books = usePlaybooks(), configured = !!books.data?.playbooks.length;
  const actions = useActions({ incident: i.id }, configured || i.actions > 0 || i.remedy !== "");
  const plan = usePlan(i.id, configured && i.state !== "closed");
  const rows = inOrder(actions.data?.actions ?? []), plans = i.state === "closed" ? [] : plan.data?.plan ?? [];
  const error = books.error ?? actions.error ?? plan.error;
  if (!error && !rows.length && (!configured || i.state === "closed")) return null;
  return (
    <section className="card" aria-labelledby="remedy" data-testid="remedy">
      <div className="line between"><h2 id="remedy">Actions of playbooks</h2>{configured && <Link className="plain dim" style={{ fontSize: 13 }} href="/actions">all actions</Link>}</div>
      <Problem read error={error} what="What playbooks do cannot be shown" />
      {books.data?.paused && <p style={{ marginTop: 0 }}><b>All actions are paused</b> <bdi>{visible(books.data.paused)}</bdi>.</p>}
      <ActionList actions={rows} books={books.data} />
      {plans.length > 0 && <><h3>Now</h3><ul className="entries">{plans.map((p) => <li key={p.action.playbook}><Answer p={p} guards={books.data?.guards ?? []} rows={rows} /></li>)}</ul></>}
      {plan.data && !plans.length && !rows.length && <div className="dim">{books.data?.mode === "off" ? "Actions are off: remedy.mode in the configuration." : "No playbook answers this incident."}</div>}
    </section>
  );
}

/** What one playbook would do now, what each guard says, and the button to have it done. */
function Answer({ p, guards, rows }: { p: Planned; guards: Guard[]; rows: Action[] }) {
  const a = p.action, all = guardsOf(p, guards), { blocked, override } = byHand(p, all, rows);
  const send = useSend<ActionDetail>(decided);
  const [over, setOver] = useState<string[]>([]);
  const waits = rows.some((r) => r.playbook === a.playbook && r.state === "waiting");
  const said = all.filter((g) => !waits || g.guard !== "asked"), n = said.filter((g) => g.says === "objects").length; // that it waits is no objection to itself
  const act = (why: string, close: () => void) =>
    send.mutate({ path: `/incidents/${enc(a.incident)}/act`, body: { playbook: a.playbook, why, override: over.filter((n) => override.some((g) => g.guard === n)) } }, { onSuccess: () => { setOver([]); close(); } });
  return (
    <>
      <div><b>{words(a.does)}</b> <span className="dim">· playbook <Name name={a.playbook} />, {modeWords(a.mode)}</span></div>
      <div>{waits ? "Waits for approval; after it every guard is asked again." : <bdi>{visible(planWords(a))}</bdi>}</div>
      <details className="dim"><summary>{n ? `${n} of ${said.length} guards ${n === 1 ? "objects" : "object"}` : `None of ${said.length} guards objects so far`}</summary><Guards said={said} /></details>
      <div className="line" style={{ margin: "6px 0" }}>
        {blocked ? <span className="dim">It cannot be run by hand: <bdi>{visible(blocked)}</bdi></span>
          : <Decide label="Do it now" about={`${words(a.does)}, playbook ${a.playbook}`} why="must" busy={send.isPending} go={act}
            asks={override.length ? "The target is looked up, and every guard asked again. To act in spite of what objects now, override it by name:" : "The target is looked up, and every guard asked again."}>
            {override.length > 0 && <Overrides of={override} over={over} set={setOver} />}</Decide>}
      </div>
      <Problem error={send.error} what="It was not done" />
    </>
  );
}

const says: Record<Said["says"], [color: string, text: string]> = { holds: ["teal", "holds: "], objects: ["red", "objects: "], later: ["gray", "asked once the target is looked up: "] };

/** Every guard: what it asks, and why it objects. */
function Guards({ said }: { said: Said[] }) {
  return (
    <ol className="rows spots" style={{ marginTop: 6 }}>{said.map((g) => (
      <li key={g.guard}><Dot color={says[g.says][0]} /><span><span className={g.says === "holds" ? "sr" : undefined}>{says[g.says][1]}</span>
        {g.why ? <><b><bdi>{visible(g.why)}</bdi></b> (it asks whether {g.asks}{g.overridable ? "; can be overridden" : ""})</> : g.asks}</span></li>))}</ol>
  );
}

/** Guards that object, each to be overridden by its name. */
function Overrides({ of, over, set }: { of: Said[]; over: string[]; set: (names: string[]) => void }) {
  return (
    <div role="group" aria-label="Guards to override">{of.map((g) => (
      <label key={g.guard} style={{ display: "block" }}><input type="checkbox" checked={over.includes(g.guard)} onChange={(e) => set(e.currentTarget.checked ? [...over, g.guard] : over.filter((n) => n !== g.guard))} /> <b>{words(g.guard)}</b>: <bdi>{visible(g.why)}</bdi></label>))}</div>
  );
}
