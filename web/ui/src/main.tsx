import { ActionIcon, createTheme, MantineProvider, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import "@mantine/core/styles.css";
import { QueryClient, QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import { Link, useLocation } from "wouter";
import { usePathname } from "wouter/use-browser-location";
import { follow, idOf, useStatus } from "./api";
import { HostPage } from "./pages/Host";
import { IncidentPage } from "./pages/Incident";
import { Incidents } from "./pages/Incidents";
import { HostModels, Models } from "./pages/Models";
import { Overview } from "./pages/Overview";
import { Events } from "./pages/Events";
import { Patterns } from "./pages/Patterns";
import { Windows } from "./pages/Windows";
import { Silences } from "./pages/Silences";
import { Empty } from "./parts/Bits";
import "./theme.css";

const theme = createTheme({ primaryColor: "violet", defaultRadius: "md", components: { InputWrapper: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } } }, fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif" });

/** What an address shows. */
function Page() {
  const path = usePathname(); // useLocation's is decoded already
  const id = idOf(path);
  switch (path.split("/")[1]) { // web.go has the same list
    case "": return <Overview />;
    case "hosts": return id ? <HostPage key={id} id={id} /> : <Overview />;
    case "incidents": return id ? <IncidentPage key={id} id={id} /> : <Incidents />;
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
  useEffect(() => follow((keys) => keys.forEach((queryKey) => void client.invalidateQueries({ queryKey }))), [client]);
  const open = status.data?.open_incidents ?? 0;
  useEffect(() => { document.title = open ? `(${open}) Omen` : "Omen"; }, [open]);
  const nav = (href: string, label: string, here: boolean) => <Link className="nav" href={href} aria-current={here ? "page" : undefined}>{label}</Link>;
  return (
    <>
      <header className="bar"><div className="top">
        <Link className="brand" href="/"><img src="/favicon.svg" width={26} height={26} alt="" />Omen</Link>
        <nav className="line" style={{ gap: 20, flexWrap: "nowrap" }} aria-label="Main">
          {nav("/", "Overview", path === "/" || path.startsWith("/hosts"))}
          {nav("/incidents", open ? `Incidents (${open})` : "Incidents", path.startsWith("/incidents"))}
          {nav("/silences", "Silences", path.startsWith("/silences"))}
          {nav("/windows", "Maintenance", path.startsWith("/windows"))}
          {nav("/events", "Events", path.startsWith("/events"))}
          {nav("/patterns", "Patterns", path.startsWith("/patterns"))}
          {nav("/models", "Models", path.startsWith("/models"))}
        </nav>
        <span style={{ flex: 1 }} />
        <span className="dim wide" style={{ fontSize: 13 }}>{status.error ? "no connection" : status.data?.version}</span>
        <ActionIcon variant="subtle" color="gray" aria-label={dark ? "Use light colours" : "Use dark colours"} onClick={() => setColorScheme(dark ? "light" : "dark")}>
          <svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden><circle cx="12" cy="12" r="8" /><path d="M12 4a8 8 0 0 1 0 16Z" fill="currentColor" /></svg>
        </ActionIcon>
      </div></header>
      <Page />
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
