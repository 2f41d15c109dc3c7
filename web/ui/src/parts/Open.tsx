import { Button } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { incidentPath, useAct, type Incident } from "../api";
import { ago, bothClocks, range, score, timeOf, value, visible, words } from "../format";
import { useLocked } from "../me";
import { silenceFor } from "../mute";
import { commonText } from "../now";
import { Problem, Severity, title, useNow, why } from "./Bits";
import { useBy } from "./By";
import { Name } from "./Name";
import { SilenceNow } from "./Silence";
import { Spark } from "./Spark";

const SilenceForm = lazy(() => import("../pages/Silences").then((m) => ({ default: m.SilenceForm })));

/** What is open, the heaviest first: each with its picture, its leading cause, what its hosts have in common, and what to do about it in a click. */
export function OpenIncidents({ incidents }: { incidents: Incident[] }) {
  return <ul className="entries open" data-hold>{incidents.map((i) => <Entry key={i.id} i={i} />)}</ul>;
}

function Entry({ i }: { i: Incident }) {
  const now = useNow(10_000), cause = i.causes.find((c) => !c.trivial) ?? i.causes[0], more = i.causes.filter((c) => !c.trivial).length - 1, together = commonText(i.common);
  return (
    <li>
      <Severity incident={i} />
      <div className="said">
        <Link href={incidentPath(i.id)}><b><Name name={title(i)} /></b></Link>
        <span className="dim num" title={bothClocks(i.since)}> · since {timeOf(i.since, now)} ({ago(i.since, now)}){i.kind !== "forecast" && i.peak !== null && ` · peak ×${score(i.peak)}`}{i.acked_by && ` · taken by ${visible(i.acked_by)}`}{i.returning_since && ` · returning to normal since ${timeOf(i.returning_since, now)}`}</span>
        <div className="num">{cause ? <>{words(cause.feature)} <b style={{ color: "var(--omen-hot)" }}>{value(cause.actual, cause.unit)}</b><span className="dim">, expected {range(cause.lower, cause.upper, cause.unit)}{more > 0 && `; and ${more} more`}</span></> : why(i)}</div>
        {i.kind === "fleet" && <div className="dim">first: <Name name={i.host.name} most={40} />{together && ` · in common: ${together}`}</div>}
      </div>
      <span className="picture">{i.strip && <Spark scores={i.strip.scores} hot />}</span>
      <Acts i={i} />
    </li>
  );
}

/** Acknowledge and silence; others read the incident. */
function Acts({ i }: { i: Incident }) {
  const act = useAct(i.id), [by] = useBy(), [form, setForm] = useState(false);
  if (useLocked("operate")) return null;
  const run = (action: string) => act.mutate({ action, by });
  return (
    <div className="line acts">
      {i.state === "open" ? <Button size="xs" color="violet" data-row-key="a" loading={act.isPending} onClick={() => run("ack")} aria-label={`Acknowledge ${visible(title(i))}`}>Acknowledge</Button>
        : <Button size="xs" variant="default" loading={act.isPending} onClick={() => run("unack")} aria-label={`Undo the acknowledgement of ${visible(title(i))}`}>Undo</Button>}
      <SilenceNow row match={silenceFor(i)} more={() => setForm(true)} />
      {form && <Suspense fallback={null}><SilenceForm draft={{ match: silenceFor(i) }} close={() => setForm(false)} /></Suspense>}
      <Problem error={act.error} what="The action failed" />
    </div>
  );
}
