// What people come for, counted in clicks from the first page, and what holds
// meanwhile: OMEN_URL=http://127.0.0.1:9909 OMEN_HOST=web-1 node e2e/tasks.mjs
// OMEN_HOST is a host with an open incident that people are notified of. Optional:
// OMEN_PID is the server's process, which is killed in the end; OMEN_REST=60 is for
// how many seconds resting pages are watched; OMEN_HEAP=10 also for how many minutes
// the memory of pages must stay as it is at ten times the usual pace; OMEN_SHOTS, CHROMIUM as for run.mjs.
import assert from "node:assert/strict";
import { join } from "node:path";
import { api, launch, loaded, shots, url } from "./browser.mjs";
import { accessible } from "./foundations.mjs";
import { heap } from "./heap.mjs";
import { resting } from "./rest.mjs";

const { browser, page, broken, check, end } = await launch(/^$/);
const sick = process.env.OMEN_HOST;
const hosts = (await api("/hosts?limit=1000")).hosts, ill = hosts.find((h) => h.name === sick), well = hosts.find((h) => h.name !== sick && h.model);
assert.ok(ill && well, `OMEN_HOST=${sick}: want a host, and another with a model, among ${hosts.map((h) => h.name)}`);
const pathOf = (h) => "/hosts/" + h.id.split("/").map(encodeURIComponent).join("/");
/** A host's open incident that people are notified of; one that was silenced a moment ago is so again soon. */
async function openOf(h) {
  for (const end = Date.now() + 60_000; ; await new Promise((r) => setTimeout(r, 250))) {
    const open = (await api(`/incidents?state=active&quiet=false&host=${encodeURIComponent(h.id)}`)).incidents[0];
    if (open) return open;
    assert.ok(Date.now() < end, `${h.name} has no open incident that people are notified of`);
  }
}
const scheme = (dark) => page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
const exists = async (path) => (await fetch(url + path)).status === 200;
/** A page that shows all that it asked for at first. */
const shown = async (path, p = page) => {
  await p.goto(url + path);
  await p.locator("main h1").first().waitFor({ state: "attached" });
  await loaded(p);
};

let clicks = 0;
const table = [];
const click = async (l, options) => { await l.click(options); clicks++; };
/** A task of UI.md's table, from the first page; aim: in at most so many clicks. It may say that what it needs is not there. */
const task = (letter, what, aim, run) => check(`task ${letter}: ${what}`, async () => {
  clicks = 0;
  let result = "failed";
  try {
    await shown("/");
    result = (await run()) ?? "done";
    if (result === "done") assert.ok(clicks <= aim, `${clicks} clicks, the aim is ${aim}`);
  } finally {
    table.push({ letter, what, clicks: result === "not here" ? "–" : clicks, aim, result });
  }
});
const toHost = (h) => click(page.getByTestId("hosts").getByRole("link", { name: h.name, exact: true }));

