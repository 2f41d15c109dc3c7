// What suppresses notifications, on one page and one calendar; and the navigation.
// OMEN_URL names a server that this script may fill: with a silence, a window and an
// event.
import assert from "node:assert/strict";
import { launch, url } from "./browser.mjs";
import { accessible } from "./foundations.mjs";

const { page, broken, check, end } = await launch(/Failed to load resource/);
async function send(path, body) {
  const r = await fetch(url + "/api/v1/omen" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.equal(r.status, 201, await r.clone().text());
  return r.json();
}
const match = [{ name: "host", value: "nobody", isRegex: false, isEqual: true }], by = "e2e", hour = 3600_000;
const iso = (t) => new Date(t).toISOString();
await send("/silences", { match, by, reason: "disk \u202Ewap", from: iso(Date.now() - 2 * hour), until: iso(Date.now() + 3 * hour) });
await send("/windows", { match, by, name: "backup", zone: "Asia/Tokyo", start: "2026-01-01T02:00:00", duration_seconds: 7200, rule: "FREQ=DAILY" });
await send("/events", { match, by, kind: "deploy", title: "shop v2" });

const calendar = page.getByTestId("calendar"), mark = (name) => calendar.getByRole("button", { name });
const list = (name) => page.getByRole("heading", { name, exact: true }).getByRole("button");
const open = async () => (await page.locator(".part h2 button[aria-expanded=true]").allTextContents()).map((t) => t.replace(/^\W+/, ""));
const here = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");

await check("one calendar shows silences, every occurrence of a window, and events", async () => {
  await page.goto(url + "/quiet");
  await page.getByRole("heading", { name: "Quiet", exact: true }).waitFor();
  await mark(/^deploy shop v2, /).waitFor();
  await mark(/^silence disk ⟨U\+202E⟩wap, .* ends in /).waitFor();
  const nights = await mark(/^window backup, /).count(); // eight days, of which the ends may hold a part each
  assert.ok(nights >= 8 && nights <= 9, `${nights} occurrences`);
  assert.equal(await page.evaluate(() => document.body.textContent.includes("\u202E")), false);
  assert.deepEqual(await open(), ["Silences", "Maintenance windows", "Events"]);
});
await check("it has one stop for Tab, and arrows go from mark to mark", async () => {
  assert.equal(await calendar.locator("button[data-lane][tabindex='0']").count(), 1);
  await mark(/^silence /).focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await here(), /^window backup/);
  await page.keyboard.press("End");
  assert.match(await here(), /^deploy shop v2/);
  await page.keyboard.press("Home");
  assert.match(await here(), /^silence disk/);
  assert.equal(await calendar.locator("button[data-lane][tabindex='0']").count(), 1);
});
await check("what is chosen is said in full and is in the address", async () => {
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await calendar.getByRole("status", { name: "Chosen" }).getByText("shop v2").waitFor();
  await page.waitForURL(/[?&]pick=deploy/);
  await page.reload();
  await calendar.getByRole("status", { name: "Chosen" }).getByText('host="nobody"').waitFor();
  await calendar.getByRole("button", { name: "close" }).click();
  await page.waitForURL((u) => !u.searchParams.has("pick"));
});
await check("its span and moment are in the address", async () => {
  await calendar.getByRole("button", { name: "Month" }).click();
  await page.waitForURL(/[?&]span=month/);
  await page.waitForFunction(() => document.querySelectorAll("[data-lane^='window/']").length > 30);
  await calendar.getByRole("button", { name: "Later" }).click();
  await page.waitForURL(/[?&]at=/);
  await calendar.getByRole("button", { name: "now", exact: true }).click();
  await page.waitForURL((u) => !u.searchParams.has("at"));
});
await check("the old addresses open their list, and which are open is in the address", async () => {
  for (const [path, name] of [["/silences", "Silences"], ["/windows", "Maintenance windows"], ["/events", "Events"]]) {
    await page.goto(url + path);
    await list(name).waitFor();
    assert.deepEqual(await open(), [name], path);
  }
  await list("Silences").click();
  await page.waitForURL(/[?&]open=silences,events/);
  await page.reload();
  await list("Silences").waitFor();
  assert.deepEqual(await open(), ["Silences", "Events"]);
});
await check("a silence that is made is on the calendar at once", async () => {
  await page.goto(url + "/quiet");
  await page.getByRole("button", { name: "New silence" }).click();
  await page.getByRole("textbox", { name: "Which incidents" }).fill('host="nobody"');
  await page.getByRole("textbox", { name: "Your name" }).fill("e2e");
  await page.getByRole("textbox", { name: "Reason" }).fill("by hand");
  await page.getByRole("button", { name: "Create silence" }).click();
  await mark(/^silence by hand, .* ends in /).waitFor();
  await page.getByRole("button", { name: "Expire the silence by hand" }).click();
  await mark(/^silence by hand, .* over$/).waitFor();
});
for (const dark of [false, true])
  await check(`axe finds nothing, ${dark ? "dark" : "light"}`, async () => {
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    await page.goto(url + "/quiet");
    await mark(/^deploy shop v2, /).click();
    await accessible(page, "/quiet");
  });
await check("five pages, where one is, and those that share a name", async () => {
  const main = page.getByRole("navigation", { name: "Main" });
  assert.deepEqual(await main.getByRole("link").allTextContents().then((all) => all.map((t) => t.replace(/ \(\d+\)$/, ""))), ["Now", "Incidents", "Hosts", "Quiet", "Trust"]);
  for (const [path, name] of [["/", "Now"], ["/incidents", "Incidents"], ["/hosts", "Hosts"], ["/windows", "Quiet"], ["/patterns", "Trust"]]) {
    await page.goto(url + path);
    await main.locator("[aria-current=page]").waitFor();
    assert.match((await main.locator("[aria-current=page]").allTextContents()).join(), new RegExp(`^${name}( \\(\\d+\\))?$`), path);
  }
  await page.goto(url + "/hosts");
  await page.getByRole("heading", { name: "Hosts", level: 1, exact: true }).waitFor();
  await page.getByTestId("hosts").waitFor();
  assert.equal(await page.getByTestId("sentence").count(), 0);
  await page.goto(url + "/patterns");
  const both = page.getByRole("navigation", { name: "Trust" });
  await both.getByRole("link", { name: "Models" }).click();
  await page.waitForURL(/\/models$/);
});
await check("a phone shows all of the calendar, and that there are more pages", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(url + "/quiet");
  await mark(/^deploy shop v2, /).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, "it scrolls sideways");
  assert.equal(await page.getByRole("button", { name: "More pages" }).count(), 0); // five names fit
  await page.getByRole("link", { name: "Trust" }).click({ trial: true });
  await page.setViewportSize({ width: 250, height: 800 });
  await page.getByRole("button", { name: "More pages" }).click();
  await page.waitForFunction(() => document.querySelector("nav[aria-label=Main]").scrollLeft > 0);
});
await check("nothing was broken", async () => assert.deepEqual(broken, []));
await end();
