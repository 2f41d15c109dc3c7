import { Button, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { visible } from "../format";
import type { Role } from "../api";
import { May } from "./May";

interface Props { label: string; about: string; asks?: string; why?: "may" | "must"; primary?: boolean; role?: Role; anybody?: boolean; busy?: boolean; children?: ReactNode; go: (why: string, close: () => void) => void }

/** A button for a decision. What it asks before, a reason among it, opens in its place; a decision that asks nothing is taken at once. about: on what, for those who do not see what is beside it. role: the least that may take it, operate by default; anybody: also those who are no approvers of actions. */
export function Decide(p: Props) {
  return <May role={p.role ?? "operate"} decides={!p.anybody} what={p.label}><Taken {...p} /></May>;
}

function Taken(p: Props) {
  const [open, setOpen] = useState(false), [why, setWhy] = useState(""), [tried, setTried] = useState(false);
  const asks = !!(p.asks || p.why || p.children), name = visible(`${p.label}: ${p.about}`), close = () => { setOpen(false); setWhy(""); setTried(false); };
  if (!open) return <Button size="compact-sm" variant={p.primary ? "filled" : "default"} color="violet" loading={p.busy} aria-label={name} onClick={() => (asks ? setOpen(true) : p.go("", close))}>{p.label}{asks && "…"}</Button>;
  const missing = p.why === "must" && !why.trim();
  const submit = () => { setTried(true); if (!missing) p.go(why.trim(), close); };
  return (
    <form className="decide" noValidate aria-label={name} onSubmit={(e) => { e.preventDefault(); submit(); }} onKeyDown={(e) => { if (e.key === "Escape") close(); }}>
      {p.asks && <div>{p.asks}</div>}
      {p.children}
      {p.why && <TextInput size="xs" label={p.why === "must" ? "Reason" : "Reason, if you like"} value={why} onChange={(e) => setWhy(e.currentTarget.value)} autoFocus autoComplete="off" error={tried && missing ? "say why, so that others know" : undefined} />}
      <div className="line"><Button type="submit" size="compact-sm" color="violet" loading={p.busy} autoFocus={!p.why}>{p.label}</Button><Button size="compact-sm" variant="default" onClick={close}>Cancel</Button></div>
    </form>
  );
}
