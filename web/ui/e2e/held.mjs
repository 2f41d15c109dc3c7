// Drives pages under people's hands, for test/heldpage_test.go: OMEN_URL is where
// Omen answers, OMEN_FLEET a source whose /sick?hosts=3,11 says which hosts are not
// as usual.
import assert from "node:assert/strict";
import { api, launch, loaded, url } from "./browser.mjs";
import { accessible } from "./foundations.mjs";

const { page, broken, check, end } = await launch(/^$/);
const sicken = async (...hosts) => assert.equal((await fetch(`${process.env.OMEN_FLEET}/sick?hosts=${hosts}`)).status, 200);
const name = (n) => `host-${String(n).padStart(4, "0")}`, path = (n) => "/hosts/sim/sim/" + name(n);
const rows = page.getByTestId("hosts").locator("tbody tr"), order = () => rows.evaluateAll((all) => all.map((r) => r.querySelector("a").textContent));
const waits = page.locator(".waits").getByRole("button", { name: /^\d+ changes? ↑$/ });
const query = () => new URL(page.url()).searchParams;
/** Waits until Omen says so of a host; meanwhile: what somebody does who is still at the page. */
async function isNow(n, state, meanwhile = () => {}) {
  for (const end = Date.now() + 120_000; (await api("/hosts/" + encodeURIComponent("sim/sim/" + name(n)))).state !== state; await new Promise((r) => setTimeout(r, 500))) {
    assert.ok(Date.now() < end, `${name(n)} is never ${state}`);
    await meanwhile();
  }
}
/** A host's open incident that people are notified of. */
async function openOf(n) {
  for (const end = Date.now() + 120_000; ; await new Promise((r) => setTimeout(r, 500))) {
    const open = (await api(`/incidents?state=active&quiet=false&host=${encodeURIComponent("sim/sim/" + name(n))}`)).incidents[0];
    if (open) return open;
    assert.ok(Date.now() < end, `${name(n)} has no open incident that people are notified of`);
  }
}
const leave = () => page.mouse.move(2, 2);
/** Points at a row once more, as somebody does who is about to press it: a pointer that rests for long holds nothing. */
const point = async () => { for (const x of [12, 16]) await rows.nth(5).hover({ position: { x, y: 8 } }); };
/** Waits until the page says that changes wait, and that a host is ill; meanwhile as above. */
async function waiting(n, meanwhile) {
  for (const end = Date.now() + 60_000; !(await waits.isVisible() && await host(n).getByText("anomalous").isVisible()); await new Promise((r) => setTimeout(r, 500))) {
    assert.ok(Date.now() < end, `no change waits, or ${name(n)} is not shown as anomalous`);
    await meanwhile();
  }
}
/** Waits until a host is among the first: one that was ill a moment ago may have the higher score for a minute yet. */
const leads = (n) => page.waitForFunction((ill) => [...document.querySelectorAll('[data-testid="hosts"] tbody tr')].slice(0, 4).some((r) => r.textContent.includes(ill)), name(n));
const heat = page.getByTestId("heat"), map = heat.locator("canvas");
const host = (n) => page.getByTestId("hosts").getByRole("row").filter({ hasText: name(n) });

