/** One of a few: buttons side by side. */
export function Segments(p: { data: { value: string; label: string }[]; value: string; onChange: (v: string) => void; "aria-label": string }) {
  return (
    <div className="segments" role="group" aria-label={p["aria-label"]}>
      {p.data.map((d) => <button key={d.value} type="button" aria-pressed={d.value === p.value} onClick={() => p.onChange(d.value)}>{d.label}</button>)}
    </div>
  );
}