await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
await task("a", "what is wrong, where, since when, why", 1, async () => {
  const open = await openOf(ill), said = page.getByTestId("sentence");
  await said.getByText(sick).waitFor();
  assert.match(await said.textContent(), /since \d\d:\d\d/);
  await click(said.getByRole("link", { name: sick }).first());
  await page.getByRole("region", { name: "Causes" }).getByText(open.causes[0].feature.replaceAll("_", " "), { exact: true }).first().waitFor();
  assert.match(await page.getByTestId("period").textContent(), /\d{4}.*\d\d:\d\d:\d\d.* – now [A-Z]\S+, for /);
});
await task("b", "what is normal at this hour", 1, async () => {
  const [asked] = await Promise.all([page.waitForResponse((r) => /\/features\?/.test(r.url())), toHost(well)]);
  const got = (await asked.json()).features;
  assert.ok(got.some((f) => f.lower.some((v) => v !== null)), "no feature has a band");
  await page.getByText(/· expected \S+/).first().waitFor();
});
await task("c", "what happened last night", 2, async () => {
  const d = new Date(), at = (day, hour) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + day, hour), night = d.getHours() >= 20 ? at(0, 20) : at(-1, 20);
  const n = (await api(`/incidents?limit=100&from=${night / 1000}&to=${d / 1000}`)).incidents.length;
  const box = page.getByTestId("night");
  await box.getByText(n ? new RegExp(`^${n} incident|^More than`) : "No incident.").waitFor();
  if (!n) return;
  await click(box.getByRole("link").first());
  assert.match(await page.getByTestId("period").textContent(), /\d\d:\d\d:\d\d.* [A-Z]\S+, /);
});
await task("d", "acknowledge, judge with a preview", 4, async () => {
  await click(page.getByTestId("sentence").getByRole("link", { name: sick }).first());
  await click(page.getByRole("button", { name: "Acknowledge", exact: true }));
  await page.getByRole("button", { name: "Unacknowledge" }).waitFor();
  await click(page.getByRole("button", { name: "Real", exact: true }));
  const dialog = page.getByRole("dialog", { name: "what this would change" });
  await dialog.getByText("From now on, samples like it count").waitFor();
  await click(dialog.getByRole("button", { name: "Apply" }));
  await page.getByText(/^real · /).waitFor();
  assert.equal((await openOf(ill)).state, "acknowledged");
});
await task("e", "silence a host for two hours", 3, async () => {
  await toHost(ill);
  await click(page.getByRole("button", { name: "Silence", exact: true }));
  await click(page.getByRole("group", { name: "Silence" }).getByRole("button", { name: "2 h", exact: true }));
  await page.getByText(/^Silenced until/).first().waitFor();
  const made = (await api("/silences")).silences.find((s) => s.match.some((m) => m.name === "host" && m.value === sick));
  assert.equal(Math.round((Date.parse(made.until) - Date.parse(made.from)) / 60000), 120);
  await page.getByText("silence", { exact: true }).first().waitFor(); // it is marked in the chart, and its mark explained
  await page.getByRole("button", { name: "Undo" }).click(); // not of the task
  await page.getByText("The silence is ended.").waitFor();
  assert.equal((await api("/silences")).silences.some((s) => s.id === made.id), false);
});
await task("f", "why nobody was notified at a moment", 2, async () => {
  await toHost(well);
  const chart = page.locator(".u-over").first();
  await chart.waitFor();
  const width = (await chart.boundingBox()).width;
  await click(chart, { position: { x: width * 0.985, y: 60 } });
  await page.waitForURL(/[?&]at=/);
  const at = new URL(page.url()).searchParams.get("at"), why = await api(`/hosts/${encodeURIComponent(well.id)}/explain?at=${at}`), box = page.getByTestId("explain");
  await box.getByRole("heading", { name: `Why ${why.notified ? "people were" : "nobody was"} notified · at ` }).waitFor();
  for (const s of why.steps) await box.getByRole("listitem").filter({ hasText: s.text }).first().waitFor();
  assert.ok(why.notified || why.steps.some((s) => !s.met), "it does not say what was missing");
});
await task("g", "find one host of many", 0, async () => {
  await page.keyboard.press("/");
  await page.getByRole("combobox", { name: /^Find a host/ }).waitFor();
  await page.keyboard.type(well.name);
  await page.getByRole("option", { name: well.name }).first().waitFor();
  await page.waitForFunction((name) => document.querySelector("[role=option][aria-selected=true] b")?.textContent === name, well.name);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: well.name, exact: true, level: 1 }).waitFor();
});
await task("h", "compare two hosts", 2, async () => {
  if (!(await exists("/compare"))) return "not here";
  await toHost(ill);
  await click(page.getByRole("link", { name: "Compare" }));
  await page.getByLabel("with", { exact: true }).fill(well.id); // typed
  for (const h of [ill, well]) await page.locator("main").getByText(h.name).first().waitFor();
  await page.locator("main .u-over").first().waitFor();
});
await task("i", "how far the model can be trusted", 2, async () => {
  await click(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /^(Trust|Models)$/ }));
  await page.locator("main h1").waitFor();
  const here = /self-test|injected|finds/i;
  if (here.test(await page.locator("main").innerText())) return;
  await click(page.locator("main").getByRole("link", { name: well.name, exact: true }).first());
  await page.getByRole("heading", { name: /still fit|trust/i }).first().waitFor();
  await page.locator("main").getByText(here).first().waitFor();
});
await task("j", "budget and receivers", 2, async () => {
  if (!(await exists("/settings"))) return "not here";
  await click(page.locator("header").getByRole("link", { name: /settings/i }).first());
  await page.locator("main h1").waitFor();
  for (const what of [/budget|pages/i, /receiver/i]) await page.locator("main").getByText(what).first().waitFor();
});
await task("k", "a link to what is seen", 2, async () => {
  await toHost(ill);
  const bar = page.getByRole("toolbar", { name: "Time" });
  await click(bar.getByRole("button", { name: "copy link" }));
  await bar.getByText("link copied").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText()), q = new URL(link).searchParams;
  assert.ok(Math.abs(Date.parse(q.get("to")) - Date.parse(q.get("from")) - 3600_000) < 30_000, `${link}: want the hour that was shown`);
  const other = await browser.newPage();
  await other.goto(link);
  await other.getByRole("heading", { name: sick, exact: true, level: 1 }).waitFor();
  assert.doesNotMatch(await other.getByRole("toolbar", { name: "Time" }).locator(".span").textContent(), /now/);
  await other.close();
});
await task("l", "all metrics around a time", 2, async () => {
  await toHost(ill);
  const all = page.waitForRequest((r) => /\/features\?.*feature=(\*|%2A)/.test(r.url())); // one request
  await Promise.all([all, click(page.getByRole("switch", { name: /^all \d+$/ }))]);
  const has = (await api(`/hosts/${encodeURIComponent(ill.id)}`)).features.filter((f) => f.actual !== null).length;
  await page.waitForFunction((n) => document.querySelectorAll("section[aria-labelledby=features] .u-over").length >= n, has);
});

