import { useEffect, useRef, useState, type RefObject } from "react";
import { Link } from "wouter";
import { useStatus } from "../api";
import { people, useActions, usePlaybooks } from "../remedy";

/** The pages, in the order of what people ask at night: what is wrong, what was, where, what is kept from them, and whether to believe it. */
export function Nav({ path }: { path: string }) {
  const first = path.split("/")[1] ?? "", bar = useRef<HTMLElement>(null), more = useMore(bar);
  const open = useStatus().data?.open_incidents ?? 0;
  const acts = !!usePlaybooks().data?.playbooks.length, waiting = useActions({ state: people, limit: 1000 }, acts).data?.actions.length ?? 0;
  const counted = (label: string, n: number) => (n ? `${label} (${n})` : label);
  const to = (href: string, label: string, ...sections: string[]) => <Link className="nav" href={href} aria-current={sections.includes(first) ? "page" : undefined}>{label}</Link>;
  return (
    <div className="pages">
      <nav ref={bar} className="line" aria-label="Main">
        {to("/", "Now", "")}
        {to("/incidents", counted("Incidents", open), "incidents")}
        {to("/hosts", "Hosts", "hosts", "compare")}
        {to("/quiet", "Quiet", "quiet", "silences", "windows", "events")}
        {to("/models", "Trust", "models", "patterns")}
        {acts && to("/actions", counted("Actions", waiting), "actions")}
      </nav>
      {more && <button type="button" className="more" aria-label="More pages" onClick={() => bar.current?.scrollBy({ left: bar.current.clientWidth / 2 })}>›</button>}
    </div>
  );
}

/** The pages that share a name in the navigation, below it. */
export function SubNav({ path }: { path: string }) {
  if (!/^\/(models|patterns)(\/|$)/.test(path)) return null;
  const to = (href: string, label: string) => <Link className="sub" href={href} aria-current={path.startsWith(href) ? "page" : undefined}>{label}</Link>;
  return <nav className="subs" aria-label="Trust">{to("/models", "Models")}{to("/patterns", "Verdicts learned")}</nav>;
}

/** Whether a bar goes on beyond its right end. */
function useMore(bar: RefObject<HTMLElement | null>): boolean {
  const [more, set] = useState(false);
  useEffect(() => {
    const el = bar.current;
    if (!el) return;
    const look = () => set(el.scrollWidth - el.clientWidth - el.scrollLeft > 4);
    look();
    const sized = new ResizeObserver(look);
    sized.observe(el);
    el.addEventListener("scroll", look, { passive: true });
    return () => { sized.disconnect(); el.removeEventListener("scroll", look); };
  }); // its labels change its length, and nothing says so
  return more;
}
