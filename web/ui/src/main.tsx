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
import { StrictMode, Suspense, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { Link, Router, useLocation } from "wouter";
import { usePathname, useSearch } from "wouter/use-browser-location";
import { idOf, useStatus } from "./api";
import { Guard, Missing, part } from "./parts/Guard";
import { Keys, Skip } from "./parts/Keys";
import { follow } from "./stream";
import { timeOf } from "./format";
import { useSilent, watch } from "./live";
import { isPaused, pause, useMissed } from "./pause";
import { Empty } from "./parts/Bits";
import { Nav, SubNav } from "./parts/Nav";
import { Hold } from "./parts/Hold";
import { Person } from "./parts/Person";
import { root } from "./root";
import { instantText, useView } from "./view";
import "./theme.css";

const theme = createTheme({ primaryColor: "violet", autoContrast: true, defaultRadius: "md", components: { InputWrapper: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } } }, fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif" });

// Each page is loaded when it is first shown.
const Overview = part(() => import("./pages/Overview").then((m) => m.Overview));
const Hosts = part(() => import("./pages/Overview").then((m) => m.Hosts));
const HostPage = part(() => import("./pages/Host").then((m) => m.HostPage));
const IncidentPage = part(() => import("./pages/Incident").then((m) => m.IncidentPage));
const Compare = part(() => import("./pages/Compare").then((m) => m.Compare));
const Incidents = part(() => import("./pages/Incidents").then((m) => m.Incidents));
const Actions = part(() => import("./pages/Actions").then((m) => m.Actions));
const Quiet = part(() => import("./pages/Quiet").then((m) => m.Quiet));
const Patterns = part(() => import("./pages/Patterns").then((m) => m.Patterns));
const Models = part(() => import("./pages/Models").then((m) => m.Models));
const Settings = part(() => import("./pages/Settings").then((m) => m.Settings));
const HostModels = part(() => import("./pages/Models").then((m) => m.HostModels));

/** What an address shows. */
function Page() {
  const path = usePathname().slice(root.length); // useLocation's is decoded already
  const id = idOf(path);
  switch (path.split("/")[1]) { // web.go has the same list
    case "": return <Overview />;
    case "hosts": return id ? <HostPage key={id} id={id} /> : <Hosts />;
    case "incidents": return id ? <IncidentPage key={id} id={id} /> : <Incidents />;
    case "compare": return <Compare />;
    case "actions": return <Actions />;
    case "quiet": case "silences": case "windows": case "events": return <Quiet />;
    case "patterns": return <Patterns />;
    case "models": return id ? <HostModels key={id} id={id} /> : <Models />;
    case "settings": return <Settings />;
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
  useEffect(watch, []);
  const silent = useSilent(), stale = silent !== 0, as = silent ? timeOf(new Date(silent).toISOString()) : "";
  useEffect(() => { document.title = stale ? "stale – Omen" : open ? `(${open}) Omen` : "Omen"; }, [open, stale]);
  return (
    <>
      <Skip />
      <header className="bar"><div className="top">
        <Link className="brand" href="/"><img src={root + "/favicon.svg"} width={26} height={26} alt="" />Omen</Link>
        <Nav path={path} />
        <span style={{ flex: 1 }} />
        <Keys />
        <span className="dim wide" style={{ fontSize: 13 }}>{status.data?.version}</span>
        <Connection stale={stale} as={as} ready={status.data?.ready !== false} />
        <Link className="nav" href="/settings" aria-label="Settings" title="Settings" aria-current={path.startsWith("/settings") ? "page" : undefined}>
          <svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" aria-hidden style={{ display: "block" }}><circle cx="12" cy="12" r="3.5" /><path d="M12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3M5.3 5.3l2.1 2.1M16.6 16.6l2.1 2.1M18.7 5.3l-2.1 2.1M7.4 16.6l-2.1 2.1" /></svg>
        </Link>
        <ActionIcon variant="subtle" color="gray" aria-label={dark ? "Use light colours" : "Use dark colours"} onClick={() => setColorScheme(dark ? "light" : "dark")}>
          <svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden><circle cx="12" cy="12" r="8" /><path d="M12 4a8 8 0 0 1 0 16Z" fill="currentColor" /></svg>
        </ActionIcon>
        <Person />
      </div></header>
      <SubNav path={path} />
      {stale && <div className="blind" role="alert"><b>Omen does not answer{as && ` since ${as}`}.</b> {as && `What is shown is as of then. `}The web UI tries again by itself.</div>}
      <div id="content" tabIndex={-1} className={stale ? "stale" : undefined}><Guard at={usePathname() + useSearch()}><Suspense fallback={<main className="page"><Empty>Loading…</Empty></main>}><Hold><Page /></Hold></Suspense></Guard></div>
    </>
  );
}

/** Whether what is shown follows what happens: live, paused by a click, or as of when Omen last answered. */
function Connection({ stale, as, ready }: { stale: boolean; as: string; ready: boolean }) {
  const client = useQueryClient(), missed = useMissed(), [{ paused }, set] = useView();
  useEffect(() => { if (pause(paused > 0) && !paused) void client.invalidateQueries(); }, [paused, client]);
  const says = stale ? (as ? `stale since ${as}` : "no connection") : paused ? `paused ${timeOf(instantText(paused))}` : ready ? "live" : "not ready";
  return (
    <button type="button" className={"pill" + (stale ? " dead" : paused ? " paused" : "")} data-testid="connection" data-key="p" data-does={paused ? "Go on" : "Pause this page"} disabled={stale} aria-pressed={paused > 0}
      title={paused ? "Go on: show what happens (p)" : "Pause: keep this page as it is (p)"} onClick={() => set({ paused: paused ? 0 : Date.now() / 1000 })}>
      <span role="status">{says}</span>{paused > 0 && !stale && missed > 0 && <span className="num"> · {missed} {missed === 1 ? "change" : "changes"}</span>}
    </button>
  );
}

// Its address in the page is relative, and browsers resolve it again wherever the address bar leads.
document.querySelector<HTMLLinkElement>("link[rel=icon]")?.setAttribute("href", root + "/favicon.svg");

const unused = 60_000; // ms that an answer is kept of what is no longer shown, for who goes back: an open page asks for other features, and of an open incident for a longer time, again and again

const client = new QueryClient({ defaultOptions: { queries: { retry: (failures) => failures < 1 && !isPaused(), staleTime: 1000, gcTime: unused }, mutations: { networkMode: "always" } } }); // what is asked of a server on this machine does not wait for the internet

// A file that could not be read is said on the page, and by the browser.
createRoot(document.getElementById("root")!, { onCaughtError: (e) => { if (!(e instanceof Missing)) console.error(e); } }).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={client}><Router base={root}><Guard at=""><Shell /></Guard></Router></QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
