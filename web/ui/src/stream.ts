// The event stream, by which a page learns of changes instead of asking again and
// again: every change of an incident, that the state of a host or source is another
// one, that a silence or the like was stored, that somebody was notified, and what
// moves of the host that is shown. While the stream is broken all that
// is shown is read again every few seconds.
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { openStream, type Change, type HostDetail } from "./api";
import { heard, probe } from "./live";
import { missing } from "./pause";

const broken = 10_000, often = 5000; // ms: without a beat, of which there is one a second; between readings then
const seldom = 30_000; // ms: between readings of the state by a tab that nobody sees, for its title

interface Beat { state: number; rules: number; sent: number }
type Said = Pick<Change, "incident" | "kind" | "incident_kind">;

/** Which lists a refresh is of; a key alone is of all that begin so. */
interface Due { queryKey: QueryKey; of?: (asked: IncidentsAsked) => boolean }
type IncidentsAsked = { kind?: string; sort?: string };

/** What another state of a host or source is seen in: of incidents the open ones, whose hosts return to normal. */
const stated: Due[] = [{ queryKey: ["status"] }, { queryKey: ["hosts"] }, { queryKey: ["incident"] }, { queryKey: ["trust"] }, { queryKey: ["incidents"], of: (p) => p.sort === "weight" }];
const ruled: Due[] = ["silences", "windows", "events", "occurrences", "patterns"].map((k) => ({ queryKey: [k] }));
const sent: Due[] = [{ queryKey: ["incident"] }, { queryKey: ["receivers"] }];
/** Steps of an incident that change no count. */
const small: Change["kind"][] = ["updated", "commented", "assigned", "judged", "acted"];

/** What a change of an incident is seen in. */
export const seenIn = (c: Said): Due[] => [
  { queryKey: ["incidents"], of: (p) => !p.kind || p.kind.split(",").includes(c.incident_kind) }, { queryKey: ["incident", c.incident] }, { queryKey: ["plan", c.incident] }, { queryKey: ["explain"] },
  ...(small.includes(c.kind) ? [] : [{ queryKey: ["status"] }]), ...(c.kind === "acted" ? [{ queryKey: ["actions"] }] : []),
  ...(c.incident_kind === "forecast" ? [{ queryKey: ["forecasts"] }] : []), ...(c.incident_kind === "omen" ? [{ queryKey: ["receivers"] }] : []),
];

/** What is done with what moves of a host. id: what the page's address names. */
export type Take = (client: QueryClient, id: string, live: HostDetail) => void;

/** The host that is shown, by what its address names; "": none. */
let shown = "", take: Take | undefined;
let reopen = () => {};
let soon: ReturnType<typeof setTimeout> | undefined;

function show(id: string) {
  shown = id;
  clearTimeout(soon); // from one host to the next the stream is opened once
  soon = setTimeout(() => reopen(), 0);
}

/** Follows what moves of a host for as long as it is shown. */
export function followHost(id: string, taken: Take): () => void {
  take = taken;
  show(id);
  return () => { if (shown === id) show(""); };
}

/** Refreshes what a client holds by what the server tells, for as long as the page is open. A tab that nobody sees has no stream: a browser opens six connections to a server, and by http one to each stream, so that a seventh tab would get no answer. */
export function follow(client: QueryClient): () => void {
  const refresh = (due: Due[]) => {
    if (!missing()) due.forEach(({ queryKey, of }) => void client.invalidateQueries({ queryKey, ...(of && { predicate: (q) => of((q.queryKey[1] ?? {}) as IncidentsAsked) }) }));
  };
  const changed = gather(1000, refresh), moved = gather(5000, refresh);
  const all = () => { if (!missing()) void client.invalidateQueries(); };
  let stream: EventSource | undefined, was: Beat = { state: -1, rules: -1, sent: -1 }, last = Date.now(), failed = false, begun = false;
  reopen = () => {
    stream?.close();
    stream = undefined;
    if (document.hidden) return;
    const host = shown, first = !begun;
    begun = true;
    const s = openStream(host);
    stream = s;
    s.addEventListener("open", () => {
      heard();
      if (failed) all(); else if (!first) changed([{ queryKey: ["incidents"] }, { queryKey: ["status"] }, { queryKey: ["actions"] }]); // what came in between
      failed = false;
    });
    s.addEventListener("error", () => { failed = true; void probe(); });
    s.addEventListener("beat", (e) => {
      last = Date.now();
      if (navigator.onLine) heard(); // else only an answer counts
      const now = JSON.parse(e.data as string) as Beat;
      if (now.state !== was.state) moved(stated); // at the first beat, too: what the page has read may be older
      if (now.rules !== was.rules) moved(ruled);
      if (now.sent !== was.sent) moved(sent);
      was = now;
    });
    s.addEventListener("change", (e) => {
      missing(1);
      changed(seenIn(JSON.parse(e.data as string) as Said));
    });
    s.addEventListener("host", (e) => { if (!missing()) take?.(client, host, JSON.parse(e.data as string) as HostDetail); });
  };
  reopen();
  const seen = () => reopen();
  document.addEventListener("visibilitychange", seen);
  const guard = setInterval(() => {
    if (Date.now() - last < (document.hidden ? seldom : broken)) return;
    if (document.hidden) { last = Date.now(); changed([{ queryKey: ["status"] }]); return; }
    all();
    if (stream?.readyState === EventSource.CLOSED) reopen(); // it was refused: a browser does not try again
  }, often);
  return () => { clearInterval(guard); document.removeEventListener("visibilitychange", seen); stream?.close(); reopen = () => {}; };
}

/** Collects what is due and refreshes it: at once, then together every so many ms at most. */
export function gather(ms: number, refresh: (all: Due[]) => void): (all: Due[]) => void {
  const due = new Map<string, Due>();
  let waits = false;
  const flush = () => {
    waits = due.size > 0;
    if (!waits) return;
    const all = [...due.values()];
    due.clear();
    setTimeout(flush, ms);
    refresh(all);
  };
  return (all) => {
    for (const d of all) { // of two that choose among the same lists both count
      const key = d.queryKey.join("\0"), other = due.get(key)?.of;
      due.set(key, due.has(key) ? { ...d, of: d.of && other && ((p) => d.of!(p) || other(p)) } : d);
    }
    if (!waits) flush();
  };
}
