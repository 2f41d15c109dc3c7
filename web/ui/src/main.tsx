import { ActionIcon, createTheme, MantineProvider, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import "@mantine/core/styles/baseline.css";
import "@mantine/core/styles/default-css-variables.css";
import "@mantine/core/styles/global.css";
import "@mantine/core/styles/UnstyledButton.css";
import "@mantine/core/styles/Button.css";
import "@mantine/core/styles/ActionIcon.css";
import "@mantine/core/styles/Loader.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/Switch.css";
import "@mantine/core/styles/Alert.css";
import { QueryClient, QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { Link, useLocation } from "wouter";
import { usePathname } from "wouter/use-browser-location";
import { idOf, useStatus } from "./api";
import { Keys, Skip } from "./parts/Keys";
import { follow } from "./stream";
import { timeOf } from "./format";
import { useSilent, watch } from "./live";
import { Empty } from "./parts/Bits";
import { people, useActions, usePlaybooks } from "./remedy";
import "./theme.css";

const theme = createTheme({ primaryColor: "violet", autoContrast: true, defaultRadius: "md", components: { InputWrapper: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } } }, fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif" });

// Each page is loaded when it is first shown.
const Overview = lazy(() => import("./pages/Overview").then((m) => ({ default: m.Overview })));
const HostPage = lazy(() => import("./pages/Host").then((m) => ({ default: m.HostPage })));
const IncidentPage = lazy(() => import("./pages/Incident").then((m) => ({ default: m.IncidentPage })));
const Incidents = lazy(() => import("./pages/Incidents").then((m) => ({ default: m.Incidents })));
const Actions = lazy(() => import("./pages/Actions").then((m) => ({ default: m.Actions })));
const Silences = lazy(() => import("./pages/Silences").then((m) => ({ default: m.Silences })));
const Windows = lazy(() => import("./pages/Windows").then((m) => ({ default: m.Windows })));
const Events = lazy(() => import("./pages/Events").then((m) => ({ default: m.Events })));
const Patterns = lazy(() => import("./pages/Patterns").then((m) => ({ default: m.Patterns })));
const Models = lazy(() => import("./pages/Models").then((m) => ({ default: m.Models })));
const HostModels = lazy(() => import("./pages/Models").then((m) => ({ default: m.HostModels })));

/** What an address shows. */
function Page() {
  const path = usePathname(); // useLocation's is decoded already
  const id = idOf(path);
  switch (path.split("/")[1]) { // web.go has the same list
    case "": return <Overview />;
    case "hosts": return id ? <HostPage key={id} id={id} /> : <Overview />;
    case "incidents": return id ? <IncidentPage key={id} id={id} /> : <Incidents />;
    case "actions": return <Actions />;
    case "silences": return <Silences />;
    case "windows": return <Windows />;
    case "events": return <Events />;
    case "patterns": return <Patterns />;
    case "models": return id ? <HostModels key={id} id={id} /> : <Models />;
    default: return <main className="page"><Empty>There is nothing here. <Link className="plain" href="/">Go to the overview</Link></Empty></main>;
  }
}

function Shell() {
  const [path] = useLocation();
  const client = useQueryClient();
  const status = useStatus();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  useEffect(() => follow(client), [client]);
  const open = status.data?.open_incidents ?? 0;
  const acts = !!usePlaybooks().data?.playbooks.length, waiting = useActions({ state: people, limit: 1000 }, acts).data?.actions.length ?? 0;
  useEffect(watch, []);
  const silent = useSilent(), stale = silent !== 0, as = silent ? timeOf(new Date(silent).toISOString()) : "";
  useEffect(() => { document.title = stale ? "stale – Omen" : open ? `(${open}) Omen` : "Omen"; }, [open, stale]);
  const nav = (href: string, label: string, here: boolean) => <Link className="nav" href={href} aria-current={here ? "page" : undefined}>{label}</Link>;
  return (
    <>
      <Skip />
      <header className="bar"><div className="top">
        <Link className="brand" href="/"><img src="/favicon.svg" width={26} height={26} alt="" />Omen</Link>
        <nav className="line" style={{ gap: 20, flexWrap: "nowrap" }} aria-label="Main">
          {nav("/", "Overview", path === "/" || path.startsWith("/hosts"))}
          {nav("/incidents", open ? `Incidents (${open})` : "Incidents", path.startsWith("/incidents"))}
          {acts && nav("/actions", waiting ? `Actions (${waiting})` : "Actions", path.startsWith("/actions"))}
          {nav("/silences", "Silences", path.startsWith("/silences"))}
          {nav("/windows", "Maintenance", path.startsWith("/windows"))}
          {nav("/events", "Events", path.startsWith("/events"))}
          {nav("/patterns", "Patterns", path.startsWith("/patterns"))}
          {nav("/models", "Models", path.startsWith("/models"))}
        </nav>
        <span style={{ flex: 1 }} />
        <Keys />
        <span className="dim wide" style={{ fontSize: 13 }}>{status.data?.version}</span>
        <span className={stale ? "pill dead" : "pill"} role="status" data-testid="connection">{stale ? (as ? `stale since ${as}` : "no connection") : status.data && !status.data.ready ? "not ready" : "live"}</span>
        <ActionIcon variant="subtle" color="gray" aria-label={dark ? "Use light colours" : "Use dark colours"} onClick={() => setColorScheme(dark ? "light" : "dark")}>
          <svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden><circle cx="12" cy="12" r="8" /><path d="M12 4a8 8 0 0 1 0 16Z" fill="currentColor" /></svg>
        </ActionIcon>
      </div></header>
      {stale && <div className="blind" role="alert"><b>Omen does not answer{as && ` since ${as}`}.</b> {as && `What is shown is as of then. `}The web UI tries again by itself.</div>}
      <div id="content" tabIndex={-1} className={stale ? "stale" : undefined}><Suspense fallback={<main className="page"><Empty>Loading…</Empty></main>}><Page /></Suspense></div>
    </>
  );
}

const client = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 1000 } } });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={client}><Shell /></QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
