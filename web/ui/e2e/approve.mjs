// An action that waits, on the API of a running Omen and by somebody who signs in:
// OMEN_URL, OMEN_USER, OMEN_PASSWORD, OMEN_INCIDENT and OMEN_ACTION name them.
// CHROMIUM names the browser, OMEN_SHOTS=DIR takes pictures.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { checks, options, url, viewport } from "./browser.mjs";
import { accessible } from "./foundations.mjs";

const { OMEN_USER: username, OMEN_PASSWORD: password, OMEN_INCIDENT: incident, OMEN_ACTION: id } = process.env;
const browser = await chromium.launch(options);
const context = await browser.newContext({ httpCredentials: { username, password }, viewport });
context.setDefaultTimeout(60000);
const broken = [], { check, done } = checks();

async function open(path, streams = false) {
  const page = await context.newPage();
  // a page that polls nothing: what changes on it comes by the event stream
  if (streams) await page.addInitScript(() => { const real = globalThis.setInterval; globalThis.setInterval = (f, ms, ...rest) => (ms >= 10000 ? 0 : real(f, ms, ...rest)); });
  page.on("pageerror", (e) => broken.push("page: " + e.message));
  page.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource/.test(m.text())) broken.push("console: " + m.text()); });
  await page.goto(url + path);
  return page;
}

const api = async (path) => (await context.request.get(url + "/api/v1/omen" + path)).json();
const row = (page) => page.getByTestId("action-" + id);

const page = await open("/incidents/" + encodeURIComponent(incident)), card = page.getByTestId("remedy");
await check("an incident shows what waits, on what, and the time that is left", page, async () => {
  await row(page).getByText("waits for approval", { exact: true }).waitFor();
  await row(page).getByText(/^url http:\/\/127\.0\.0\.1:\d+\/restart$/).waitFor();
  await row(page).getByText("Risk:").waitFor();
  const timer = row(page).getByRole("timer"), before = await timer.textContent();
  assert.match(before ?? "", /\d:\d\d left$/);
  await page.waitForFunction(([t, b]) => document.querySelector(`[data-testid="${t}"] [role=timer]`)?.textContent !== b, ["action-" + id, before]); // it runs
});
await check("it shows what every guard says", page, async () => {
  const all = (await api("/playbooks")).guards.filter((g) => g.name !== "asked"); // that it waits is no objection to itself
  await card.getByText("Waits for approval; after it every guard is asked again.").waitFor();
  await card.getByText(new RegExp(`of ${all.length} guards object`)).click();
  for (const g of all) await card.getByText(g.asks).first().waitFor();
  await accessible(page, "an incident with an action that waits");
});
const other = await open("/actions", true);
await check("the ledger counts what waits", other, async () => {
  await row(other).getByText("waits for approval", { exact: true }).waitFor();
  await other.getByRole("link", { name: "Actions (1)" }).waitFor();
});
await check("a press of Approve has it done, and says by whom", page, async () => {
  await row(page).getByRole("button", { name: /^Approve/ }).click();
  await row(page).getByText("decided by").waitFor();
  await row(page).getByText("done; whether it helps is being measured", { exact: true }).waitFor();
  assert.equal(await row(page).getByRole("button", { name: /^Approve/ }).count(), 0);
  const now = await api("/actions/" + id);
  assert.equal(now.by, username);
  await row(page).getByText("Why, by whom, when: every step").click();
  for (const s of ["waits for approval", "approved, and about to start", "under way"]) await row(page).getByRole("listitem").filter({ hasText: s }).first().waitFor();
});
await check("a page that is open elsewhere changes by the event stream", other, async () => {
  await row(other).getByText("done; whether it helps is being measured", { exact: true }).waitFor();
  await other.getByRole("link", { name: "Actions", exact: true }).waitFor(); // nothing waits any more
});
await check("nothing was broken", page, async () => assert.deepEqual(broken, []));
await browser.close();
done();
