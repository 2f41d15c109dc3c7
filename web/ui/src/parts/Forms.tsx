import { Select, TextInput } from "@mantine/core";
import "./dialog.css";
import { useDebouncedValue } from "@mantine/hooks";
import { ApiError, hostPath, incidentPath } from "../api";
import { middle, visible } from "../format";
import { title, why } from "./Bits";
import type { ReactNode } from "react";
import { Name } from "./Name";
import { Link } from "wouter";
import { matcherText, useMatches, type Effect } from "../mute";

export const effectWords: Record<Effect | "", string> = { "": "suppressed", silence: "suppressed", exclude: "suppressed, left out of training", shift: "suppressed, learned as expected" };

export const EffectField = ({ value, onChange }: { value: Effect; onChange: (v: Effect) => void }) => (
  <Select size="sm" label="Effect" allowDeselect={false} value={value} onChange={(v) => onChange((v ?? "silence") as Effect)} description="Incidents are still recorded and shown."
    data={[{ value: "silence", label: "Silence: suppress notifications" }, { value: "exclude", label: "Also leave this time out of training" }, { value: "shift", label: "Also learn it as expected at that time" }]} />
);

/** Why a text cannot hold matchers; whether they can be read is for the server to say. */
export const noMatch = (text: string) => (text.trim() ? "" : 'write at least one matcher, such as host="web-1"');

/** Which incidents: matchers as text, each with a button that removes it, and what they match now. */
export const MatchField = ({ value, onChange, error }: { value: string; onChange: (v: string) => void; error?: string }) => {
  const [settled] = useDebouncedValue(value, 250);
  const read = useMatches(settled), all = (settled === value && read.data?.match) || [];
  return (
    <div>
      <TextInput size="sm" label="Which incidents" required withAsterisk={false} value={value} onChange={(e) => onChange(e.currentTarget.value)} error={error} spellCheck={false} autoComplete="off" placeholder={'host=~"web-.*", severity="warning"'}
        description="All must hold. Names: host, profile, source, kind, severity, cause, or a label of the host." />
      {all.length > 1 && <div className="chips" style={{ marginTop: 8 }}>{all.map((m, n) => <code key={n} className="chip"><bdi>{middle(visible(matcherText(m)), 120)}</bdi>
        <button type="button" className="drop" aria-label={`Remove ${matcherText(m)}`} onClick={() => onChange(all.filter((_, k) => k !== n).map(matcherText).join(", "))}>×</button></code>)}</div>}
      {settled.trim() && <Matched read={read} />}
    </div>
  );
};

/** What the matchers match at this moment. */
function Matched({ read: r }: { read: ReturnType<typeof useMatches> }) {
  const box = (children: ReactNode) => <div className="matched" role="status" aria-label="What it matches now">{children}</div>;
  if (r.error) return box(<span style={{ color: "var(--omen-hot)" }}>{r.error.message}</span>);
  if (!r.data) return box(<span className="dim">…</span>);
  const m = r.data, more = (n: number) => n > 0 && <span className="dim"> and {n} more</span>;
  return box(
    <>
      <div><b>{m.host_count === 0 ? "No host" : `${m.host_count} of ${m.all_hosts} ${m.all_hosts === 1 ? "host" : "hosts"}`}</b>{m.host_count === 0 ? "  matches now." : ": "}
        {m.hosts.slice(0, 6).map((h, n) => <span key={h.id}>{n > 0 && ", "}<Link className="plain" href={hostPath(h.id)} target="_blank"><Name name={h.name} /></Link></span>)}{more(m.host_count - Math.min(6, m.hosts.length))}</div>
      <div><b>{m.incident_count === 0 ? "No open incident" : `${m.incident_count} open ${m.incident_count === 1 ? "incident" : "incidents"}`}</b>{m.incident_count === 0 && " matches now."}</div>
      {m.incidents.slice(0, 4).map((i) => <div key={i.id} className="one"><Link className="plain" href={incidentPath(i.id)} target="_blank"><Name name={title(i)} /></Link><span className="dim"> · {i.severity}{i.suppressed ? ", already suppressed" : ""} · {why(i)}</span></div>)}
      {more(m.incident_count - Math.min(4, m.incidents.length))}
    </>,
  );
}

export const Field = (p: { label: string; value: string; disabled?: boolean; onChange: (v: string) => void; error?: string; description?: string; type?: string; placeholder?: string; autoFocus?: boolean }) => (
  <TextInput size="sm" label={p.label} value={p.value} onChange={(e) => p.onChange(e.currentTarget.value)} error={p.error} description={p.description} type={p.type} disabled={p.disabled} placeholder={p.placeholder} autoComplete="off" data-autofocus={p.autoFocus || undefined} />
);

/** What the API refused, with how to resolve it, at the field that it names. */
export function refusal(error: unknown, fields: Record<string, RegExp>): Record<string, string> {
  if (!error) return {};
  const e = error as Error, text = e.message + (e instanceof ApiError && e.hint ? `. ${e.hint}` : "");
  for (const [field, words] of Object.entries(fields)) if (words.test(e.message)) return { [field]: text };
  return { form: text };
}
