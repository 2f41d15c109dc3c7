// The API's answers (see /api/v1/omen/openapi.json) and how pages ask for them.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

export type Num = number | null;
export interface Ref { id: string; source: string; profile: string; name: string }
export interface Cause { feature: string; unit: string; share: Num; actual: Num; expected: Num; lower: Num; upper: Num; trivial: boolean; clears: boolean; text: string }
export interface Training { running: boolean; progress: Num; samples: number; next_due: string | null; next_grade: string; err: string }
export interface Host extends Ref {
  labels: Record<string, string>; state: HostState; score: Num; reconstruction_error: Num; scored_at: string | null;
  grade: string; causes: Cause[]; last_seen: string | null; model: string; trained_at: string | null; training: Training; recent: Num[];
  model_age_seconds: Num; stale: boolean; drift: Drift | null; pages: { promised_per_week: Num; actual_per_week: Num; opened: number; days: number };
}
export interface Drift { measured_at: string | null; samples: number; busy: Num; expected: Num; shifted: string[]; drifting: boolean }
export type HostState = "learning" | "normal" | "anomalous" | "silent";
export interface Feature { name: string; unit: string; help: string; actual: Num; expected: Num; lower: Num; upper: Num; share: Num; actual_text: string; expected_text: string }
export interface Model { id: string; host: Ref; schema: string; grade: string; trained_at: string | null; from: string | null; to: string | null; rows: number; serving: boolean; note: string; card: Record<string, unknown> | null }
export interface HostDetail extends Host { features: Feature[]; incidents: Incident[]; serving: Model | null }
export interface Hosts { hosts: Host[]; total: number; counts: Record<HostState, number> }
export interface Source { name: string; address: string; state: string; since: string | null; err: string; failed_features: Record<string, string>; hosts: number; last_read: string | null; read_seconds: Num; step_seconds: Num }
export interface Incident {
  id: string; kind: string; host: Ref; members: Ref[]; state: string; severity: string; grade: string; since: string | null; opened_at: string | null;
  updated_at: string | null; closed_at: string | null; score: Num; peak: Num; causes: Cause[]; reason: string; summary: string; suppressed: string;
  acked_by: string; assignee: string; verdict: string; verdict_by: string; links: string[]; model: string;
}
export interface Change { seq: number; key: string; kind: string; at: string; state: string; severity: string; score: Num; reason: string; by: string; comment: string; causes: Cause[]; summary: string }
export interface Delivery { key: string; receiver: string; at: string; took_seconds: Num; outcome: string; detail: string }
export interface IncidentDetail extends Incident { changes: Change[]; deliveries: Delivery[] }
export interface Status {
  version: string; started_at: string; uptime_seconds: number; ready: boolean; waiting: string; hosts: Record<HostState, number>; sources: Source[];
  open_incidents: number; quiet_incidents: number; training: Ref[]; training_hosts: number; first_model_due: string | null; first_model_hosts: number; progress: Num; unclean_shutdown: boolean;
  pages: { promised_per_host_week: Num; actual_per_host_week: Num; opened: number; hosts: number; days: number } | null;
}
export interface History { host: string; limit: number; step_seconds: number; times: number[]; scores: Num[] }
export interface FeatureHistory { feature: string; unit: string; times: number[]; actual: Num[]; expected: Num[]; lower: Num[]; upper: Num[] }
export interface Preview { pattern: { text: string; host: Ref; role: string; max_peak: Num; limit: Num; causes: { feature: string; up: boolean }[] }; vanish: Incident[]; lost: Incident[] }

const base = "/api/v1/omen";

/** What the API says when it refuses: the error, and how to mend it. */
export class ApiError extends Error {
  constructor(message: string, readonly hint: string, readonly status: number) { super(message); }
}

export async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let r: Response;
  try {
    r = await fetch(base + path, init);
  } catch {
    throw new ApiError("Omen does not answer", "Is it still running? This page tries again by itself.", 0);
  }
  const body = await r.json().catch(() => null);
  if (!r.ok) throw new ApiError(body?.error ?? `status ${r.status}`, body?.hint ?? "", r.status);
  return body as T;
}

