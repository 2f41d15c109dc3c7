// Whether the memory of pages grows with what they show: each sample of a host ten
// times, and all that a page shows read again every two seconds, so that what is kept
// of each reading shows within minutes. The browser does not compile: what its
// compilers leave made a page that keeps nothing grow by a megabyte in four minutes.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { loaded, options, url, viewport } from "./browser.mjs";

const every = 2000, times = 10; // ms between readings; samples for each that the server sends
const settled = 3; // minutes until caches are full: answers that are no longer shown are kept for one
const most = 3000; // bytes that a page may seem to grow by with a reading: a quarter of one chart's lines, of 300 points; over ten minutes the same page measures up to 2000 more or less

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const MB = (n) => (n / 1e6).toFixed(2);

/** Runs in a page before its own code. leaks: one chart's lines are kept of each answer, as a defect would. */
function hasten({ every, times, leaks }) {
  const listen = EventSource.prototype.addEventListener;
  let before = 0;
  EventSource.prototype.addEventListener = function (type, hear, ...rest) {
    listen.call(this, type, type !== "host" ? hear : (e) => {
      if (window.still) return;
      const host = JSON.parse(e.data), at = Date.parse(host.last_seen), from = before && before < at ? before : at - 1000;
      before = at;
      for (let k = 1; k <= times; k++) {
        const then = new Date(from + ((at - from) * k) / times).toISOString();
        setTimeout(() => hear({ data: JSON.stringify({ ...host, last_seen: then, scored_at: then }) }), (1000 * (k - 1)) / times);
      }
    }, ...rest);
  };
  setInterval(() => window.still || dispatchEvent(new Event("visibilitychange")), every); // as if somebody came back to it: what is shown is read again
  if (!leaks) return;
  const kept = (window.kept = []), json = Response.prototype.json;
  Response.prototype.json = async function () {
    const body = await json.call(this);
    if (body?.features?.[0]?.times) kept.push(structuredClone(body.features[0]));
    return body;
  };
}

/** The memory in use after collections, while nothing moves: what is being read or drawn is no leak. */
async function used({ page, tool, asked }) {
  await page.evaluate(() => { window.still = true; });
  for (const end = Date.now() + 10_000; asked.size && Date.now() < end; ) await wait(100);
  await wait(1500); // the last sample is out within a second
  for (let n = 0; n < 3; n++) await tool.send("HeapProfiler.collectGarbage");
  const { usedSize } = await tool.send("Runtime.getHeapUsage");
  await page.evaluate(() => { window.still = false; });
  return usedSize;
}

/** The median of the slopes between any two points: one measure that is off does not move it. */
function slope(points) {
  const all = points.flatMap(([x, y], i) => points.slice(i + 1).filter(([v]) => v > x).map(([v, w]) => (w - y) / (v - x))).sort((a, b) => a - b);
  return all[all.length >> 1];
}

/** Watches the memory of pages for some minutes after they have settled; leaky is a host's page, which is also watched with a leak, to see that it would be seen. */
export async function heap(paths, leaky, minutes) {
  const browser = await chromium.launch({ ...options, args: [...options.args, "--js-flags=--jitless"] }), watched = [...paths.map((path) => ({ path })), { path: leaky, leaks: true }], bad = [];
  await Promise.all(watched.map(async (one) => {
    const own = await browser.newContext({ viewport }); // with connections of its own: each page has a stream
    one.page = await own.newPage();
    one.page.on("pageerror", (e) => bad.push(`${one.path}: ${e.message}`));
    one.tool = await own.newCDPSession(one.page);
    one.readings = 0; // of all that is shown, the status among it on every page
    one.asked = new Set(); // that are not answered
    one.page.on("request", (r) => { if (r.url().includes("/api/") && !r.url().includes("/stream")) one.asked.add(r); });
    for (const end of ["requestfinished", "requestfailed"]) one.page.on(end, (r) => { if (one.asked.delete(r) && r.url().endsWith("/status")) one.readings++; });
    await one.page.addInitScript(hasten, { every, times, leaks: one.leaks });
    await one.page.goto(url + one.path);
    await one.page.locator("main h1").first().waitFor({ state: "attached" });
    await loaded(one.page);
    one.points = []; // readings, bytes
  }));
  await wait(settled * 60_000);
  for (const end = Date.now() + minutes * 60_000; ; await wait(20_000)) {
    await Promise.all(watched.map(async (one) => one.points.push([one.readings, await used(one)])));
    if (Date.now() >= end) break;
  }
  for (const { path, points, leaks } of watched) {
    const each = slope(points), says = `${path}${leaks ? ", with a leak" : ""}: ${Math.round(each)} bytes a reading`;
    console.log(`     ${says}, ${points.at(-1)[0] - points[0][0]} readings in ${minutes} min after ${settled}: ${points.map(([, n]) => MB(n)).join(" ")} MB`);
    if (!(leaks ? each > most : each <= most)) bad.push(says);
  }
  await browser.close();
  assert.deepEqual(bad, []);
}
