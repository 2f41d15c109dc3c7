import type { Matcher } from "../api";
import { middle, visible, words } from "../format";
import { matcherText } from "../mute";

export const Matchers = ({ match }: { match: Matcher[] }) => (
  <span className="chips">{match.map((m, n) => <code key={n} className="chip"><bdi>{middle(visible(matcherText(m)), 120)}</bdi></code>)}</span>
);

/** The causes of a pattern: disk write up. */
export const Signs = ({ causes }: { causes: { feature: string; up: boolean }[] }) => (
  <span className="chips">{causes.map((c) => <span key={c.feature} className="chip">{words(c.feature)} <span aria-label={c.up ? "up" : "down"}>{c.up ? "↑" : "↓"}</span></span>)}</span>
);
