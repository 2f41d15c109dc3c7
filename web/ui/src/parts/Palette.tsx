import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useLocation } from "wouter";
import { usePathname } from "wouter/use-browser-location";
import { useQueryClient } from "@tanstack/react-query";
import { hostPath, idOf, incidentPath, useFound, useIncidents, type HostDetail, type Incident } from "../api";
import { score, stateColor, timeOf, visible, words } from "../format";
import { found, pages, type Found } from "../find";
import { root } from "../root";
import { useView, writeView } from "../view";
import { Dot, Problem, title, why } from "./Bits";
import { Name } from "./Name";

/** What opens over every page: finding by name, or what keys do. */
export function Palette({ what, close }: { what: "find" | "help"; close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (!box.current!.open) box.current!.showModal(); }, []);
  const shut = () => box.current!.close(); // gives the focus back
  return (
    <dialog ref={box} className="palette" aria-label={what === "find" ? "Find" : "Keys"} onClose={close} onClick={(e) => { if (e.target === box.current) shut(); }}>
      {what === "find" ? <Find shut={shut} /> : <Help shut={shut} />}
    </dialog>
  );
}

const line = (i: Incident): Found => ({ key: i.id, kind: "incident", href: incidentPath(i.id), name: title(i), more: `${i.state === "closed" ? "closed" : i.severity}, since ${timeOf(i.since)}: ${why(i)}`, color: i.state === "closed" ? "gray" : i.severity === "critical" ? "red" : "orange" });

/** What the page can do by a key: what it marked with data-key. */
const actionsHere = (): Found[] => [...document.querySelectorAll<HTMLButtonElement>("button[data-key]:enabled")].map((b) => ({ key: b.dataset.key!, kind: "action", href: "", name: b.dataset.does ?? b.textContent, more: `key ${b.dataset.key!}`, run: () => b.click() }));

/** The metrics of the host that is shown; one that is taken comes to the front. */
function useMetrics(): Found[] {
  const client = useQueryClient(), [view] = useView(), [path] = useLocation();
  const h = client.getQueryData<HostDetail>(["host", idOf(usePathname().slice(root.length))]);
  if (!path.startsWith("/hosts/") || !h) return [];
  return h.features.map((f) => ({ key: f.name, kind: "metric", href: hostPath(h.id) + writeView({ ...view, sel: [f.name, ...view.sel.filter((n) => n !== f.name)] }), name: words(f.name), more: `${f.actual_text}, expected ${f.expected_text}: ${f.help}` }));
}

/** Hosts by name or label, metrics of the host that is shown, incidents, what the page can do, and pages. */
function Find({ shut }: { shut: () => void }) {
  const [q, setQ] = useState(""), [needle] = useDebouncedValue(q.trim(), 120), [at, setAt] = useState(0);
  const [, go] = useLocation(), [actions] = useState(actionsHere);
  const hosts = useFound(needle), open = useIncidents({ state: "active", sort: "weight", limit: 100 }), past = useIncidents({ state: "closed", limit: 100 }, needle !== "");
  const rows = found(needle, needle && hosts.data ? hosts.data.hosts.map((h) => ({ key: h.id, kind: "host" as const, href: hostPath(h.id), name: h.name, more: `${h.state}${h.score === null ? "" : `, score ${score(h.score)}`} · ${visible(h.profile)} · ${visible(h.source)}`, color: stateColor[h.state] })) : [],
    [...(open.data?.incidents ?? []), ...(needle ? past.data?.incidents ?? [] : [])].map(line), pages, useMetrics(), actions);
  const chosen = Math.min(at, rows.length - 1);
  const take = (r: Found | undefined) => { if (r) { shut(); if (r.run) r.run(); else go(r.href); } };
  const press = (e: KeyboardEvent) => {
    const way = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
    if (way && rows.length) setAt((chosen + way + rows.length) % rows.length);
    else if (e.key === "Enter") { if (q.trim() === needle && !hosts.isFetching) take(rows[chosen]); } // not what an older word found
    else return;
    e.preventDefault();
  };
  return (
    <>
      <input autoFocus type="text" role="combobox" aria-label="Find a host, an incident or a page" aria-expanded={rows.length > 0} aria-controls={rows.length ? "found" : undefined} aria-activedescendant={rows.length ? `found-${chosen}` : undefined} aria-autocomplete="list"
        autoComplete="off" spellCheck={false} maxLength={200} placeholder="host, metric, incident, action or page; role=db finds by label" value={q} onChange={(e) => { setQ(e.currentTarget.value); setAt(0); }} onKeyDown={press} />
      <Problem error={hosts.error} what="Hosts cannot be found" />
      {rows.length > 0 && <ul role="listbox" id="found" aria-label="Found">{rows.map((r, n) => (
        <li key={r.kind + r.key} id={`found-${n}`} role="option" aria-selected={n === chosen} onClick={() => take(r)} ref={n === chosen ? (el) => el?.scrollIntoView({ block: "nearest" }) : undefined}>
          {r.color ? <Dot color={r.color} /> : <span className="dot" aria-hidden />}<span className="dim">{r.kind}</span> <b><Name name={r.name} /></b> <span className="dim one">{r.more}</span>
        </li>))}</ul>}
      {!rows.length && needle && !hosts.isFetching && !hosts.error && <p className="dim" role="status">Nothing is found.</p>}
    </>
  );
}

const keys: [keys: string, does: string][] = [
  ["/ or Ctrl K", "find a host, a metric of it, an incident, an action or a page"], ["?", "this list"], ["j k", "next and previous row; Enter opens it"], ["t", "to the span of time"], ["[ ]", "earlier, later"], ["+ -", "zoom in, zoom out"], ["0", "the span that the page began with"],
  ["← →", "in a chart: move the pinned cursor, with Shift by a tenth"], ["Esc", "remove the pinned cursor, close what is open"], ["a", "acknowledge the incident"], ["m", "silence the host, or what is like the incident"], ["p", "pause the page, go on"], ["u", "show the changes that wait"], ["s", "copy a link to what is shown"],
];

function Help({ shut }: { shut: () => void }) {
  return (
    <>
      <div className="line between"><h2 style={{ margin: 0 }}>Keys</h2><button type="button" className="quiet" autoFocus onClick={shut}>close</button></div>
      <dl className="facts" style={{ marginTop: 10 }}>{keys.map(([k, does]) => [<dt key={k}><kbd>{k}</kbd></dt>, <dd key={k + "="}>{does}</dd>])}</dl>
      <p className="dim">A drag in a chart zooms all charts of the page, a click pins the cursor. <code>?kiosk</code> behind an address is for a screen on a wall.</p>
    </>
  );
}
