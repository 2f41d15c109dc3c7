import { Alert, Button, Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Segments } from "./Segments";
import { Link } from "wouter";
import { previewVerdict, useAct, type IncidentDetail, type Preview, type Verdict } from "../api";
import { score, verdict, visible } from "../format";
import { IncidentTable, Problem } from "./Bits";
import { Signs } from "./Chips";

const verdicts: Verdict[] = ["real", "not_a_problem", "expected_at_this_time"];

/** The three verdicts; each is shown with what it would change before it is given. */
export function Verdicts({ i, by, comment, done }: { i: IncidentDetail; by: string; comment: string; done: () => void }) {
  const [asked, setAsked] = useState<Verdict>("");
  const take = useAct(i.id);
  return (
    <>
      <div className="line" style={{ marginTop: 12 }}>
        <span className="dim" style={{ fontSize: 14 }} id="judge">Was it a real problem?</span>
        <Button.Group aria-labelledby="judge" style={{ maxWidth: "100%", flexWrap: "wrap" }}>
          {verdicts.map((v) => (
            <Button key={v} size="compact-sm" variant={i.verdict === v ? "filled" : "default"} color="violet" aria-pressed={i.verdict === v} onClick={() => setAsked(v)} style={{ textTransform: "none" }}>
              {verdict(v)[0]!.toUpperCase() + verdict(v).slice(1)}
            </Button>
          ))}
        </Button.Group>
        {i.verdict ? <Button size="compact-sm" variant="subtle" color="gray" loading={take.isPending} onClick={() => take.mutate({ action: "verdict", by, verdict: "" })}>Take back</Button> :
          <span className="dim" style={{ fontSize: 13 }}>Omen learns from your answer; you see what it changes first. <Link className="plain" href="/patterns">All patterns</Link></span>}
      </div>
      <Problem error={take.error} what="The verdict was not taken back" />
      <Modal opened={!!asked} onClose={() => setAsked("")} size="lg" title={`“${verdict(asked)}”: what this would change`}>
        {asked && <Ask key={asked} i={i} v={asked} by={by} comment={comment} close={(given) => { setAsked(""); if (given) done(); }} />}
      </Modal>
    </>
  );
}

function Ask({ i, v, by, comment, close }: { i: IncidentDetail; v: Verdict; by: string; comment: string; close: (given: boolean) => void }) {
  const [role, setRole] = useState(false);
  const act = useAct(i.id);
  const preview = useQuery({ queryKey: ["preview", i.id, v, role], staleTime: 0, retry: false, queryFn: () => previewVerdict(i.id, v, by, role) });
  const all = preview.data?.previews ?? [];
  const lost = all.reduce((n, p) => n + p.lost.length, 0), real = v === "real";
  const give = () => act.mutate({ action: "verdict", by, verdict: v, role: role || undefined, force: lost > 0 || undefined, comment: comment || undefined }, { onSuccess: () => close(true) });
  return (
    <>
      <div className="line" style={{ marginBottom: 14 }}><span className="dim" style={{ fontSize: 14 }}>Applies</span>
        <Segments aria-label="Where it applies" value={role ? "role" : "host"} onChange={(x) => setRole(x === "role")}
          data={[{ value: "host", label: i.kind === "fleet" ? "on each of its hosts" : "on this host" }, { value: "role", label: "on every host of its role" }]} /></div>
      <Problem read error={preview.error} what="The preview cannot be shown" />
      {preview.isPending && <p className="dim">Looking at the last 90 days…</p>}
      {preview.data && !all.length && <Alert color="gray" variant="light">The verdict is recorded. The incident has no cause to recognise similar ones by, so Omen remembers no pattern.</Alert>}
      {role && all.some((p) => !p.pattern.role) && <Alert color="orange" variant="light" mb={12}>The host has no role label, so this would apply to the host alone.</Alert>}
      {all.length > 0 && <Effects i={i} all={all} real={real} lost={lost} />}
      <Problem error={act.error} what="The verdict was not given" />
      <div className="line" style={{ justifyContent: "flex-end", marginTop: 16 }}>
        <Button variant="default" size="xs" onClick={() => close(false)}>Cancel</Button>
        <Button size="xs" data-autofocus color={lost ? "red" : "violet"} loading={act.isPending} disabled={preview.isPending} onClick={give}>{lost ? "Apply anyway" : "Apply"}</Button>
      </div>
    </>
  );
}

function Effects({ i, all, real, lost }: { i: IncidentDetail; all: Preview[]; real: boolean; lost: number }) {
  const vanish = [...new Map(all.flatMap((p) => p.vanish).map((x) => [x.id, x])).values()];
  const others = vanish.filter((x) => x.id !== i.id && x.fleet !== i.id), own = others.length < vanish.length; // what is part of it is it
  return (
    <div style={{ display: "flex", flexDirection: "column", gap: 12, fontSize: 14 }}>
      <div>{real ? "From now on, samples like it count as anomalous earlier:" : "From now on incidents with these causes are suppressed:"}
        {all.slice(0, 5).map((p, n) => (
          <div key={n} style={{ marginTop: 6 }}><Signs causes={p.pattern.causes} /> <span className="dim">on {p.pattern.role ? `every host of role ${p.pattern.role}` : visible(p.pattern.host.name)}, {p.pattern.text}{real ? `, from a score of ${score(p.pattern.limit)}` : `, up to a peak of ${score(p.pattern.max_peak)}`}</span></div>))}
        {all.length > 5 && <div className="dim">and {all.length - 5} more</div>}
      </div>
      {lost > 0 && <Alert color="red" variant="light" title={`${lost} confirmed ${lost === 1 ? "incident" : "incidents"} would have been missed`}>Somebody judged {lost === 1 ? "it" : "them"} to be real. Applying this would suppress incidents like {lost === 1 ? "it" : "them"}.</Alert>}
      {!real && <div>{own && "This one, and "}<b>{others.length}</b> {own && "other "}{others.length === 1 ? "incident" : "incidents"} of the last 90 days would have been suppressed{others.length ? ":" : "."}</div>}
      {!real && others.length > 0 && <div style={{ maxHeight: 260, overflow: "auto" }}><IncidentTable incidents={others} /></div>}
    </div>
  );
}