await check("while the pointer is in a list its rows stay, say what they say by now, and a button shows what changed", async () => {
  await page.goto(url + "/");
  await rows.nth(47).waitFor();
  const before = await order();
  await point();
  await sicken(20);
  await isNow(20, "anomalous", point);
  await waiting(20, point); // said in its place
  assert.deepEqual(await order(), before);
  await accessible(page, "changes that wait");
  await waits.click();
  await leads(20);
  await waits.waitFor({ state: "detached" });
});
await check("a pointer that has left for a while holds nothing", async () => {
  await point();
  await sicken(31);
  await isNow(31, "anomalous", point);
  await waiting(31, point);
  await leave();
  await leads(31);
  await waits.waitFor({ state: "detached" });
});
await check("the focus holds a list as the pointer does, and u shows what changed", async () => {
  await page.goto(url + "/hosts");
  await rows.nth(47).waitFor();
  const next = () => page.keyboard.press("j");
  for (const end = Date.now() + 30_000; !(await page.evaluate(() => !!document.activeElement.closest("[data-hold]"))); await next()) assert.ok(Date.now() < end, "j goes to no row");
  const before = await order();
  await sicken(12);
  await isNow(12, "anomalous", next); // somebody is still there
  await waiting(12, next);
  assert.deepEqual(await order(), before);
  await page.keyboard.press("u");
  await leads(12);
});
await check("what somebody asks for is shown at once, also under the pointer", async () => {
  await rows.nth(5).hover();
  await page.getByRole("combobox", { name: "Order of hosts" }).selectOption("name");
  await rows.nth(5).hover();
  await page.waitForFunction(() => document.querySelector('[data-testid="hosts"] tbody a').textContent === "host-0000");
  await leave();
});

const pill = page.getByTestId("connection");
await check("a paused page stays as it is, says since when and how much it misses, and goes on at a click", async () => {
  await page.goto(url + "/");
  await rows.nth(47).waitFor();
  await pill.getByText("live").waitFor();
  await leave();
  await page.keyboard.press("p");
  await pill.getByText(/^paused \d\d:\d\d:\d\d/).waitFor();
  assert.ok(Math.abs(Date.parse(query().get("paused")) - Date.now()) < 60_000);
  const asked = [], note = (r) => { if (/\/api\/(?!.*\/stream)/.test(r.url())) asked.push(r.url()); };
  page.on("request", note);
  do asked.length = 0; while (await page.waitForTimeout(2000), asked.length); // what it was still reading for the first time
  const before = await order();
  await sicken(7);
  await isNow(7, "anomalous");
  await pill.getByText(/· \d+ changes?$/).waitFor(); // of an incident
  page.off("request", note);
  assert.deepEqual(asked, []);
  assert.deepEqual(await order(), before);
  await accessible(page, "paused");
  await pill.click();
  await pill.getByText("live").waitFor();
  assert.equal(query().has("paused"), false);
  await leads(7);
});
await check("the link to a paused page shows the same span", async () => {
  await page.goto(url + path(7) + "?last=5m");
  const span = page.getByRole("toolbar", { name: "Time" }).locator(".span");
  await span.getByText(/now/).waitFor();
  await pill.click();
  await page.waitForURL((u) => u.searchParams.has("paused"));
  await page.waitForFunction(() => !/now/.test(document.querySelector("[role=toolbar] .span").textContent));
  const seen = await span.textContent();
  await page.reload();
  await span.waitFor();
  assert.equal(await span.textContent(), seen);
  assert.equal(query().get("last"), "5m");
});
await check("charts have three sizes, and the address says which", async () => {
  await page.goto(url + path(7) + "?last=5m");
  const band = page.locator("section[aria-labelledby=features] .u-over").first(), high = async () => (await band.boundingBox()).height;
  await band.waitFor();
  const usual = await high();
  await page.getByRole("group", { name: "Size of charts" }).getByRole("button", { name: "L" }).click();
  await page.waitForURL((u) => u.searchParams.get("density") === "l");
  await page.waitForFunction((was) => document.querySelector("section[aria-labelledby=features] .u-over").clientHeight > 1.5 * was, usual);
  await page.reload();
  await band.waitFor();
  assert.ok((await high()) > 1.5 * usual);
  await page.getByRole("group", { name: "Size of charts" }).getByRole("button", { name: "S" }).click();
  await page.waitForFunction((was) => document.querySelector("section[aria-labelledby=features] .u-over").clientHeight < 0.7 * was, usual);
});

