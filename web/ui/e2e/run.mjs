// Drives the pages in a real browser: OMEN_URL=http://127.0.0.1:9909 npm run e2e
// Optional: OMEN_SHOTS=DIR takes pictures, CHROMIUM names the browser,
// OMEN_ACT=1 also changes things: it acknowledges and comments on an open
// incident, makes a silence and ends it; OMEN_PID is the server's process, to be
// stopped for some seconds.
import { join } from "node:path";
import assert from "node:assert/strict";
import { api, launch, shots, url } from "./browser.mjs";
import { foundations } from "./foundations.mjs";
import { remedy } from "./remedy.mjs";

const { page, broken, check, end } = await launch(/501|Failed to load resource|net::ERR_INTERNET_DISCONNECTED/);
const first = (await api("/hosts?limit=1")).hosts[0];
const scheme = (dark) => page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
const quiet = () => page.waitForTimeout(shots ? 900 : 0); // pictures only: charts draw in the next frame

await check("overview names hosts and their states", async () => {
  await page.goto(url + "/");
  await page.getByTestId("hosts").getByRole("link", { name: first.name, exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: /Show only|anomalous|normal|learning|silent/ }).count() >= 4, true);
  await quiet();
});
await check("a person is asked once, at the top right", async () => {
  await page.getByTestId("me").click();
  await page.getByRole("textbox", { name: "Your name" }).fill("e2e");
  await page.keyboard.press("Enter");
  await page.getByTestId("me").getByText("e2e").waitFor();
});
await check("the first page says in a sentence what is wrong, and every blind spot", async () => {
  const s = await api("/status"), said = await page.getByTestId("sentence").textContent();
  if (s.open_incidents === 0 && !s.hosts.anomalous && s.hosts.normal) assert.match(said, /as usual/);
  assert.match(said, /\.\s*$/);
  await page.getByTestId("night").getByRole("heading", { name: /night/ }).waitFor();
  const blind = page.getByTestId("blind"), own = (await api("/incidents?state=active&kind=omen")).incidents, receivers = (await api("/receivers")).receivers.flatMap((r) => r.channels);
  for (const x of s.sources.filter((x) => x.state === "down")) await blind.getByText(`Source ${x.name} does not answer`).waitFor();
  for (const i of own.filter((i) => i.trouble.startsWith("receiver/"))) await blind.getByText(i.summary).waitFor();
  if (!receivers.length) await blind.getByText("Nobody is notified", { exact: true }).waitFor();
  if (receivers.length && receivers.every((c) => c.state !== "failing") && s.ready && !own.length && !s.first_model_hosts && !s.hosts.silent && !s.unauthenticated && !s.unclean_shutdown && s.sources.every((x) => x.state === "up" && !Object.keys(x.left_out).length)) await blind.getByText(/^None:/).waitFor();
});
await check("overview says what is being learned", async () => {
  const s = await api("/status");
  const card = page.getByTestId("learning");
  if (s.first_model_hosts > 0 || s.training_hosts > 0) await card.waitFor(); else assert.equal(await card.count(), 0);
});
await check("overview in the dark", async () => {
  await scheme(true);
  await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === "dark");
  await quiet();
});
await check("a search that finds nothing says so", async () => {
  await page.getByRole("textbox", { name: "Find a host" }).fill("no such host anywhere");
  await page.getByText("No host matches.").waitFor();
});
await check("host page shows score, features and model", async () => {
  await scheme(false);
  await page.goto(url + "/hosts/" + first.id.split("/").map(encodeURIComponent).join("/"));
  await page.getByRole("heading", { name: first.name, exact: true }).waitFor();
  await page.getByTestId("score").waitFor();
  await page.getByRole("heading", { name: /Features/ }).waitFor();
  if (first.model) await page.getByRole("region", { name: "Model card" }).waitFor();
  await quiet();
});
await check("host page on a log scale in the dark", async () => {
  await scheme(true);
  await page.getByRole("switch", { name: "log" }).press("Space");
  await quiet();
});
await check("a level above the limit is said at the pinned cursor", async () => {
  await scheme(false);
  const scores = "**/hosts/*/score*", to = Date.now() / 1000, times = Array.from({ length: 60 }, (_, i) => to - 60 * (60 - i));
  await page.route(scores, (r) => r.fulfill({ json: { host: first.id, limit: 1, step_seconds: 60, times, scores: times.map(() => 4), level: times.map((_, i) => (i < 40 ? 1 : 6)) } }));
  await page.goto(url + "/hosts/" + first.id.split("/").map(encodeURIComponent).join("/"));
  const chart = page.getByRole("region", { name: "Score", exact: true }).getByRole("img");
  await chart.press("ArrowLeft");
  assert.match((await chart.getAttribute("aria-label")) ?? "", /score 4.00, level 6.00$/);
  await quiet();
  await page.unroute(scores);
});
await check("the host page says why people were, or were not, notified at the pinned moment", async () => {
  await scheme(false);
  const host = "/hosts/" + first.id.split("/").map(encodeURIComponent).join("/"), at = new Date(Math.floor(Date.now() / 1000 - 60) * 1000).toISOString().replace(".000Z", "Z");
  const told = await api(`/hosts/${encodeURIComponent(first.id)}/explain?at=${at}`);
  await page.goto(url + host + "?last=15m&at=" + at);
  const box = page.getByTestId("explain");
  await box.getByRole("heading", { name: told.notified ? "Why people were notified" : "Why nobody was notified" }).waitFor();
  for (const s of told.steps) await box.getByRole("listitem").filter({ hasText: s.text }).first().waitFor();
  await quiet();
});
await check("a feature that is kept in front is in the address, and so is a list's filter", async () => {
  await page.getByRole("button", { name: /to the front$/ }).last().click();
  await page.waitForURL(/[?&]sel=\w/);
  await page.reload();
  await page.getByRole("button", { name: /in front ×$/, pressed: true }).waitFor();
  await page.goto(url + "/silences");
  await page.getByText(/^Expired/).click();
  await page.waitForURL(/[?&]state=expired/);
  await page.goto(url + "/events?days=30");
  await page.getByRole("button", { name: "30 d", pressed: true }).waitFor();
});
const open = (await api("/incidents?limit=1")).incidents[0];
await check("incidents are listed", async () => {
  await scheme(false);
  await page.goto(url + "/incidents");
  await page.getByText("Both", { exact: true }).click();
  if (open) await page.getByRole("table").waitFor(); else await page.getByText("No incidents here.").waitFor();
  await quiet();
});
if (open) {
  await check("an incident shows its timeline and causes", async () => {
    await page.goto(url + "/incidents/" + encodeURIComponent(open.id));
    await page.getByRole("heading", { name: "Timeline" }).waitFor();
    await page.getByText("opened", { exact: true }).first().waitFor();
    await quiet();
  });
}
if (open?.state === "open" && process.env.OMEN_ACT) {
  await check("an incident is acknowledged with a comment", async () => {
    await page.getByRole("textbox", { name: "Comment" }).fill("seen by a browser");
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText("seen by a browser").last().waitFor();
    await page.getByRole("button", { name: "Unacknowledge" }).waitFor();
    const now = await api("/incidents/" + encodeURIComponent(open.id));
    assert.equal(now.state, "acknowledged");
    assert.equal(now.acked_by, "e2e");
  });
}
if (open && process.env.OMEN_ACT) {
  await check("a verdict is previewed, given, listed as a pattern and taken back", async () => {
    const path = "/incidents/" + encodeURIComponent(open.id);
    const held = async () => (await api("/patterns")).patterns.filter((p) => p.incident === open.id && !p.reverted);
    const before = (await held()).length;
    await page.goto(url + path);
    const ask = async (button) => {
      await page.getByRole("button", { name: "Real", exact: true }).click();
      const dialog = page.getByRole("dialog", { name: "what this would change" });
      await dialog.getByText("From now on, samples like it count").waitFor();
      if (shots) await page.screenshot({ path: join(shots, "a-verdict-with-its-preview.png") });
      await dialog.getByRole("button", { name: button }).click();
      await dialog.waitFor({ state: "detached" });
    };
    await ask("Cancel");
    assert.equal((await held()).length, before); // a preview changes nothing
    assert.equal((await api(path)).verdict, open.verdict);
    await ask("Apply");
    await page.getByText(/real · e2e/).waitFor();
    assert.equal((await api(path)).verdict, "real");
    const made = await held();
    assert.equal(made.length >= 1, true);
    await page.goto(url + "/patterns");
    for (const p of made) {
      const row = page.getByTestId("patterns").getByRole("row").filter({ has: page.locator(`a[href="${path}"]`) }).filter({ hasText: p.host.name });
      await row.getByText("e2e", { exact: true }).waitFor();
      await row.getByRole("button", { name: "Take back" }).click();
      await row.waitFor({ state: "detached" });
    }
    assert.equal((await held()).length, 0);
    await page.getByText(/^Taken back/).click();
    await page.getByText(/taken back by e2e/).first().waitFor();
  });
}
await check("models are listed", async () => {
  await page.goto(url + "/models");
  await page.getByRole("heading", { name: "Models" }).waitFor();
  await quiet();
});
await check("a host's model says how far it can be trusted", async () => {
  await page.goto(url + "/models/" + first.id.split("/").map(encodeURIComponent).join("/"));
  await page.getByRole("heading", { name: "Does the model still fit?" }).waitFor();
  await quiet();
});
await check("hosts, incidents and pages are found from everywhere", async () => {
  await page.getByRole("button", { name: /^Find/ }).click();
  const dialog = page.getByRole("dialog", { name: "Find" });
  await dialog.getByRole("option", { name: /^page Now/ }).waitFor();
  await dialog.getByRole("combobox").fill(first.name);
  await dialog.getByRole("option", { name: new RegExp("^host " + first.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) }).first().waitFor();
  if (shots) await page.screenshot({ path: join(shots, "what-is-found.png") });
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});
if (process.env.OMEN_ACT) {
  await check("a silence is refused without a reason, made, seen and expired", async () => {
    const why = "made by a browser " + Date.now();
    await page.goto(url + "/silences");
    await page.getByRole("button", { name: "New silence" }).click();
    await page.getByRole("textbox", { name: "Which incidents" }).fill('host="nobody", severity=~"warn.*"');
    await page.getByRole("textbox", { name: "Duration" }).fill("90 min");
    await page.getByRole("button", { name: "Create silence" }).click();
    await page.getByText("say why, so that others know").waitFor();
    await page.getByRole("textbox", { name: "Reason" }).fill(why);
    await page.getByRole("textbox", { name: "Reason" }).press("Enter");
    const row = page.getByTestId("silences").getByRole("row", { name: why });
    await row.waitFor();
    const made = (await api("/silences")).silences.find((s) => s.reason === why);
    assert.deepEqual(made.match, [{ name: "host", value: "nobody", isRegex: false, isEqual: true }, { name: "severity", value: "warn.*", isRegex: true, isEqual: true }]);
    assert.equal(made.by, "e2e");
    assert.equal(Math.round((Date.parse(made.until) - Date.parse(made.from)) / 60000), 90);
    await row.getByRole("button", { name: "Edit" }).click();
    const form = page.getByRole("form", { name: "Edit silence" }), seen = form.getByRole("status", { name: "What it matches now" });
    await seen.getByText("No host matches now.").waitFor();
    await form.getByRole("button", { name: 'Remove severity=~"warn.*"' }).click();
    await form.getByRole("textbox", { name: "Which incidents" }).fill(`host=${JSON.stringify(first.name)}`);
    await seen.getByRole("link", { name: first.name, exact: true }).first().waitFor();
    await form.getByRole("button", { name: "4 h longer" }).click();
    if (shots) await page.screenshot({ path: join(shots, "a-silence-is-edited.png") });
    await form.getByRole("button", { name: "Save" }).click();
    await form.waitFor({ state: "detached" });
    const after = (await api("/silences")).silences.find((s) => s.id === made.id);
    assert.deepEqual(after.match, [{ name: "host", value: first.name, isRegex: false, isEqual: true }]);
    assert.equal(after.from, made.from);
    assert.equal(after.created, made.created);
    assert.equal(Date.parse(after.until) - Date.parse(made.until), 4 * 3600_000); // to the second, though the field shows minutes
    await row.getByRole("button", { name: "Expire" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByText(/^Expired/).click();
    await row.getByText("expired").waitFor();
    assert.equal((await api("/silences")).silences.some((s) => s.id === made.id), false);
  });
}
if (process.env.OMEN_ACT) {
  await check("a window is made, shown in its own zone, edited and deleted", async () => {
    const name = "browser " + Date.now();
    const find = async () => (await api("/windows")).windows.find((w) => w.name === name);
    await page.goto(url + "/windows");
    await page.getByRole("button", { name: "New window" }).click();
    const form = page.getByRole("form");
    await form.getByRole("textbox", { name: "Name", exact: true }).fill(name);
    await form.getByRole("textbox", { name: "Which incidents" }).fill('host="nobody"');
    await form.getByRole("combobox", { name: "Time zone" }).fill("Asia/Tokyo");
    await form.getByLabel("First start").fill("2026-01-31T02:15");
    await form.getByRole("button", { name: "Create window" }).click();
    const row = page.getByTestId("windows").getByRole("row").filter({ hasText: name });
    await row.getByText(/^Sat .*, 02:15–03:15 GMT\+9$/).first().waitFor();
    const made = await find();
    await row.getByRole("button", { name: /^Edit/ }).click();
    await page.getByRole("form", { name: "Edit maintenance window" }).waitFor();
    await form.getByRole("textbox", { name: "Duration" }).fill("90 min");
    if (shots) await page.screenshot({ path: join(shots, "a-window-is-edited.png") });
    await form.getByRole("button", { name: "Save" }).click();
    await row.getByText(/02:15–03:45 GMT\+9$/).first().waitFor();
    const { next: _, duration_seconds: length, ...after } = await find(), { next: __, duration_seconds: ___, ...before } = made;
    assert.deepEqual(after, before); // all else is as it was
    assert.equal(length, 5400);
    await row.getByRole("button", { name: /^Delete/ }).click();
    await row.getByRole("button", { name: /^Really/ }).click();
    await row.waitFor({ state: "detached" });
    assert.equal(await find(), undefined);
  });
}
for (const [path, name] of [["/silences", "Silences"], ["/windows", "Maintenance windows"], ["/events", "Events"], ["/patterns", "Patterns"]])
  await check(name + " are listed", async () => {
    await page.goto(url + path);
    await page.getByRole("heading", { name, exact: true }).waitFor();
    await quiet();
  });
await remedy({ page, url, check, host: first, open, scheme, quiet });
await foundations({ page, url, check, host: first.id.split("/").map(encodeURIComponent).join("/"), open, scheme });
await check("a small screen has no sideways scrolling", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(url + "/");
  await page.getByTestId("hosts").waitFor();
  for (const path of ["/actions", "/silences", "/windows", "/events", "/patterns", "/models", "/"]) {
    await page.goto(url + path);
    await page.locator("main").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, path);
  }
  await quiet();
});
await check("nothing was broken and nothing foreign was loaded", async () => assert.deepEqual(broken, []));
await end();
