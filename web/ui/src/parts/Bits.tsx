import { Alert } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { ApiError, hostPath, incidentPath, type Cause, type Grade as GradeName, type HostState, type Incident } from "../api";
import { ago, bothClocks, causesLine, clearing, range, reason, score, severityColor, stateColor, timeOf, value, visible, whenText, whole, words } from "../format";
import type { ahead } from "../host";
import { useHeldRows } from "./Hold";
import { Name } from "./Name";

export const Dot = ({ color }: { color: string }) => <span className="dot" style={{ background: `var(--mantine-color-${color}-5)` }} data-color={color} aria-hidden />;

/** soon: what people are notified of that is ahead; a host that does what it usually does is not well then. */
export const State = ({ state, soon }: { state: HostState; soon?: ReturnType<typeof ahead> }) => (
  <span className="line" style={{ gap: 7, flexWrap: "nowrap" }}><Dot color={soon && state !== "anomalous" ? severityColor[soon.severity] : stateColor[state]} />{state}{soon && ` · ${soon.text}`}</span>
);

const gradeHelp: Record<GradeName, string> = {
  "": "no model yet",
  provisional: "trained on minutes of data: people are notified only of scores clearly above the limit",
  learning: "trained on hours of data: an incident must last longer before it opens",
  established: "trained on a day of data or more",
};
export const Grade = ({ grade }: { grade: GradeName }) =>
  grade ? <Badge title={gradeHelp[grade]}>{grade}</Badge> : <span className="dim">–</span>;

/** A word in a box; tone: a severity's, of something open. */
export const Badge = ({ tone, title, children }: { tone?: string; title?: string; children: ReactNode }) => <span className={"badge" + (tone ? " " + tone : "")} title={title}>{children}</span>;

export const Severity = ({ incident: i }: { incident: Pick<Incident, "severity" | "state"> }) => <Badge tone={i.state === "closed" ? undefined : i.severity}>{i.severity}</Badge>;

/** An instant within an hour as "3 min ago", else by the local clock; on hover in UTC, too; exact: both. It ticks by itself. */
export function When({ at, exact = false }: { at: string | null; exact?: boolean }) {
  const now = useNow(5000);
  return <time dateTime={at ?? undefined} title={bothClocks(at)}>{exact && at ? <>{timeOf(at, now)} <span className="dim">· {ago(at, now)}</span></> : whenText(at, now)}</time>;
}

export function useNow(every = 1000): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const t = setInterval(() => set(Date.now()), every);
    return () => clearInterval(t);
  }, [every]);
  return now;
}

/** An error. read: of a reading, not of an action: that nobody answers is then said once, above the page. */
export function Problem({ error, what, read }: { error: unknown; what: string; read?: boolean }) {
  if (!error || (read && error instanceof ApiError && error.status === 0)) return null;
  const hint = error instanceof ApiError ? error.hint : "";
  return <Alert color="red" variant="light" role="alert" title={what}>{(error as Error).message}{hint && <div className="dim">{hint}</div>}</Alert>;
}

/** What is said where there is nothing, or nothing yet: not at once, so that what comes soon does not flash. */
export const Empty = ({ children }: { children: ReactNode }) => <div className="dim empty">{children}</div>;

/** Causes with their share, actual and expected values; odd: of a score above the limit. */
export function Causes({ causes, odd, most = causes.length }: { causes: Cause[]; odd: boolean; most?: number }) {
  if (!causes.length) return <Empty>No causes yet: the host has no score.</Empty>;
  return (
    <div style={{ display: "flex", flexDirection: "column", gap: 12 }}>
      {[...causes].sort((a, b) => Number(a.trivial) - Number(b.trivial)).slice(0, most).map((c) => (
        <div key={c.feature} className={c.trivial ? "dim" : undefined}>
          <div className="line between" style={{ fontSize: 14, flexWrap: "nowrap" }}>
            <span><b style={{ fontWeight: 600 }}>{words(c.feature)}</b>{c.trivial && <span className="dim"> · too small to matter</span>}</span>
            <span className="num dim">{Math.round((c.share ?? 0) * 100)} %</span>
          </div>
          <div className="share" aria-hidden><i style={{ width: `${Math.min(100, (c.share ?? 0) * 100)}%` }} /></div>
          <div className="num dim" style={{ fontSize: 13, marginTop: 3 }}>
            is <span style={{ color: c.trivial ? undefined : "var(--mantine-color-text)" }}>{value(c.actual, c.unit)}</span>, expected {range(c.lower, c.upper, c.unit)}{!!c.stuck_seconds && `; the same for ${whole(c.stuck_seconds)}`}{!!c.drifting_seconds && `; drifting for ${whole(c.drifting_seconds)}`}
          </div>
        </div>
      ))}
      {odd && <Clearing causes={causes} />}
    </div>
  );
}

/** What would have to return to normal for the alert to clear. */
function Clearing({ causes }: { causes: Cause[] }) {
  const names = clearing(causes);
  return <div className="dim" style={{ fontSize: 13 }}>{names ? <>Enough to clear the alert: {names} back at the expected value.</> : "These features alone, back at the expected value, would not clear the alert."}</div>;
}

export const title = (i: Incident) =>
  i.kind === "fleet" ? `${i.members.length} hosts` : i.kind === "source" ? `source ${i.host.source}` : i.kind === "omen" ? "Omen itself" : i.kind === "forecast" && i.forecast ? `${i.forecast.title} on ${i.host.name}` : i.host.name;

/** What an incident is known by, in words. */
export const why = (i: Incident) => causesLine(i.causes) || visible(i.summary) || reason(i.reason);

/** Incidents in a table. question: what they answer, where that changes. */
export function IncidentTable({ incidents: all, host = true, question }: { incidents: Incident[]; host?: boolean; question?: string }) {
  const incidents = useHeldRows(all, (i) => i.id, question);
  return (
    <div className="scroll" data-hold>
      <table className="grid">
        <thead><tr><th>Severity</th>{host && <th>Where</th>}<th>Why</th><th>State</th><th className="right">Peak</th><th>Since</th></tr></thead>
        <tbody>
          {incidents.map((i) => (
            <tr key={i.id}>
              <td><Severity incident={i} /></td>
              {host && <td><Link className="host" href={incidentPath(i.id)}><Name name={title(i)} /></Link></td>}
              <td><Link href={incidentPath(i.id)} style={{ fontWeight: 400 }}><span className="cause">{why(i)}</span></Link></td>
              <td style={{ whiteSpace: "nowrap" }}>{i.state}{i.suppressed && <span className="dim" title={"suppressed: " + reason(i.suppressed)}> · suppressed</span>}{i.returning_since && <div className="dim" style={{ fontSize: 12.5 }}>returning to normal since {timeOf(i.returning_since)}</div>}</td>
              <td className="right num">{i.kind === "forecast" ? "–" : score(i.peak)}</td>
              <td style={{ whiteSpace: "nowrap" }}><When at={i.since} exact /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export const HostLink = ({ id, name }: { id: string; name: string }) => <Link className="host" href={hostPath(id)}><Name name={name} /></Link>;
