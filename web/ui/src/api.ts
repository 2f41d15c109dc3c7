// How pages ask the API; what it answers is in api.gen.ts, written from api/openapi.json.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { Act as Body, Change, Explanation, Features, Forecasts, HeatMap, HostDetail, Hosts, IncidentDetail, Incidents, Models, Previews, ScoreHistory, Status, Verdict } from "./api.gen";

import { heard, probe } from "./live";

export type * from "./api.gen";
export type Num = number | null;

const base = "/api/v1/omen";

/** What the API says when it refuses: the error, and how to resolve it. */
export class ApiError extends Error {
  constructor(message: string, readonly hint: string, readonly status: number) { super(message); }
}

export async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let r: Response;
  try {
    r = await fetch(base + path, init);
  } catch {
    void probe();
    throw new ApiError("Omen does not answer", "Is it still running? The web UI tries again by itself.", 0);
  }
  heard();
  const body = await r.json().catch(() => null);
  if (!r.ok) throw new ApiError(body?.error ?? `status ${r.status}`, body?.hint ?? "", r.status);
  return body as T;
}

export const enc = encodeURIComponent;
/** Where a host is shown; its id's slashes stay readable. */
export const hostPath = (id: string) => "/hosts/" + id.split("/").map(enc).join("/");
/** What an address below /hosts, /incidents or /models names; each escape is read once, so that a name may hold %2F. */
export function idOf(pathname: string): string {
  const text = pathname.split("/").slice(2).join("/");
  try { return decodeURIComponent(text); } catch { return text; }
}
export const incidentPath = (id: string) => "/incidents/" + enc(id);

export function query(params: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== "") q.set(k, String(v));
  const text = q.toString();
  return text && "?" + text;
}

/** How often what is said of all hosts is asked for, in ms: what costs more is asked for less often. Changes of incidents are heard of at once. */
const every = (counts: Record<string, number> | undefined) => Math.min(15_000, Math.max(3000, 3 * Object.values(counts ?? {}).reduce((n, v) => n + v, 0)));

export const useStatus = () => useQuery({ queryKey: ["status"], queryFn: () => ask<Status>("/status"), refetchInterval: (q) => every(q.state.data?.hosts) });

export const useHosts = (p: { q?: string; state?: string; sort?: string; match?: string; limit?: number; offset?: number }) =>
  useQuery({ queryKey: ["hosts", p], queryFn: () => ask<Hosts>("/hosts" + query(p)), refetchInterval: (q) => every(q.state.data?.counts), placeholderData: keepPreviousData });

/** The fleet's highest scores by time; what has not been read yet is asked for soon. */
export const useHeat = (p: { last: string; group: string; match: string }) =>
  useQuery({
    queryKey: ["heat", p] as const, queryFn: () => ask<HeatMap>("/heat" + query(p)),
    placeholderData: (old: HeatMap | undefined, was) => (was?.queryKey[1].group === p.group ? old : undefined), // rows of another label are named by that
    refetchInterval: (q) => (q.state.data && q.state.data.read_from > q.state.data.from ? 1500 : 60_000),
  });

export const useHost = (id: string) =>
  useQuery({ queryKey: ["host", id], queryFn: () => ask<HostDetail>(`/hosts/${enc(id)}`), refetchInterval: 2000 });

/** Scores of the last so many seconds, or of a fixed span. */
export const useScores = (id: string, span: { last: number } | { from: number; to: number } | null) =>
  useQuery({
    queryKey: ["score", id, span],
    enabled: span !== null && id !== "",
    queryFn: () => {
      const now = Date.now() / 1000;
      const [from, to] = span && "last" in span ? [now - span.last, now] : [span?.from ?? 0, span?.to ?? now];
      return ask<ScoreHistory>(`/hosts/${enc(id)}/score` + query({ from, to, points: 1200 }));
    },
    refetchInterval: span && "last" in span ? (span.last > 7200 ? 15000 : 3000) : false,
    placeholderData: keepPreviousData,
  });

