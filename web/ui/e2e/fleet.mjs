// Drives the pages of an Omen that watches thousands of hosts, for
// test/fleetpage_test.go: OMEN_URL is where it answers, OMEN_SICK the host that is
// not as usual. Times are printed, and nothing depends on them.
import assert from "node:assert/strict";
import { api, launch, url } from "./browser.mjs";
import { accessible } from "./foundations.mjs";

const sick = process.env.OMEN_SICK;
const { page, broken, check, end } = await launch(/^$/);
const total = (await api("/hosts?limit=1")).total;
const heat = page.getByTestId("heat"), map = heat.locator("canvas"), rows = page.getByTestId("hosts").locator("tbody tr");
const query = () => new URL(page.url()).searchParams;

await check("the first row and the heat map of all hosts", async () => {
  const begin = Date.now(), ms = () => `${Date.now() - begin} ms`;
  await page.goto(url + "/?past=1h");
  await rows.first().waitFor();
  console.log(`first row of ${total} hosts: ${ms()}`);
  await map.waitFor();
  console.log(`heat map: ${ms()}`);
  assert.match(await map.getAttribute("aria-label"), new RegExp(`^Highest scores of ${total} hosts by time, 200 rows, [1-9]`));
  const box = await map.boundingBox();
  assert.ok(box.height <= 420, `${box.height} px high`);
  const painted = await map.evaluate((c) => { const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] ? 1 : 0; return n; });
  assert.ok(painted > 0, "nothing is painted");
});
await check("rows are 32 pixels high, in order of weight", async () => {
  const heights = await rows.evaluateAll((all) => all.map((r) => Math.round(r.getBoundingClientRect().height)));
  assert.equal(heights.length, 50);
  assert.ok(heights.every((h) => h >= 32 && h <= 34), String(heights));
  const state = await rows.evaluateAll((all) => all.map((r) => r.cells[1].textContent)), rank = ["anomalous", "silent", "normal", "learning"];
  assert.deepEqual(state, [...state].sort((a, b) => rank.indexOf(a) - rank.indexOf(b)));
});
await check("the table beside the map has the host that is not as usual first", async () => {
  await heat.getByText("As a table").click();
  const first = heat.getByRole("table").locator("tbody tr").first();
  await first.getByRole("link", { name: sick }).waitFor();
  await first.getByRole("link", { name: sick }).click();
  await page.waitForURL((u) => u.pathname.endsWith("/" + sick) && u.searchParams.has("from") && u.searchParams.has("at"));
  await page.getByRole("heading", { name: sick, exact: true }).waitFor();
});
await check("the pointer says host, time and score of a cell, and a click opens the host at that time", async () => {
  await page.goto(url + "/?past=1h");
  await map.waitFor();
  const found = await api("/heat?last=1h"), row = found.rows.findIndex((r) => r.host.name === sick), b = await map.boundingBox();
  const cell = Math.round((Date.parse(found.rows[row].peak_at) - Date.parse(found.from)) / 1000 / found.step_seconds);
  const at = { x: ((cell + 0.5) / found.cells) * b.width, y: ((row + 0.5) / found.rows.length) * b.height };
  await map.hover({ position: at });
  await heat.getByText(new RegExp(`^${sick}: [0-9]`)).waitFor();
  await map.click({ position: at });
  await page.waitForURL((u) => u.pathname.endsWith("/" + sick) && u.searchParams.has("at"));
});
await check("the keyboard goes from cell to cell and opens a host", async () => {
  await page.mouse.move(0, 0);
  await page.goto(url + "/?past=1h");
  await map.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await heat.getByRole("status").getByText(/^host-\d{4} … host-\d{4} \(25 hosts\), \d\d:\d\d:\d\d/).waitFor({ state: "attached" });
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/hosts\/sim\/sim\/host-\d{4}\?from=/);
});
await check("hosts are grouped by a label, a group is opened, and the address has both", async () => {
  await page.goto(url + "/?past=1h");
  await heat.getByRole("combobox", { name: "Group of hosts" }).selectOption("role");
  await page.waitForURL((u) => u.searchParams.get("group") === "role");
  await page.reload();
  await heat.getByRole("button", { name: "role-3", exact: true }).click();
  await page.waitForURL((u) => u.searchParams.get("match") === 'role="role-3"');
  await heat.getByText(/ of 625 hosts$/).waitFor();
  await page.waitForFunction(() => { const all = [...document.querySelectorAll('[data-testid="hosts"] tbody tr a.host')]; return all.length === 50 && all.every((a) => +a.textContent.slice(5) % 8 === 3); });
  await heat.getByRole("button", { name: 'Remove role="role-3"' }).click();
  await page.waitForURL((u) => !u.searchParams.has("match"));
});
await check("one of all hosts is found, and all of its row is a way to it", async () => {
  await page.goto(url + "/");
  await rows.nth(49).waitFor();
  const begin = Date.now(), last = `host-${String(total - 1).padStart(4, "0")}`;
  await page.getByRole("textbox", { name: "Find a host" }).fill(last);
  await page.waitForFunction((name) => { const all = document.querySelectorAll('[data-testid="hosts"] tbody tr'); return all.length === 1 && all[0].textContent.includes(name); }, last);
  console.log(`search of one of ${total}: ${Date.now() - begin} ms`);
  assert.equal(query().get("q"), last);
  await rows.first().locator("td").nth(2).click(); // not the name
  await page.waitForURL((u) => u.pathname.endsWith("/" + last));
});
await check("a host is compared with another, what differs most first", async () => {
  await page.goto(url + "/hosts/sim/sim/" + sick + "?last=15m");
  await page.getByRole("link", { name: "Compare" }).click();
  await page.waitForURL((u) => u.pathname === "/compare" && u.searchParams.get("a") === "sim/sim/" + sick && u.searchParams.get("last") === "15m");
  const other = sick === "host-0001" ? "host-0002" : "host-0001";
  await page.getByRole("combobox", { name: "with" }).fill("sim/sim/" + other);
  await page.getByRole("combobox", { name: "with" }).press("Enter");
  await page.waitForURL((u) => u.searchParams.get("b") === "sim/sim/" + other);
  await page.getByTestId("differences").getByRole("img", { name: new RegExp(`load of ${sick} and ${other}`) }).waitFor();
  await page.reload();
  await page.getByTestId("differences").getByRole("img").first().waitFor();
});
await check("a host is compared with the median of its role, in a click from its page", async () => {
  const group = await api(`/hosts/${encodeURIComponent("sim/sim/" + sick)}/group?label=role`);
  await page.goto(url + "/hosts/sim/sim/" + sick + "?last=15m");
  await page.getByRole("link", { name: "with its role", exact: true }).click();
  await page.waitForURL((u) => u.pathname === "/compare" && u.searchParams.get("group") === "role" && u.searchParams.get("last") === "15m");
  await page.getByTestId("differences").getByRole("img", { name: `load of ${sick} and median of role=${group.value} over time` }).waitFor();
  await page.getByTestId("made-of").getByText(group.hosts_read < group.hosts ? `of ${group.hosts_read} of ${group.hosts} hosts` : `of ${group.hosts} hosts`).waitFor();
  await page.reload();
  await page.getByTestId("differences").getByRole("img").first().waitFor();
  await page.getByRole("combobox", { name: "against" }).selectOption("");
  await page.waitForURL((u) => !u.searchParams.get("group"));
});
for (const dark of [false, true])
  await check(`axe finds nothing serious or moderate, ${dark ? "dark" : "light"}`, async () => {
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    for (const path of ["/?past=1h&group=role", `/compare?a=sim/sim/${sick}&b=sim/sim/host-0001&last=15m`, `/compare?a=sim/sim/${sick}&group=role&last=15m`]) {
      await page.goto(url + path);
      await page.getByRole("img").first().waitFor();
      if (path.startsWith("/?")) await heat.getByText("As a table").click();
      await accessible(page, path);
    }
  });
await check("a small screen has no sideways scrolling", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  for (const path of ["/?past=1h", "/?past=1h&group=role", `/compare?a=sim/sim/${sick}&b=sim/sim/host-0001&last=15m`, `/compare?a=sim/sim/${sick}&group=role&last=15m`]) {
    await page.goto(url + path);
    await page.getByRole("img").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, path);
  }
});
await check("nothing was broken", async () => assert.deepEqual(broken, []));
await end();