await check("keys: past the navigation, help, rows, the span, a silence, an acknowledgement", async () => {
  await shown("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "detached" });
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.equal(await page.evaluate(() => document.activeElement.closest("tr, .open > li") !== null), true);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^Find a host/ }).waitFor();
  await page.keyboard.type("silences");
  await page.getByRole("option", { name: /^page Silences/ }).waitFor();
  await page.keyboard.press("Escape");
  await shown(pathOf(ill));
  await page.getByRole("toolbar", { name: "Time" }).waitFor();
  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.activeElement.closest("[role=toolbar]") !== null), true);
  await page.keyboard.press("m");
  await page.getByRole("group", { name: "Silence" }).getByRole("button", { name: "30 min" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("group", { name: "Silence" }).waitFor({ state: "detached" });
  const open = await openOf(ill);
  await shown("/incidents/" + encodeURIComponent(open.id));
  await page.getByRole("button", { name: "Unacknowledge" }).click();
  await page.getByRole("button", { name: "Acknowledge", exact: true }).waitFor();
  await page.keyboard.press("a");
  await page.getByRole("button", { name: "Unacknowledge" }).waitFor();
});
await check("an incident says what ends it, what was similar, and why people were notified", async () => {
  const open = await openOf(ill);
  await shown("/incidents/" + encodeURIComponent(open.id));
  if (open.returning_since || open.causes.some((c) => c.clears)) await page.getByTestId("back").waitFor();
  await page.getByTestId("similar").getByText(/^None|·/).first().waitFor();
  await page.getByRole("link", { name: "Why people were, or were not, notified" }).click();
  await page.getByTestId("explain").getByRole("heading", { name: "Why people were notified · at " }).waitFor();
});
await check("what people said of similar incidents, and a fleet's members by onset", async () => {
  const open = await openOf(ill), changes = (await api("/incidents/" + encodeURIComponent(open.id))).changes, at = (s) => new Date(Date.parse(open.since) + 1000 * s).toISOString();
  const ref = (name) => ({ ...open.host, id: `x/y/${name}`, name }), names = ["late", "first", "middle", "alone"];
  const member = (name, s) => ({ incident: "m-" + name, host: ref(name), since: at(s), back: null, peak: 40, scores: Array.from({ length: 120 }, (_, i) => (i < 60 ? 0.5 : 40)) });
  const past = { ...open, id: "past", state: "closed", reason: "closed_recovered", closed_at: at(-3000), since: at(-6000), said: [{ ...changes[0], key: "k", kind: "judged", by: "ann", verdict: "expected_at_this_time", comment: "the \u202Ebackup" }] };
  const routes = [
    ["**/api/v1/omen/incidents/*/similar", { incidents: [past] }], ["**/api/v1/omen/incidents/*/members?*", { from: at(-600), step_seconds: 10, total: 3, members: [member("first", 0), member("middle", 60), member("late", 120)] }],
    [`**/api/v1/omen/incidents/${encodeURIComponent(open.id)}`, { ...open, kind: "fleet", members: names.map(ref), changes, deliveries: [] }],
  ];
  for (const [path, body] of routes) await page.route(path, (r) => r.fulfill({ json: body }));
  await shown("/incidents/" + encodeURIComponent(open.id));
  await page.getByTestId("members").getByRole("listitem").nth(2).waitFor();
  assert.deepEqual(await page.getByTestId("members").locator("bdi").allTextContents(), ["first", "middle", "late"]);
  const painted = await page.getByTestId("members").locator("canvas").first().evaluate((c) => [...c.getContext("2d").getImageData(0, 0, c.width, 1).data].filter((_, i) => i % 4 === 3).map((v) => v > 100));
  assert.deepEqual([painted[10], painted[100]], [false, true]); // faint below the limit, strong above
  await page.getByRole("region", { name: "Its 4 hosts" }).getByRole("link", { name: "alone" }).waitFor();
  await page.getByTestId("similar").getByText(/ann judged it expected at this time: “the ⟨U\+202E⟩backup”/).waitFor();
  await accessible(page, "a fleet's incident");
  for (const [path] of routes) await page.unroute(path);
});
await check("a host's page moves by the event stream", async () => {
  await shown(pathOf(well));
  const asked = [], note = (r) => { if (new URL(r.url()).pathname.endsWith("/hosts/" + encodeURIComponent(well.id))) asked.push(r.url()); };
  const sample = () => page.locator("main header time").first().getAttribute("datetime");
  const before = await sample();
  page.on("request", note);
  await page.waitForFunction((was) => document.querySelector("main header time").dateTime !== was, before);
  page.off("request", note);
  assert.deepEqual(asked, []);
});

