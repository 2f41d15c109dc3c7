// Budget and receivers from the first page, for a real webhook: run by
// TestSettingsInABrowser of test/, which has the receivers and looks at what
// arrived. OMEN_URL: the server, whose configuration has the receivers ops, which
// takes messages, and room, which refuses; SECRET: what no page may show.
import assert from "node:assert/strict";
import { launch, url } from "./browser.mjs";
import { accessible } from "./foundations.mjs";

const secret = process.env.SECRET;
const { page, broken, check, end } = await launch(/Failed to load resource/);
let clicks = 0;
const click = async (what) => { clicks++; await what.click(); };
const receiver = (name) => page.getByTestId("receivers").getByRole("listitem").filter({ hasText: name });

await check("budget and receivers are one click from the first page", async () => {
  await page.goto(url + "/");
  await page.getByRole("heading", { level: 1 }).waitFor({ state: "attached" });
  await click(page.getByRole("link", { name: "Settings" }));
  const budget = page.getByTestId("values").getByRole("row").filter({ hasText: "pages.per_host_week" });
  await budget.getByText("2", { exact: true }).waitFor();
  await budget.getByText("omen.yml:1", { exact: true }).waitFor();
  await page.getByTestId("values").getByRole("row").filter({ hasText: "storage.retention_time" }).getByText("default", { exact: true }).waitFor();
  await receiver("ops").getByText("untried: nothing was sent within 30 days").waitFor();
  assert.equal(clicks, 1);
});
await check("a test message is sent with the second click, and its answer shown", async () => {
  await click(page.getByRole("button", { name: "Send a test message to ops" }));
  await receiver("ops").getByText(/^It arrived after /).waitFor();
  await receiver("ops").getByText(/takes messages · last delivery/).waitFor();
  assert.equal(clicks, 2);
});
await check("a receiver that refuses says why in its own words", async () => {
  await page.getByRole("button", { name: "Send a test message to room" }).click();
  await receiver("room").getByText("It did not arrive.").waitFor();
  await receiver("room").getByText(/404/).first().waitFor();
});
await check("sources, routes and profiles have their places, and what was learned its link", async () => {
  await page.getByTestId("sources").getByText("omen.yml:2", { exact: true }).waitFor();
  await page.getByTestId("routes").getByText('team="db"').waitFor();
  await page.getByTestId("profiles").getByRole("row").filter({ hasText: "node" }).getByText("built in", { exact: true }).first().waitFor();
  await page.getByRole("link", { name: "What each changes, and how to take it back" }).waitFor();
});
await check("no secret is on the page, the whole configuration included", async () => {
  await page.getByText(/^as it is in force/).click();
  assert.match(await page.getByTestId("config").textContent(), /url: <secret>/);
  assert.equal((await page.content()).includes(secret), false);
});
await check("what Omen would see, the promise and the slider are one click from the first page", async () => {
  await page.goto(url + "/");
  await page.getByRole("link", { name: "Trust", exact: true }).click();
  await page.getByTestId("sees").getByRole("listitem").filter({ hasText: "this-host" }).getByText(/No model yet|Model of/).waitFor();
  await page.getByTestId("promise").getByText("2 false pages per host and week promised").waitFor();
  const box = page.getByTestId("budget");
  await box.getByText(/2 pages per host and week now, from omen.yml:1/).waitFor();
  const slider = box.getByRole("slider", { name: "Times the budget of now" });
  await slider.press("Home");
  await box.getByText("1 page per host and week", { exact: true }).waitFor();
  await slider.press("ArrowRight");
  assert.equal(await box.getByRole("button", { name: "Replay the last 30 days" }).isDisabled(), true); // the budget of now
  await slider.press("End");
  await box.getByText("4 pages per host and week", { exact: true }).waitFor();
  await box.getByRole("button", { name: "Replay the last 30 days" }).click();
  await box.getByText("The replay failed.").waitFor();
  await box.getByText(/no host has a day of history/).waitFor(); // of an Omen of seconds
});
await check("a replay that is done says what would change, and what to write", async () => {
  const replay = { state: "done", asked_per_host_week: 4, progress: 1, started_at: new Date().toISOString(), ended_at: new Date().toISOString(), replayed_hosts: 4, chosen_hosts: 4, hosts: 4, skipped_hosts: 0, days: 30, step_seconds: 75, actual: 3, err: "",
    outcomes: [{ per_host_week: 2, notified: 3, real: 2, rejected: 0 }, { per_host_week: 4, notified: 9, real: 3, rejected: 1 }], text: "Last 30 days: 3 → 9 notifications, 1 more of those people called real.", yaml: "pages:\n  per_host_week: 4\n" };
  const budget = (r) => ({ json: { per_host_week: 2, written: { file: "", line: 1, text: "omen.yml:1" }, replay: r } });
  let last = { ...replay, state: "running", progress: 0.4, ended_at: null, replayed_hosts: 1 };
  await page.route("**/api/v1/omen/budget", (r) => r.fulfill(budget(last)));
  await page.goto(url + "/models");
  await page.getByRole("progressbar", { name: "Progress of the replay" }).waitFor();
  await page.getByTestId("budget").getByRole("button", { name: "Cancel" }).waitFor();
  await accessible(page, "/models with a replay that runs");
  last = replay; // never without a route: the page asks every second
  await page.getByText("Last 30 days: 3 → 9 notifications, 1 more of those people called real.").waitFor();
  assert.equal(await page.getByTestId("yaml").textContent(), replay.yaml);
  await accessible(page, "/models with a replay that is done");
  await page.unroute("**/api/v1/omen/budget");
});
for (const dark of [false, true])
  await check(`axe finds nothing serious or moderate, ${dark ? "dark" : "light"}`, async () => {
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    for (const path of ["/settings", "/models"]) {
      await page.goto(url + path);
      await page.locator("main h1").waitFor();
      if (path === "/settings") await page.getByTestId("receivers").waitFor();
      await accessible(page, path);
    }
  });
await check("a small screen has no sideways scrolling", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(url + "/settings");
  await page.getByTestId("receivers").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
});
await check("nothing was broken", async () => assert.deepEqual(broken, []));
await end();
