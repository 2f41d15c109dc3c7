// How pages ask the API; what it answers is in api.gen.ts, written from api/openapi.json.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { Act as Body, Explanation, Features, Forecasts, GetForecastsQuery, GetHeatQuery, GetHostsQuery, GetIncidentsQuery, HeatMap, HostDetail, Hosts, IncidentDetail, Incidents, Members, Models, Previews, ScoreHistory, SimilarIncidents, Status, Verdict } from "./api.gen";

import { labelOf } from "./find";
import { heard, probe } from "./live";
import { root } from "./root";

export type * from "./api.gen";
export type Num = number | null;

const base = root + "/api/v1/omen";

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
/** An id in an address. Its slashes stay readable, but where a browser would take a part of it for a way up. */
export const idPath = (id: string) => (id.split("/").some((p) => p === "." || p === "..") ? enc(id) : id.split("/").map(enc).join("/"));
/** Where a host is shown. */
export const hostPath = (id: string) => "/hosts/" + idPath(id);
/** What an address below /hosts, /incidents or /models names; each escape is read once, so that a name may hold %2F. */
export function idOf(pathname: string): string {
  const text = pathname.split("/").slice(2).join("/");
  try { return decodeURIComponent(text); } catch { return text; }
}
export const incidentPath = (id: string) => "/incidents/" + enc(id);

/** What is asked of a list, by the API's own names. Its values may also be text, as an address has them: the server judges that. */
export type Asked<Query> = { [K in keyof Query]?: Query[K] | string };

/** Parameters as an address has them; of several values one text with commas. */
export function query(params: Record<string, string | number | boolean | readonly string[] | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== "") q.set(k, String(v));
  const text = q.toString();
  return text && "?" + text;
}

/** How often what the event stream says is read all the same, in ms; what nothing says and moves slowly; and what moves with each sample. */
export const rarely = 600_000, slowly = 300_000;
const sometimes = 120_000, often = 60_000;

export const useStatus = () => useQuery({
  queryKey: ["status"], queryFn: () => ask<Status>("/status"),
  refetchInterval: (q) => (q.state.data?.first_model_hosts && q.state.data.training_hosts ? 3000 : slowly), // only a progress has no event
});

export const useHosts = (p: Asked<GetHostsQuery>) =>
  useQuery({ queryKey: ["hosts", p], queryFn: () => ask<Hosts>("/hosts" + query(p)), refetchInterval: often, placeholderData: keepPreviousData });

/** The fleet's highest scores by time; what has not been read yet is asked for soon. */
export const useHeat = (p: Asked<GetHeatQuery>) =>
  useQuery({
    queryKey: ["heat", p] as const, queryFn: () => ask<HeatMap>("/heat" + query(p)),
    placeholderData: (old: HeatMap | undefined, was) => (was?.queryKey[1].group === p.group ? old : undefined), // rows of another label are named by that
    refetchInterval: (q) => (q.state.data && q.state.data.read_from > q.state.data.from ? 1500 : p.from ? false : sometimes), // what was, is
  });

/** The hosts that some words find: by name, or by label where they are role=db. */
export const useFound = (words: string) => {
  const match = labelOf(words);
  return useQuery({ queryKey: ["hosts", "found", words], enabled: words !== "", retry: false, placeholderData: keepPreviousData, queryFn: () => ask<Hosts>("/hosts" + query({ ...(match ? { match } : { q: words }), limit: 8 })) });
};

export const useHost = (id: string) =>
  useQuery({ queryKey: ["host", id], queryFn: () => ask<HostDetail>(`/hosts/${enc(id)}`), refetchInterval: slowly });

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
    refetchInterval: span && "last" in span ? slowly : false, // meanwhile the stream adds to it
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
    refetchInterval: "last" in span ? Math.min(slowly, Math.max(often, span.last * 50)) : false, // a twentieth of the span; what came since is drawn by the stream
  });

/** What is full soonest; likely: only what is expected to become full at all. */
export const useForecasts = (p: Asked<GetForecastsQuery>) =>
  useQuery({ queryKey: ["forecasts", p], queryFn: () => ask<Forecasts>("/forecasts" + query(p)), refetchInterval: slowly, placeholderData: keepPreviousData });

export const useIncidents = (p: Asked<GetIncidentsQuery>, on = true) =>
  useQuery({
    queryKey: ["incidents", p], enabled: on, refetchInterval: (q) => (q.state.data?.incidents.some((i) => i.state !== "closed") ? sometimes : rarely), // their scores go on
    placeholderData: keepPreviousData,
    queryFn: () => ask<Incidents>("/incidents" + query(p)),
  });

export const useIncident = (id: string) =>
  useQuery({ queryKey: ["incident", id], queryFn: () => ask<IncidentDetail>(`/incidents/${enc(id)}`), refetchInterval: rarely });

/** The hosts of a fleet incident with their scores over a fixed span; open: it is read again while that lasts. */
export const useMembers = (id: string, span: { from: number; to: number }, open: boolean) =>
  useQuery({ queryKey: ["members", id, span], queryFn: () => ask<Members>(`/incidents/${enc(id)}/members` + query(span)), refetchInterval: open ? sometimes : false, placeholderData: keepPreviousData });

/** Past incidents that are like one, with what people said of them. */
export const useSimilar = (id: string) => useQuery({ queryKey: ["similar", id], queryFn: () => ask<SimilarIncidents>(`/incidents/${enc(id)}/similar`), staleTime: rarely });

export const useModels = () => useQuery({ queryKey: ["models"], queryFn: () => ask<Models>("/models"), refetchInterval: slowly });

export const useHostModels = (id: string) =>
  useQuery({ queryKey: ["models", id], enabled: id !== "", queryFn: () => ask<Models>(`/models/${enc(id)}`), refetchInterval: slowly });

/** Why people were (not) notified of a host at an instant in seconds; 0: now, asked again as the host's state or an incident changes, and every other minute. */
export const useExplanation = (id: string, at: number) =>
  useQuery({
    queryKey: ["explain", id, at], retry: false, refetchInterval: at ? false : sometimes, placeholderData: (old: Explanation | undefined) => (old?.host === id && !at ? old : undefined),
    queryFn: () => ask<Explanation>(`/hosts/${enc(id)}/explain` + query({ at: at || undefined })),
  });

export type Act = Body & { action: string };

/** A request that changes something; it is sent although its page is left, as far as browsers do that (64 kB). */
export const post = (body: unknown): RequestInit => {
  const text = JSON.stringify(body);
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: text, keepalive: text.length < 20_000 };
};

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

/** The event stream; host: also what moves of that one. */
export const openStream = (host: string) => new EventSource(base + "/stream" + query({ host }));