await check("a host is said in a sentence, its labels find others like it, and its metrics and the page's actions are found by their names", async () => {
  await page.goto(url + path(7));
  await page.getByTestId("host-sentence").getByText(/^Load is \d+, expected /).waitFor();
  await page.getByTestId("trust-sentence").waitFor();
  const find = async (words) => {
    await page.keyboard.press("/");
    await page.getByRole("combobox", { name: /^Find a host/ }).fill(words);
  };
  await find("traffic");
  await page.getByRole("option", { name: /^metric traffic/ }).click();
  await page.waitForURL((u) => u.searchParams.get("sel") === "traffic");
  await find("pause this");
  await page.getByRole("option", { name: /^action Pause this page/ }).click();
  await pill.getByText(/^paused/).waitFor();
  await page.getByRole("link", { name: "role=role-7" }).click();
  await page.waitForURL((u) => u.pathname === "/hosts" && u.searchParams.get("match") === 'role="role-7"');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="hosts"] tbody tr').length === 6);
  await page.getByRole("button", { name: /^All hosts, not only/ }).click();
  await rows.nth(47).waitFor();
});

const me = page.getByTestId("me");
await check("a person is asked once, at the top right, and an open incident is taken in a click", async () => {
  await page.goto(url + "/");
  await me.getByText("Your name?").waitFor();
  await me.click();
  await page.getByRole("textbox", { name: "Your name" }).fill("Ann");
  await page.keyboard.press("Enter");
  await me.getByText("Ann").waitFor();
  const open = await openOf(7);
  await page.getByRole("button", { name: "Acknowledge " + name(7) }).click();
  await page.getByText(/taken by Ann/).first().waitFor();
  const now = await api("/incidents/" + open.id);
  assert.deepEqual([now.state, now.acked_by], ["acknowledged", "Ann"]);
  await page.goto(url + "/incidents/" + open.id);
  await page.getByText("as Ann", { exact: true }).waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Your name" }).count(), 0);
  await page.reload();
  await me.getByText("Ann").waitFor();
});
await check("an open incident has its picture, what it is and what was expected, on the first page", async () => {
  await page.goto(url + "/");
  const row = page.getByRole("region", { name: "Open incidents" }).getByRole("listitem").filter({ hasText: name(7) });
  await row.getByRole("img", { name: /^last \d+ scores/ }).waitFor();
  await row.getByText(/^load .* expected /).waitFor();
  await row.getByText(/since \d\d:\d\d:\d\d/).waitFor();
  await page.keyboard.press("j"); // to the first row
  await page.keyboard.press("m");
  const first = page.getByRole("region", { name: "Open incidents" }).getByRole("listitem").first();
  await first.getByRole("group", { name: "Silence" }).getByRole("button", { name: "2 h", exact: true }).waitFor();
  await accessible(page, "a silence on the first page");
  await page.keyboard.press("Escape");
  await first.getByRole("group", { name: "Silence" }).waitFor({ state: "detached" });
});

