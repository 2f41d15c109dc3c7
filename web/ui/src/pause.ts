// Whether the page is paused: it then reads nothing again by itself, and what the
// event stream says is only counted. What is asked for by a click is answered.
import { focusManager } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

let paused = false, missed = 0;
const listeners = new Set<() => void>();
const say = () => listeners.forEach((f) => f());

export const isPaused = () => paused;

/** Pauses the page, or lets it go on; returns whether it had been paused. */
export function pause(on: boolean): boolean {
  const was = paused;
  if (on !== was) {
    paused = on;
    missed = 0;
    focusManager.setFocused(on ? false : undefined); // what nobody looks at is not read again
    say();
  }
  return was;
}

/** Notes that something changed; true: the page is paused, and is not to show it. */
export function missing(changes = 0): boolean {
  if (paused && changes) { missed += changes; say(); }
  return paused;
}

/** How many changes were missed since the page was paused. */
export const useMissed = () => useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, () => missed);
