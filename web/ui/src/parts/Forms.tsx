import { Select, TextInput } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { ApiError } from "../api";
import { words } from "../format";
import { matcherText, type Effect, type Matcher } from "../quiet";

/** Who acts; remembered by the browser. */
export const useBy = () => useLocalStorage({ key: "omen-by", defaultValue: "", getInitialValueInEffect: false });

export const effectWords: Record<string, string> = { "": "nobody is told", silence: "nobody is told", exclude: "nobody is told, not learned from", shift: "nobody is told, learned as expected" };

export const EffectField = ({ value, onChange }: { value: Effect; onChange: (v: Effect) => void }) => (
  <Select size="sm" label="Effect" allowDeselect={false} value={value} onChange={(v) => onChange((v ?? "silence") as Effect)} description="Incidents are recorded and shown all the same."
    data={[{ value: "silence", label: "Silence: nobody is told" }, { value: "exclude", label: "Also leave this time out of training" }, { value: "shift", label: "Also learn it as what is expected then" }]} />
);

export const MatchField = ({ value, onChange, error }: { value: string; onChange: (v: string) => void; error?: string }) => (
  <TextInput size="sm" label="Which incidents" required withAsterisk={false} value={value} onChange={(e) => onChange(e.currentTarget.value)} error={error} spellCheck={false} autoComplete="off" placeholder={'host=~"web-.*", severity="warning"'}
    description="All must hold. Names: host, profile, source, kind, severity, cause, or a label of the host." />
);

export const Field = (p: { label: string; value: string; onChange: (v: string) => void; error?: string; description?: string; type?: string; placeholder?: string; autoFocus?: boolean }) => (
  <TextInput size="sm" label={p.label} value={p.value} onChange={(e) => p.onChange(e.currentTarget.value)} error={p.error} description={p.description} type={p.type} placeholder={p.placeholder} autoComplete="off" data-autofocus={p.autoFocus || undefined} />
);

/** What the API refused, with how to mend it, at the field that its words name. */
export function refusal(error: unknown, fields: Record<string, RegExp>): Record<string, string> {
  if (!error) return {};
  const e = error as Error, text = e.message + (e instanceof ApiError && e.hint ? `. ${e.hint}` : "");
  for (const [field, words] of Object.entries(fields)) if (words.test(e.message)) return { [field]: text };
  return { form: text };
}

export const Matchers = ({ match }: { match: Matcher[] }) => (
  <span className="chips">{match.map((m, n) => <code key={n} className="chip">{matcherText(m)}</code>)}</span>
);

/** The causes of a pattern: disk write up. */
export const Signs = ({ causes }: { causes: { feature: string; up: boolean }[] }) => (
  <span className="chips">{causes.map((c) => <span key={c.feature} className="chip">{words(c.feature)} <span aria-label={c.up ? "up" : "down"}>{c.up ? "↑" : "↓"}</span></span>)}</span>
);
