// Whether the server answers. Anything that it says counts, such as the beats of the
// event stream; after a silence, or when the stream breaks, it is asked whether it
// is alive.
import { useSyncExternalStore } from "react";
import { root } from "./root";

const silent = 1800, patience = 2000; // ms, of a stream that beats every second: together with a look below the five seconds after which a page must not look alive
const look = 400;

/** since: the last answer of a server that no longer answers, in ms; 0: it answers; null: it never has. */
let since: number | null = 0;
let last: number | null = null;
let asking = false;
const listeners = new Set<() => void>();

function become(next: number | null) {
  if (next === since) return;
  since = next;
  listeners.forEach((f) => f());
}

/** To be called for every answer of the server. */
export function heard() {
  last = Date.now();
  become(0);
}

/** Whether the server is alive; what it answers counts. */
export async function answers(): Promise<boolean> {
  const r = await fetch(root + "/-/healthy", { signal: AbortSignal.timeout(patience), cache: "no-store" }).catch(() => null);
  if (r?.ok) heard(); else become(last);
  return r?.ok ?? false;
}

/** Asks the server whether it is alive, if nobody does. */
export async function probe() {
  if (asking) return;
  asking = true;
  await answers();
  asking = false;
}

/** Watches the server for as long as the page is open. */
export function watch(): () => void {
  const t = setInterval(() => { if (!document.hidden && Date.now() - (last ?? 0) > silent) void probe(); }, look);
  const seen = () => { if (!document.hidden) void probe(); };
  document.addEventListener("visibilitychange", seen);
  return () => { clearInterval(t); document.removeEventListener("visibilitychange", seen); };
}

/** Since when the server is silent: 0 while it answers, null if it never did. */
export const silentSince = () => since;

/** The same of a page, which is drawn again when it changes. */
export const useSilent = () => useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, silentSince);