const open = await openOf(ill);
const paths = ["/", pathOf(ill), "/incidents", "/actions", "/silences", "/windows", "/events", "/patterns", "/models", pathOf(well).replace("/hosts/", "/models/"), "/incidents/" + encodeURIComponent(open.id)];
for (const path of ["/compare", "/settings"]) if (await exists(path)) paths.push(path);
for (const dark of [false, true])
  await check(`on a phone, ${dark ? "dark" : "light"}: nothing is cut, axe finds nothing serious or moderate`, async () => {
    const bad = [];
    await scheme(dark);
    await page.setViewportSize({ width: 390, height: 800 });
    for (const path of paths) {
      await shown(path);
      if (!(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth))) bad.push(path + " scrolls sideways");
      await accessible(page, path).catch((e) => bad.push(path + ": " + e.message));
    }
    await page.setViewportSize({ width: 1360, height: 900 });
    assert.deepEqual(bad, []);
  });
for (const dark of [false, true])
  await check(`what opens over a page, ${dark ? "dark" : "light"}: axe finds nothing serious or moderate`, async () => {
    await scheme(dark);
    await shown(pathOf(ill));
    await page.getByRole("button", { name: "Silence", exact: true }).click();
    await page.getByRole("group", { name: "Silence" }).waitFor();
    await accessible(page, "a silence");
    for (const key of ["/", "?"]) {
      await page.locator("main h1").click();
      await page.keyboard.press(key);
      await page.getByRole("dialog").waitFor();
      if (key === "/") await page.keyboard.type("e");
      if (key === "/") await page.getByRole("option").first().waitFor();
      await accessible(page, key);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
  });
await check("for a screen on a wall there is no navigation, and all is as wide as the screen", async () => {
  await scheme(true);
  await page.setViewportSize({ width: 1920, height: 1080 });
  await shown("/?kiosk");
  await page.getByRole("navigation", { name: "Main" }).waitFor({ state: "hidden" });
  assert.ok((await page.locator("main").boundingBox()).width > 1800);
  await page.getByTestId("connection").getByText("live").waitFor();
  await accessible(page, "?kiosk");
  if (shots) await page.screenshot({ path: join(shots, "kiosk.png") });
  await page.setViewportSize({ width: 1360, height: 900 });
  await scheme(false);
});
await check("hostile names are text on every page, and fill none", async () => {
  const evil = "web-\u202Egnp.exe<img src=x onerror=alert(1)>" + "n".repeat(4000), plain = (name) => `"name":${JSON.stringify(name)}`, bad = [];
  await page.route("**/api/v1/omen/**", async (r) => {
    if (r.request().url().includes("/stream")) return r.fulfill({ contentType: "text/event-stream", body: ": nothing moves\n\n" });
    const answer = await r.fetch().catch(() => null); // the page that asked is gone
    return answer && r.fulfill({ status: answer.status(), contentType: "application/json", body: (await answer.text()).replaceAll(plain(sick), plain(evil)) });
  });
  for (const width of [1360, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const path of paths) {
      await shown(path);
      const found = await page.evaluate(() => ({
        turns: document.documentElement.outerHTML.includes("\u202E"), image: !!document.querySelector("img[src=x]"), tall: Math.max(...[...document.querySelectorAll("h1, h2")].map((e) => e.offsetHeight)),
        wide: document.documentElement.scrollWidth > window.innerWidth,
      }));
      if (found.turns || found.image || found.wide || found.tall > 200) bad.push(`${path} at ${width}: ${JSON.stringify(found)}`);
    }
  }
  await page.setViewportSize({ width: 1360, height: 900 });
  await shown("/");
  await page.getByText("⟨U+202E⟩gnp.exe<img").first().waitFor(); // it is there, as text
  await page.keyboard.press("/");
  await page.getByRole("combobox", { name: /^Find a host/ }).waitFor();
  await page.keyboard.type(sick);
  await page.getByRole("option", { name: "⟨U+202E⟩gnp" }).first().waitFor();
  await page.keyboard.press("Escape");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  assert.deepEqual(bad, []);
});
await page.goto("about:blank"); // a stream less
await check("a resting page asks at most once in ten seconds", () => resting(browser, ["/", pathOf(well), "/incidents/" + encodeURIComponent(open.id)], +(process.env.OMEN_REST || 60)));
if (process.env.OMEN_HEAP) await check("the memory of pages stays as it is", () => heap(["/", pathOf(well), pathOf(well) + "?last=5m", "/incidents/" + encodeURIComponent(open.id),
  `/compare?a=${encodeURIComponent(well.id)}&b=${encodeURIComponent(ill.id)}&last=5m`, "/quiet", "/models", "/settings"], pathOf(well), +process.env.OMEN_HEAP));
await check("no error, no warning, and nothing foreign was loaded", async () => assert.deepEqual(broken, []));
if (process.env.OMEN_PID)
  await check("a killed server greys the page, which says since when", async () => {
    await shown(pathOf(ill));
    await page.getByTestId("connection").getByText("live").waitFor();
    process.kill(+process.env.OMEN_PID, "SIGKILL");
    await page.getByTestId("connection").getByText(/^stale since \d\d:\d\d:\d\d$/).waitFor();
    assert.equal(await page.locator(".stale main").count(), 1);
    assert.equal(await page.getByRole("alert").count(), 1); // said once, above the page
    assert.equal(await page.getByTestId("score").count(), 1); // what was known stays
  });

console.log("\nclicks from the first page (g: typing alone)");
for (const r of table) console.log(`  ${r.letter}  ${r.what.padEnd(42)} ${String(r.clicks).padStart(2)} of ${r.aim}  ${r.result}`);
await end();
