// What pages cost while nobody touches them: requests, and memory.
import assert from "node:assert/strict";
import { loaded, url } from "./browser.mjs";

const rate = 0.1; // requests a second, at most: half of what was promised
const perChange = 5; // what a page may read again for one thing that changed

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const opened = (browser, paths) => Promise.all(paths.map(async (path) => {
  const page = await browser.newPage();
  await page.goto(url + path);
  await page.locator("main h1").first().waitFor({ state: "attached" });
  await loaded(page);
  return { path, page, tool: await browser.newCDPSession(page) };
}));

/** What the server tells pages of, counted by a stream of its own. */
function heard() {
  const stop = new AbortController(), seen = { changes: 0, stop: () => stop.abort() };
  const run = async () => {
    let said, text = "";
    const r = await fetch(url + "/api/v1/omen/stream", { signal: stop.signal });
    for await (const part of r.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      const events = text.split("\n\n");
      text = events.pop();
      for (const e of events) {
        const now = /^event: beat\ndata: (.*)$/m.exec(e)?.[1];
        if (e.includes("event: change") || (now && said && now !== said)) seen.changes++;
        said = now ?? said;
      }
    }
  };
  run().catch((e) => { if (e.name !== "AbortError") throw e; });
  return seen;
}

const used = async (tool) => {
  await tool.send("HeapProfiler.collectGarbage");
  return (await tool.send("Runtime.getHeapUsage")).usedSize;
};
const MB = (n) => (n / 1e6).toFixed(1);

/** Counts what pages ask while nobody touches them; what changes on the server may be read again. */
export async function resting(browser, paths, seconds) {
  const all = await opened(browser, paths), bad = [], changes = heard();
  await wait(3000); // what a page asks for at first is answered
  for (const one of all) {
    one.asked = [];
    one.page.on("request", (r) => { if (/\/(api|-)\//.test(new URL(r.url()).pathname)) one.asked.push(new URL(r.url()).pathname); });
    one.heap = [await used(one.tool)];
  }
  for (let k = 0; k < 3; k++) {
    await wait((1000 * seconds) / 3);
    for (const one of all) one.heap.push(await used(one.tool));
  }
  changes.stop();
  for (const { path, asked, heap, page } of all) {
    console.log(`     ${path}: ${(asked.length / seconds).toFixed(2)} requests/s (${asked.length} in ${seconds} s, ${changes.changes} changes heard); heap ${heap.map(MB).join(" → ")} MB`);
    if (asked.length > rate * seconds + perChange * changes.changes) bad.push(`${path}: ${asked.length} requests in ${seconds} s: ${asked}`);
    await page.close();
  }
  assert.deepEqual(bad, []);
}