/** Some features of a host, or with "*" all, over the last so many seconds, or a fixed span, with what was expected then, in one request; ago: so many seconds before. */
export const useFeatures = (id: string, features: string[], span: { last: number } | { from: number; to: number }, ago = 0) =>
  useQuery({
    queryKey: ["features", id, features, span, ago], enabled: id !== "" && features.length > 0, retry: false, placeholderData: keepPreviousData,
    queryFn: () => {
      const now = Date.now() / 1000, [from, to] = "last" in span ? [now - span.last, now] : [span.from, span.to];
      const names = features.length > 16 ? ["*"] : features; // the API takes so many by name
      return ask<Features>(`/hosts/${enc(id)}/features` + query({ from: from - ago, to: to - ago, points: 450 }) + names.map((f) => "&feature=" + enc(f)).join(""));
    },
    refetchInterval: "last" in span ? Math.max(5000, span.last * 5) : false, // a point stands for a 150th of the span
  });

/** What is full soonest; likely: only what is expected to become full at all. */
export const useForecasts = (p: { host?: string; likely?: string; limit?: number }) =>
  useQuery({ queryKey: ["forecasts", p], queryFn: () => ask<Forecasts>("/forecasts" + query(p)), refetchInterval: 15000, placeholderData: keepPreviousData });

export const useIncidents = (p: { state?: string; host?: string; kind?: string; members?: string; from?: number; to?: number; limit?: number; before?: string; quiet?: string; fleet?: string; sort?: string }, on = true) =>
  useQuery({
    queryKey: ["incidents", p], enabled: on, refetchInterval: 10000, placeholderData: keepPreviousData,
    queryFn: () => ask<Incidents>("/incidents" + query(p)),
  });

export const useIncident = (id: string) =>
  useQuery({ queryKey: ["incident", id], queryFn: () => ask<IncidentDetail>(`/incidents/${enc(id)}`), refetchInterval: 5000 });

export const useModels = () => useQuery({ queryKey: ["models"], queryFn: () => ask<Models>("/models"), refetchInterval: 15000 });

export const useHostModels = (id: string) =>
  useQuery({ queryKey: ["models", id], enabled: id !== "", queryFn: () => ask<Models>(`/models/${enc(id)}`), refetchInterval: 30000 });

/** Why people were (not) notified of a host at an instant in seconds; 0: now, asked again every half a minute. */
export const useExplanation = (id: string, at: number) =>
  useQuery({
    queryKey: ["explain", id, at], retry: false, refetchInterval: at ? false : 30000, placeholderData: (old: Explanation | undefined) => (old?.host === id && !at ? old : undefined),
    queryFn: () => ask<Explanation>(`/hosts/${enc(id)}/explain` + query({ at: at || undefined })),
  });

export type Act = Body & { action: string };

export const post = (body: unknown): RequestInit => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export function useAct(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ action, ...body }: Act) => ask<IncidentDetail>(`/incidents/${enc(id)}/${action}`, post(body)),
    onSuccess: (detail) => {
      client.setQueryData(["incident", id], detail);
      void client.invalidateQueries({ queryKey: ["incidents"] });
    },
  });
}

export const previewVerdict = (id: string, verdict: Verdict, by: string, role = false) =>
  ask<Previews>(`/incidents/${enc(id)}/verdict/preview`, post({ verdict, by, role }));

/** Listens for changes of incidents and refreshes what shows them. */
export function follow(refresh: (keys: string[][]) => void): () => void {
  const stream = new EventSource(base + "/stream");
  stream.addEventListener("change", (e) => {
    const change = JSON.parse((e as MessageEvent<string>).data) as Pick<Change, "incident" | "kind">;
    refresh([["incidents"], ["incident", change.incident], ["plan", change.incident], ["status"], ["hosts"], ...(change.kind === "acted" ? [["actions"]] : [])]);
  });
  stream.addEventListener("open", heard);
  stream.addEventListener("error", () => void probe());
  return () => stream.close();
}