export const enc = encodeURIComponent;
/** The page of a host; its id's slashes stay readable. */
export const hostPath = (id: string) => "/hosts/" + id.split("/").map(enc).join("/");
export const incidentPath = (id: string) => "/incidents/" + enc(id);

export function query(params: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== "") q.set(k, String(v));
  const text = q.toString();
  return text && "?" + text;
}

export const useStatus = () => useQuery({ queryKey: ["status"], queryFn: () => ask<Status>("/status"), refetchInterval: 3000 });

export const useHosts = (p: { q?: string; state?: string; sort?: string; limit?: number; offset?: number }) =>
  useQuery({ queryKey: ["hosts", p], queryFn: () => ask<Hosts>("/hosts" + query(p)), refetchInterval: 3000, placeholderData: keepPreviousData });

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
      return ask<History>(`/hosts/${enc(id)}/score` + query({ from, to, points: 1200 }));
    },
    refetchInterval: span && "last" in span ? (span.last > 7200 ? 15000 : 3000) : false,
    placeholderData: keepPreviousData,
  });

export const useFeatureHistory = (id: string, feature: string, last: number) =>
  useQuery({
    queryKey: ["feature", id, feature, last],
    queryFn: async () => {
      const now = Date.now() / 1000;
      const r = await ask<{ features: FeatureHistory[] }>(`/hosts/${enc(id)}/features` + query({ feature, from: now - last, to: now }));
      return r.features[0] ?? null;
    },
    refetchInterval: 5000,
    retry: false,
    placeholderData: keepPreviousData,
  });

/** Several features over a fixed span. */
export const useFeatures = (id: string, features: string[], span: { from: number; to: number }) =>
  useQuery({
    queryKey: ["features", id, features, span], enabled: id !== "" && features.length > 0, retry: false, placeholderData: keepPreviousData,
    queryFn: async () => (await ask<{ features: FeatureHistory[] }>(`/hosts/${enc(id)}/features` + query(span) + features.map((f) => "&feature=" + enc(f)).join(""))).features,
  });

export const useIncidents = (p: { state?: string; host?: string; limit?: number; before?: string; quiet?: string; fleet?: string }, on = true) =>
  useQuery({
    queryKey: ["incidents", p], enabled: on, refetchInterval: 10000, placeholderData: keepPreviousData,
    queryFn: () => ask<{ incidents: Incident[]; next: string }>("/incidents" + query(p)),
  });

export const useIncident = (id: string) =>
  useQuery({ queryKey: ["incident", id], queryFn: () => ask<IncidentDetail>(`/incidents/${enc(id)}`), refetchInterval: 5000 });

export const useModels = () => useQuery({ queryKey: ["models"], queryFn: () => ask<{ models: Model[] }>("/models"), refetchInterval: 15000 });

export const useHostModels = (id: string) =>
  useQuery({ queryKey: ["models", id], queryFn: () => ask<{ models: Model[] }>(`/models/${enc(id)}`), refetchInterval: 30000 });

export interface Act { action: string; by: string; comment?: string; verdict?: string; assignee?: string; force?: boolean; role?: boolean }

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

export const previewVerdict = (id: string, verdict: string, by: string, role = false) =>
  ask<{ previews: Preview[] }>(`/incidents/${enc(id)}/verdict/preview`, post({ verdict, by, role }));

/** Listens for changes of incidents and refreshes what shows them. */
export function follow(refresh: (keys: string[][]) => void): () => void {
  const stream = new EventSource(base + "/stream");
  stream.addEventListener("change", (e) => {
    const change = JSON.parse((e as MessageEvent<string>).data) as { incident: string };
    refresh([["incidents"], ["incident", change.incident], ["status"], ["hosts"]]);
  });
  return () => stream.close();
}
