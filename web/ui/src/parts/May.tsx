import type { ReactNode } from "react";
import type { Role } from "../api";
import { useLocked } from "../me";

/** What a role is needed for; others read what it is, and why they may not. decides: only approvers of actions may. card: it is one by itself. */
export function May({ role, what, decides, card, children }: { role: Role; what: string; decides?: boolean; card?: boolean; children: ReactNode }) {
  const locked = useLocked(role, decides);
  if (!locked) return <>{children}</>;
  const words = <span className="dim" style={{ fontSize: 13 }} data-testid="locked">{what}: {locked}</span>;
  return card ? <section className="card" aria-label={what}>{words}</section> : words;
}
