import { createContext, useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { attends, merged, type Attention } from "../held";

const Held = createContext<{ on: boolean; report: (id: string, changes: number) => void }>({ on: false, report: () => undefined });

const nobody: Attention = { pointer: false, focus: false, seen: 0, left: 0 };
const answered = 1500; // ms in which what somebody has done is read again
const inList = (el: EventTarget | null) => el instanceof Element && !!el.closest("[data-hold]");

/** While the pointer or the focus is in a list of the page (data-hold), all its lists keep their rows where they are; a button says how many changes wait. */
export function Hold({ children }: { children: ReactNode }) {
  const [on, setOn] = useState(false), [waits, setWaits] = useState<ReadonlyMap<string, number>>(new Map());
  const at = useRef<Attention>(nobody), free = useRef(0), client = useQueryClient();
  useEffect(() => {
    const seen = (part: Partial<Attention>) => { if (Date.now() < free.current) return; at.current = { ...at.current, ...part, seen: Date.now() }; setOn(true); };
    const move = (e: Event) => {
      if (inList(e.target)) seen({ pointer: true });
      else if (at.current.pointer) at.current = { ...at.current, pointer: false, left: Date.now() };
    };
    const focus = (e: Event) => {
      if (inList(e.target) && (e.target as Element).matches(":focus-visible")) seen({ focus: true });
      else if (at.current.focus) at.current = { ...at.current, focus: false, left: Date.now() };
    };
    const press = (e: KeyboardEvent) => { if (at.current.focus && e.key !== "u") seen({}); };
    const gone = () => { at.current = { ...at.current, pointer: false, left: Date.now() }; };
    const events: [string, (e: never) => void][] = [["pointermove", move], ["pointerdown", move], ["focusin", focus], ["keydown", press]];
    events.forEach(([name, f]) => document.addEventListener(name, f as EventListener));
    document.documentElement.addEventListener("pointerleave", gone);
    const look = setInterval(() => { if (!attends(at.current, Date.now())) setOn(false); }, 500);
    return () => {
      events.forEach(([name, f]) => document.removeEventListener(name, f as EventListener));
      document.documentElement.removeEventListener("pointerleave", gone);
      clearInterval(look);
    };
  }, []);
  const report = useCallback((id: string, changes: number) => setWaits((old) => {
    if ((old.get(id) ?? 0) === changes) return old;
    const now = new Map(old);
    if (changes) now.set(id, changes); else now.delete(id);
    return now;
  }), []);
  const apply = useCallback(() => { at.current = nobody; setOn(false); }, []);
  useEffect(() => client.getMutationCache().subscribe((e) => { // what somebody has done is shown at once
    if (e.type === "updated" && e.action.type === "success") { free.current = Date.now() + answered; apply(); }
  }), [client, apply]);
  const n = on ? [...waits.values()].reduce((a, b) => a + b, 0) : 0;
  return (
    <Held value={useMemo(() => ({ on, report }), [on, report])}>
      {children}
      <div className="waits" role="status">{n > 0 && <button type="button" data-key="u" title="Show them (u)" onClick={apply}>{n} {n === 1 ? "change" : "changes"} ↑</button>}</div>
    </Held>
  );
}

type Merge<T> = (shown: T, next: T) => { value: T; changes: number };

/** A value that stays as it is shown while somebody's attention is in a list. question: what it answers; the answer to another one is shown at once. merge: what of it may go on. */
export function useHeld<T>(next: T, question: string, merge: Merge<T>): T {
  const { on, report } = useContext(Held), id = useId(), shown = useRef<{ question: string; value: T }>(undefined);
  const old = shown.current, { value, changes } = on && old?.question === question ? merge(old.value, next) : { value: next, changes: 0 };
  useLayoutEffect(() => { shown.current = { question, value }; report(id, changes); });
  useEffect(() => () => report(id, 0), [id, report]);
  return value;
}

/** Rows that stay where they are shown. settled: they answer the question, and not the one before. */
export const useHeldRows = <T,>(rows: T[], key: (row: T) => string, question = "", settled = true): T[] =>
  useHeld(rows, settled ? question : "…", (shown, next) => merged(shown, next, key));

/** A value that goes on while it has the same parts, and else stays, as one change. */
export const useHeldShape = <T,>(next: T, shape: (value: T) => string): T =>
  useHeld(next, "", (shown, now) => (shape(shown) === shape(now) ? { value: now, changes: 0 } : { value: shown, changes: 1 }));
