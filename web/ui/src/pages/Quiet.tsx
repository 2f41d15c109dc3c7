import type { ReactNode } from "react";
import { useLocation } from "wouter";
import { opened, toggled, type Section } from "../calendar";
import { Calendar } from "../parts/Calendar";
import { useView } from "../view";
import { Events } from "./Events";
import { Silences } from "./Silences";
import { Windows } from "./Windows";

const lists: { name: Section; title: string; list: () => ReactNode }[] = [
  { name: "silences", title: "Silences", list: Silences }, { name: "windows", title: "Maintenance windows", list: Windows }, { name: "events", title: "Events", list: Events },
];

/** What suppresses notifications: one calendar, and below it the lists that it is made of, each opened by its own address too. */
export function Quiet() {
  const path = useLocation()[0].split("/")[1] ?? "", [view, set] = useView(), open = opened(path, view.open);
  return (
    <main className="page">
      <div><h1>Quiet</h1><div className="dim" style={{ fontSize: 14, marginTop: 2 }}>When people are not notified: silences, maintenance windows, and the grace after boots, restarts and deploys. Incidents are still recorded.</div></div>
      <Calendar />
      {lists.map(({ name, title, list: List }) => {
        const on = open.includes(name);
        return (
          <section key={name} aria-labelledby={name} className="part">
            <h2 id={name}><button type="button" aria-expanded={on} onClick={() => set({ open: toggled(path, view.open, name) })}><span aria-hidden>{on ? "▾" : "▸"} </span>{title}</button></h2>
            {on && <List />}
          </section>
        );
      })}
    </main>
  );
}
