// What the palette finds: pages, incidents, what the page can do and the metrics of the
// host that is shown by their words, hosts as the API found them.
export interface Found { key: string; kind: "host" | "metric" | "incident" | "action" | "page"; href: string; name: string; more: string; color?: string; run?: () => void }

const page = (href: string, name: string, more: string): Found => ({ key: href, kind: "page", href, name, more });

/** The pages of main.tsx. */
export const pages: Found[] = [
  page("/", "Now", "overview: what is wrong now, last night, blind spots"), page("/hosts", "Hosts", "all hosts and their states"), page("/incidents", "Incidents", "that are open"), page("/incidents?state=closed", "Closed incidents", "the newest first"),
  page("/actions", "Actions", "of playbooks"), page("/quiet", "Quiet", "silences, maintenance and events on one calendar"), page("/silences", "Silences", "what is silenced, by whom, until when"), page("/windows", "Maintenance", "windows and calendars"), page("/events", "Events", "boots, restarts, deploys, notes"),
  page("/patterns", "Verdicts learned", "patterns: what Omen remembers of verdicts"), page("/models", "Trust", "models: promise, drift, self-test, page budget"),
  page("/compare", "Compare", "two hosts, or a host with itself some time ago"), page("/settings", "Settings", "sources, receivers and a test of each, routes, budget, profiles"),
];

/** What of a host query is a label's: role=db. */
export function labelOf(q: string): string | null {
  const m = /^([A-Za-z_]\w*)\s*=~?\s*"?([^"]+?)"?$/.exec(q);
  return m ? `${m[1]}=~${JSON.stringify(`(?i).*${m[2]!.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}.*`)}` : null;
}

/** What is shown for some words: each has to be in it, in any order. Hosts first, then metrics, incidents, what the page can do, and pages; without words no metrics, and what is open. */
export function found(q: string, hosts: Found[], incidents: Found[], all: Found[], metrics: Found[] = [], actions: Found[] = []): Found[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (f: Found) => { const text = `${f.kind} ${f.name} ${f.more}`.toLowerCase(); return words.every((w) => text.includes(w)); };
  return [...hosts, ...(words.length ? metrics.filter(has).slice(0, 8) : []), ...incidents.filter(has).slice(0, 6), ...actions.filter(has), ...all.filter(has)];
}