await check("a drag over the heat map shows that time, ranked; the address has it, and there is a way back", async () => {
  await page.goto(url + "/?past=1h");
  await map.waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="heat"] canvas').width > 0);
  const b = await map.boundingBox(), asked = page.waitForRequest((r) => /\/heat\?.*from=\d+/.test(r.url()));
  await page.mouse.move(b.x + 0.5 * b.width, b.y + 20);
  await page.mouse.down();
  await page.mouse.move(b.x + 0.75 * b.width, b.y + 30, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL((u) => u.searchParams.has("from") && u.searchParams.has("to"));
  const wide = (Date.parse(query().get("to")) - Date.parse(query().get("from"))) / 1000;
  assert.ok(Math.abs(wide - 900) < 60, `a quarter of an hour is ${wide} s`);
  const p = new URL((await asked).url()).searchParams;
  assert.equal(+p.get("from"), Date.parse(query().get("from")) / 1000);
  assert.equal(p.has("last"), false);
  await heat.getByText("The highest in this time").waitFor();
  await heat.getByRole("table").locator("tbody tr").nth(47).waitFor();
  await page.reload();
  await heat.getByTestId("chosen").getByText(/^\d\d:\d\d – \d\d:\d\d|\d/).first().waitFor();
  await accessible(page, "a chosen time");
  const from = query().get("from");
  await page.keyboard.press("[");
  await page.waitForURL((u) => u.searchParams.get("from") !== from);
  await heat.getByRole("button", { name: "back to now" }).click();
  await page.waitForURL((u) => !u.searchParams.has("from"));
  assert.equal(query().get("past"), "1h");
});
await check("deploys are marked above the heat map", async () => {
  const made = await fetch(url + "/api/v1/omen/events", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ kind: "deploy", title: "v2", by: "ci", match: [{ name: "host", value: name(5), isRegex: false, isEqual: true }] }) });
  assert.equal(made.status, 201);
  await page.goto(url + "/?past=1h");
  await heat.getByRole("list", { name: "Deploys and notes" }).getByText(/^deploy: v2 · ci, /).waitFor({ state: "attached" });
});
await check("hosts with one trouble say what they have in common, on the first page and on the incident's", async () => {
  const all = [3, 11, 19, 27, 35, 43]; // of role-3; one that was not as usual before may join them
  await sicken(...all);
  await page.goto(url + "/");
  /** What the page is to show of their incident by now, which others may still join; null: there is none yet. */
  const expected = async () => {
    const fleet = (await api("/incidents?state=active&kind=fleet")).incidents.find((i) => all.every((n) => i.members.some((m) => m.name === name(n))));
    const roles = new Set(fleet?.members.map((m) => +m.name.slice(5) % 8));
    return fleet && { hosts: `${fleet.members.length} hosts`, text: roles.size === 1 ? "role=role-3" : `role: ${roles.size} of 8` };
  };
  /** Waits until a place says it. */
  const says = async (place) => {
    for (const end = Date.now() + 240_000; ; await new Promise((r) => setTimeout(r, 500))) {
      const want = await expected();
      if (want && (await place(want).isVisible())) return want;
      assert.ok(Date.now() < end, want ? `the page does not say ${JSON.stringify(want)}` : "no incident of six hosts");
    }
  };
  const region = page.getByRole("region", { name: "Open incidents" });
  const { text } = await says((w) => region.getByRole("listitem").filter({ has: page.getByRole("link", { name: w.hosts }) }).getByText(`in common: ${w.text}`));
  await region.getByRole("listitem").filter({ hasText: `in common: ${text}` }).getByRole("link", { name: /^\d+ hosts$/ }).click();
  await says((w) => page.getByTestId("common").filter({ hasText: `In common: ${w.text}` }));
});
await check("closing an incident can be taken back, and a page that is left has closed it", async () => {
  const id = decodeURIComponent(new URL(page.url()).pathname.split("/").pop()), state = async () => (await api("/incidents/" + encodeURIComponent(id))).state;
  const close = page.getByRole("button", { name: "Close", exact: true }), waits = page.getByRole("status").filter({ hasText: "Closes in five seconds." });
  await close.click();
  await waits.getByRole("button", { name: "Undo" }).click();
  await waits.waitFor({ state: "detached" });
  assert.notEqual(await state(), "closed");
  await close.click();
  await waits.waitFor();
  await page.goto(url + "/");
  for (const end = Date.now() + 30_000; (await state()) !== "closed"; await new Promise((r) => setTimeout(r, 200))) assert.ok(Date.now() < end, "the page that was left did not close it");
});
for (const [what, width, dark] of [["wide", 1360, false], ["wide", 1360, true], ["at 1024", 1024, false], ["on a phone", 390, false], ["on a phone", 390, true]])
  await check(`the first page ${what}, ${dark ? "dark" : "light"}: nothing is cut, axe finds nothing serious or moderate`, async () => {
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    await page.setViewportSize({ width, height: 900 });
    await page.goto(url + "/?past=1h");
    await rows.nth(47).waitFor();
    await map.waitFor();
    await loaded(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
    await accessible(page, `${what} ${dark}`);
  });
await check("nothing was broken", async () => assert.deepEqual(broken, []));
await end();
