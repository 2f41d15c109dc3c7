// What holds on every page, for run.mjs: the address is the view, one time axis,
// no finding of axe, a dead server seen as dead.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { loaded } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails for each serious or moderate finding of axe on the page as it is. */
export async function accessible(page, what) {
  await page.evaluate(axe); // by the debugger: the page's own policy forbids inline scripts
  const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const bad = found.violations.filter((v) => v.impact !== "minor");
  assert.deepEqual(bad.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target + " " + (n.any[0]?.message ?? "")).join("; ")}`), [], what);
}

export async function foundations({ page, url, check, host, open, scheme }) {
  const paths = ["/", "/hosts", "/hosts/" + host, "/incidents", "/actions", "/quiet", "/patterns", "/models", "/models/" + host, "/settings", ...(open ? ["/incidents/" + encodeURIComponent(open.id)] : [])];
  for (const dark of [false, true])
    await check(`axe finds nothing serious or moderate, ${dark ? "dark" : "light"}`, async () => {
      await scheme(dark);
      const all = [];
      for (const path of paths) {
        await page.goto(url + path);
        await page.locator("main h1").first().waitFor({ state: "attached" });
        await loaded(page);
        await accessible(page, path).catch((e) => all.push(path + ": " + e.message));
      }
      assert.deepEqual(all, []);
    });
  await check("search, state and order are in the address and survive a reload", async () => {
    await scheme(false);
    await page.goto(url + "/");
    await page.getByRole("textbox", { name: "Find a host" }).fill("zz & 1");
    await page.getByRole("combobox", { name: "Order of hosts" }).selectOption("name");
    await page.getByTitle("Show only silent hosts").click();
    assert.equal(new URL(page.url()).search, "?q=zz%20%26%201&state=silent&sort=name");
    await page.reload();
    assert.equal(await page.getByRole("textbox", { name: "Find a host" }).inputValue(), "zz & 1");
    assert.equal(await page.getByRole("combobox", { name: "Order of hosts" }).inputValue(), "name");
    assert.equal(await page.getByTitle("Show only silent hosts").getAttribute("aria-pressed"), "true");
  });
  await check("a drag in one chart zooms all of the page, and Back undoes it", async () => {
    await page.goto(url + "/hosts/" + host + "?last=5m&all=1");
    const over = page.locator(".u-over");
    await over.nth(1).waitFor();
    const box = await over.first().boundingBox();
    const asked = page.waitForRequest((r) => /\/features\?/.test(r.url()) && /from=\d+&to=\d+&/.test(r.url()));
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=.*to=/);
    const q = new URL(page.url()).searchParams, width = (Date.parse(q.get("to")) - Date.parse(q.get("from"))) / 1000;
    assert.ok(width > 100 && width < 140, `40 % of 300 s is ${width} s`);
    const f = new URL((await asked).url()).searchParams; // the features are asked for the same span as the score
    assert.equal(+f.get("from"), Date.parse(q.get("from")) / 1000);
    assert.equal(f.get("feature"), "*");
    await page.goBack();
    await page.waitForURL((u) => !u.searchParams.has("from"));
  });
  await check("keys shift and zoom, a click pins the cursor for all", async () => {
    await page.goto(url + "/hosts/" + host + "?from=2026-01-01T10:00:00Z&to=2026-01-01T11:00:00Z");
    await page.getByRole("toolbar", { name: "Time" }).waitFor();
    await page.locator("main h1").click();
    await page.keyboard.press("[");
    await page.waitForURL(/from=2026-01-01T09:30:00Z&to=2026-01-01T10:30:00Z/);
    await page.keyboard.press("+");
    await page.waitForURL(/from=2026-01-01T09:45:00Z&to=2026-01-01T10:15:00Z/);
    await page.keyboard.press("0");
    await page.waitForURL((u) => !u.searchParams.has("from"));
    const over = page.locator(".u-over").first();
    await over.click({ position: { x: 200, y: 40 } });
    await page.waitForURL(/at=/);
    await page.getByText(/^pinned /).waitFor();
    await page.reload();
    await page.getByText(/^pinned /).waitFor();
    await page.locator("main h1").click();
    await page.keyboard.press("Escape");
    await page.waitForURL((u) => !u.searchParams.has("at"));
  });
  await check("the crosshair of one chart is that of all", async () => {
    await page.goto(url + "/hosts/" + host + "?last=5m&all=1");
    const over = page.locator(".u-over");
    await over.nth(1).waitFor();
    await over.first().hover({ position: { x: 300, y: 60 } });
    await page.waitForFunction(() => {
      const part = [...document.querySelectorAll(".u-over")].map((o) => {
        const x = +(/translate\(([\d.]+)px/.exec(o.querySelector(".u-cursor-x").style.transform)?.[1] ?? -1);
        return x / o.clientWidth;
      });
      return part.length > 1 && part[0] > 0 && part.every((p) => Math.abs(p - part[0]) < 0.02);
    });
  });
  await check("hostile names are text that turns nothing around it", async () => {
    const name = "web-\u202Egnp.exe<img src=x onerror=alert(1)>" + "n".repeat(4000);
    const body = JSON.stringify({ hosts: [{ id: "a/b/c", source: "s", profile: "p", name, labels: {}, state: "silent", score: null, reconstruction_error: null, scored_at: null, grade: "", causes: [], last_seen: null, model: "", trained_at: null, training: { running: false, progress: null, samples: 0, next_due: null, next_grade: "", err: "", failures: 0 }, recent: [], model_age_seconds: null, stale: false, drift: null, pages: { promised_per_week: 1, actual_per_week: null, opened: 0, days: 0 } }], total: 1, counts: { silent: 1, normal: 0, anomalous: 0, learning: 0 } });
    await page.route("**/api/v1/omen/hosts?*", (r) => r.fulfill({ contentType: "application/json", body }));
    await page.goto(url + "/");
    const shown = page.getByTestId("hosts").locator("bdi").first();
    await shown.waitFor();
    const text = await shown.textContent();
    assert.ok(text.startsWith("web-⟨U+202E⟩gnp.exe<img") && [...text].length === 60, text);
    assert.equal(await page.locator("img[src=x]").count(), 0);
    assert.equal(await page.evaluate(() => document.body.textContent.includes("\u202E")), false);
    await page.unroute("**/api/v1/omen/hosts?*");
  });
  await check("what no clock shows, and no calendar, takes nothing away", async () => {
    await page.goto(url + "/quiet?at=%2B275760-09-13T00:00:00Z");
    await page.getByRole("heading", { name: /^Calendar/ }).waitFor();
    await page.goto(url + "/silences");
    await page.getByRole("button", { name: "New silence" }).click();
    const length = page.getByRole("textbox", { name: "Duration" });
    await length.fill("99999999999 d");
    await page.getByRole("button", { name: "Create silence" }).click();
    await page.getByText("write a duration such as 90 min, 2 h or 1 d").waitFor();
    await length.fill("2 h");
    await page.getByText(/^until /).waitFor();
    await page.getByLabel("From").fill("2020-01-01T00:00");
    await page.getByText("the end is past").waitFor();
    await page.keyboard.press("Escape");
    await page.goto(url + "/hosts/" + host);
    const silence = page.getByRole("button", { name: "Silence", exact: true });
    await silence.click();
    await page.getByRole("button", { name: "30 min" }).waitFor();
    await page.keyboard.press("Escape");
    assert.ok(await silence.evaluate((el) => el === document.activeElement), "Escape gives the focus back");
  });
  await check("a link is copied where the browser has no clipboard for the page", async () => {
    const other = await page.context().newPage(); // from http and another machine there is none
    await other.addInitScript(() => Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined }));
    await other.goto(url + "/hosts/" + host + "?last=5m");
    await other.evaluate(() => document.addEventListener("copy", () => { window.copied = String(document.activeElement.value); }));
    await other.getByRole("button", { name: "copy link" }).click();
    await other.getByRole("button", { name: "link copied" }).waitFor();
    assert.match(await other.evaluate(() => window.copied), /\/hosts\/.*\?from=.*&to=/);
    await other.close();
  });
  await check("eight tabs are one too many for no browser", async () => {
    const tabs = [];
    for (let n = 0; n < 8; n++) { // what is not in front is hidden, which a browser without a screen does not say
      const tab = await page.context().newPage();
      await tab.addInitScript(() => Object.defineProperty(document, "hidden", { get: () => window.behind ?? false }));
      await tab.goto(url + "/settings");
      await tab.getByTestId("values").waitFor();
      await tab.evaluate(() => { window.behind = true; document.dispatchEvent(new Event("visibilitychange")); });
      tabs.push(tab);
    }
    await tabs[0].evaluate(() => { window.behind = false; document.dispatchEvent(new Event("visibilitychange")); });
    await tabs[0].getByTestId("connection").getByText(/live|not ready/).waitFor();
    for (const tab of tabs) await tab.close();
  });
  await check("a part of the web UI that cannot be read takes nothing else away, and comes by itself once it can", async () => {
    await page.goto(url + "/");
    await page.getByTestId("connection").getByText(/live|not ready/).waitFor();
    let dead = true; // as after an upgrade, or while Omen does not answer
    await page.route(/\/(assets\/(Settings|Palette)[^/]*\.js|-\/healthy)$/, (r) => (dead ? r.abort() : r.continue()));
    await page.keyboard.press("/");
    await page.getByRole("alert").getByText("not read yet").waitFor();
    await page.getByRole("heading", { name: "Blind spots" }).waitFor();
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("heading", { name: "This part of the web UI could not be read" }).waitFor();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Now" }).click();
    await page.getByRole("heading", { name: "Blind spots" }).waitFor();
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("heading", { name: "This part of the web UI could not be read" }).waitFor();
    dead = false;
    await page.getByRole("heading", { name: "Receivers" }).waitFor();
    await page.unroute(/\/(assets\/(Settings|Palette)[^/]*\.js|-\/healthy)$/);
  });
  await check("a dead server greys the page, which says since when", async () => {
    await page.goto(url + "/");
    await page.getByTestId("connection").getByText("live").waitFor();
    await page.context().setOffline(true);
    const begin = Date.now();
    await page.getByTestId("connection").getByText(/^stale since \d\d:\d\d:\d\d$/).waitFor();
    console.log(`     grey after ${Date.now() - begin} ms`); // five seconds are promised, on a machine that is not busy
    assert.equal(await page.locator(".stale main").count(), 1);
    await page.getByRole("alert").getByText(/does not answer since/).waitFor();
    assert.equal(await page.getByRole("alert").count(), 1); // said once
  });
  await check("and a server that answers again is live again", async () => {
    await page.context().setOffline(false);
    await page.getByTestId("connection").getByText(/live|not ready/).waitFor();
    assert.equal(await page.locator(".stale").count(), 0);
  });
  if (process.env.OMEN_PID) // a server that takes connections and says nothing
    await check("a server that hangs greys the page, too", async () => {
      await page.goto(url + "/");
      await page.getByTestId("connection").getByText(/live|not ready/).waitFor();
      process.kill(+process.env.OMEN_PID, "SIGSTOP");
      try {
        await page.getByTestId("connection").getByText(/^stale since/).waitFor();
      } finally {
        process.kill(+process.env.OMEN_PID, "SIGCONT");
      }
      await page.getByTestId("connection").getByText(/live|not ready/).waitFor();
    });
}
