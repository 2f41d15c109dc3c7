import { Alert } from "@mantine/core";
import { enc, type Done, type Playbook, type Playbooks } from "../api";
import { visible, words } from "../format";
import { useSend } from "../mute";
import { ActionList } from "../parts/ActionList";
import { Dot, Empty, Problem } from "../parts/Bits";
import { Decide } from "../parts/Decide";
import { Matchers } from "../parts/Chips";
import { Name } from "../parts/Name";
import { Segments } from "../parts/Segments";
import { benefit, budget, counts, decided, filters, inOrder, modeWords, people, useActions, usePlaybooks } from "../remedy";
import { useView } from "../view";

/** The ledger of actions, with what they were good for. */
export function Actions() {
  const books = usePlaybooks(15000);
  return (
    <main className="page">
      <header><h1>Actions</h1><div className="dim" style={{ fontSize: 14, marginTop: 2 }}>What playbooks did about incidents, wait for, and whether it helped{books.data && <>; ceiling of all: {modeWords(books.data.mode)}</>}</div></header>
      <Problem read error={books.error} what="Playbooks cannot be shown" />
      {books.data?.trouble && <Alert color="red" variant="light" role="alert" title="Nothing is planned">{visible(books.data.trouble)}</Alert>}
      {books.data && books.data.playbooks.length > 0 && <Switch books={books.data} />}
      <div className="cols"><Ledger books={books.data} />{books.data && <Books books={books.data} />}</div>
    </main>
  );
}

/** The switch of all actions. */
function Switch({ books }: { books: Playbooks }) {
  const send = useSend<Done>(decided), paused = books.paused !== "";
  const go = (route: string) => (why: string, close: () => void) => send.mutate({ path: "/remedy/" + route, body: { why } }, { onSuccess: close });
  return (
    <section className="card" aria-label="All actions">
      <div className="line between">
        <span className="state"><Dot color={paused ? "orange" : "teal"} /> {paused ? <><b>Paused</b> <bdi>{visible(books.paused)}</bdi>: nothing is started, also not after a restart</> : "Not paused"}</span>
        {paused ? <Decide key="resume" role="admin" label="Resume" about="all actions" why="may" asks="Playbooks plan and act again, as far as each may." busy={send.isPending} go={go("resume")} />
          : <Decide key="pause" anybody label="Pause all actions" about="until somebody resumes them" why="must" asks="Nothing is started until somebody resumes it, also after a restart. It needs the role operate, and no approver." busy={send.isPending} go={go("pause")} />}
      </div>
      <Problem error={send.error} what={paused ? "Actions were not resumed" : "Actions were not paused"} />
    </section>
  );
}

function Books({ books }: { books: Playbooks }) {
  return (
    <section className="card" aria-labelledby="playbooks"><h2 id="playbooks">Playbooks</h2>
      {books.playbooks.length ? <ul className="entries" data-testid="playbooks">{books.playbooks.map((b) => <li key={b.name}><Book b={b} /></li>)}</ul>
        : <Empty>No playbook is configured: Omen does nothing but notify. docs/remediation.md tells how to begin.</Empty>}
    </section>
  );
}

function Book({ b }: { b: Playbook }) {
  const send = useSend<Done>(decided), off = b.disabled !== "", route = off ? "enable" : "disable";
  const to = (route: string) => (why: string, close: () => void) => send.mutate({ path: `/playbooks/${enc(b.name)}/${route}`, body: { why } }, { onSuccess: close });
  return (
    <>
      <div className="line between"><span><b><Name name={b.name} /></b> <span className="dim">· {words(b.does)}</span></span><Matchers match={b.match} /></div>
      <div><span className="state"><Dot color={off || b.mode === "off" ? "gray" : "teal"} /> {off ? <>switched off <bdi>{visible(b.disabled)}</bdi></> : modeWords(b.mode)}</span> <span className="dim num">· {budget(b)}</span></div>
      <div className="num">{counts(b.effect)}</div>
      <div className="dim num">{visible(benefit(b.effect))}</div>
      {b.effect.promote && <div>It may be let act by itself (mode: automatic): {visible(b.effect.promote)}</div>}
      {!off && b.given_up.length > 0 && <div className="line between"><span>No longer done to <bdi>{visible(b.given_up.join(", "))}</bdi>: its last actions there did not help.</span>
        <Decide key="begin" role="admin" label="Begin there again" about={`playbook ${b.name}`} why="may" busy={send.isPending} go={to("enable")} asks="What it did before no longer counts against it, here and elsewhere." /></div>}
      <div className="line" style={{ marginTop: 6 }}><Decide key={route} role={off ? "admin" : "operate"} label={off ? "Enable" : "Disable"} about={`playbook ${b.name}`} why={off ? "may" : "must"} busy={send.isPending} go={to(route)}
        asks={off ? "What it did before no longer counts against it." : "It does nothing until somebody enables it."} /></div>
      <Problem error={send.error} what={`The playbook was not ${route}d`} />
    </>
  );
}

function Ledger({ books }: { books: Playbooks | undefined }) {
  const [view, set] = useView(), filter = filters.find((f) => f.value === view.state) ?? filters[0]!, limit = view.all ? 1000 : 100;
  const open = useActions({ state: people, limit: 1000 }), r = useActions({ state: filter.states, limit });
  const waiting = open.data?.actions ?? [], listed = r.data?.actions ?? [];
  const rows = inOrder(filter.value === "" || filter.value === "open" ? waiting : [], listed);
  return (
    <section className="card" aria-labelledby="ledger">
      <div className="line between" style={{ marginBottom: 10 }}><h2 id="ledger" style={{ margin: 0 }}>Ledger</h2>
        <Segments aria-label="Which actions" value={filter.value} onChange={(v) => set({ state: v, all: false })} data={filters.map((f) => ({ value: f.value, label: f.value === "open" ? `${f.label} ${waiting.length}` : f.label }))} /></div>
      <Problem read error={open.error ?? r.error} what="Actions cannot be shown" />
      <ActionList key={`${filter.value} ${limit}`} actions={rows} books={books} of />
      {r.isPending && <Empty>Reading the actions…</Empty>}
      {r.data && !rows.length && <Empty>{filter.value === "open" ? "Nothing waits for people." : "No actions here."}</Empty>}
      {listed.length >= limit && <div className="line" style={{ justifyContent: "flex-end", fontSize: 13 }}>{view.all ? <span className="dim">The newest {limit}; all are in GET /api/v1/omen/audit/export.</span> : <button type="button" className="quiet" onClick={() => set({ all: true })}>show up to 1000</button>}</div>}
    </section>
  );
}
