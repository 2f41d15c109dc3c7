import { Link } from "wouter";
import type { Forecast } from "../api";
import { hostPath } from "../api";
import { clock, full, value, whole } from "../format";
import { Name } from "./Name";

/** What has a limit and when it is full, the soonest first. */
export function ForecastTable({ forecasts, host = true }: { forecasts: Forecast[]; host?: boolean }) {
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label="Forecasts">
      <table className="grid" data-testid="forecasts">
        <thead><tr>{host && <th>Host</th>}<th>Resource</th><th className="right">Used</th><th className="right">Of</th><th>Full</th><th /><th className="right" title="probability of being full within 24 hours">Within 24 h</th></tr></thead>
        <tbody>
          {forecasts.map((f) => (
            <tr key={f.host.id + f.resource + f.where}>
              {host && <td><Link className="host" href={hostPath(f.host.id)}><Name name={f.host.name} /></Link></td>}
              <td><Name name={f.title} /></td>
              <td className="right num" style={{ fontWeight: f.exhausted ? 600 : undefined, color: f.exhausted ? "var(--omen-hot)" : undefined }}>{f.expires ? "–" : value((f.used ?? 0) / (f.limit || 1), "ratio")}</td>
              <td className="right num dim">{f.expires ? "–" : value(f.limit, f.unit)}</td>
              <td style={{ whiteSpace: "nowrap" }}>{full(f)}{f.expires ? <div className="dim" style={{ fontSize: 12.5 }}>{clock(f.expires)}</div> : f.full_seconds !== null && <div className="dim" style={{ fontSize: 12.5 }}>{whole(f.early_seconds ?? 0)} to {whole(f.late_seconds ?? 0)}</div>}</td>
              <td><Fan f={f} /></td>
              <td className="right num">{value(f.probability[2], "ratio")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** From what is used now to full: the median, and the fan in which eight of ten lie. The limit is dashed. */
function Fan({ f }: { f: Forecast }) {
  if (f.expires || f.full_seconds === null || f.full_seconds <= 0) return null;
  const w = 150, h = 34, used = Math.min(1, (f.used ?? 0) / (f.limit || 1)), late = f.late_seconds ?? f.full_seconds;
  const x = (s: number | null) => 2 + ((s ?? 0) / (late * 1.1)) * (w - 4), y = (share: number) => h - 3 - share * (h - 7);
  const from = `${x(0)},${y(used)}`, at = (s: number | null) => `${x(s).toFixed(1)},${y(1)}`;
  return (
    <svg width={w} height={h} role="img" aria-label={`full in ${whole(f.full_seconds)}, between ${whole(f.early_seconds ?? 0)} and ${whole(late)}`} style={{ display: "block" }}>
      <line x1={0} x2={w} y1={y(1)} y2={y(1)} stroke="var(--omen-hot)" strokeDasharray="3 3" opacity={0.55} />
      <polygon points={`${from} ${at(f.early_seconds)} ${at(late)}`} fill="var(--omen-ink)" opacity={0.18} />
      <polyline points={`${from} ${at(f.full_seconds)}`} fill="none" stroke="var(--omen-ink)" strokeWidth={1.5} />
    </svg>
  );
}
