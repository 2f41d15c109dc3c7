import { Suspense, useEffect, useState } from "react";
import { useView } from "../view";
import { Guard, part } from "./Guard";

const Palette = part(() => import("./Palette").then((m) => m.Palette));

/** Leads by keyboard past the navigation. */
export const Skip = () => <a className="skip" href="#content" onClick={(e) => { e.preventDefault(); document.getElementById("content")?.focus(); }}>Skip to the content</a>;

const writing = (el: EventTarget | null) => el instanceof Element && !!el.closest("input, textarea, select, [contenteditable], dialog, [role=dialog]");

/** Moves the focus to the next row of the page's tables; Enter then opens it. */
function toRow(way: number) {
  const links = [...document.querySelectorAll("main table.grid tbody tr, main .open > li")].flatMap((r) => r.querySelector("a") ?? []);
  const at = links.findIndex((a) => a.closest("tr, li")!.contains(document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, at < 0 ? 0 : at + way))]?.focus();
}

/** Presses what the row with the focus marked with data-row-key, or else the page with data-key, or puts the focus into it. */
function toMarked(key: string): boolean {
  const k = CSS.escape(key), row = document.activeElement?.closest("li, tr");
  const el = row?.querySelector<HTMLElement>(`[data-row-key="${k}"]`) ?? document.querySelector<HTMLElement>(`[data-key="${k}"]`);
  if (!el) return false;
  if (el.matches("button, a")) el.click(); else (el.querySelector<HTMLElement>("[aria-pressed=true]") ?? el.querySelector<HTMLElement>("button"))?.focus();
  return true;
}

/** The keys that do something on every page, and what they open. ?kiosk is for screens on a wall. */
export function Keys() {
  const [open, setOpen] = useState<"" | "find" | "help">(""), { kiosk } = useView()[0];
  useEffect(() => { document.documentElement.classList.toggle("kiosk", kiosk); }, [kiosk]);
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const k = (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k";
      if (!k && (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.key.length !== 1 || writing(e.target))) return;
      if (k || e.key === "/") setOpen("find");
      else if (e.key === "?") setOpen("help");
      else if (e.key === "j" || e.key === "k") toRow(e.key === "j" ? 1 : -1);
      else if (!toMarked(e.key)) return;
      e.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <button type="button" className="find" onClick={() => setOpen("find")} aria-keyshortcuts="/ Control+K">Find <kbd>/</kbd></button>
      {open && <Guard at={open} small><Suspense fallback={null}><Palette key={open} what={open} close={() => setOpen("")} /></Suspense></Guard>}
    </>
  );
}
