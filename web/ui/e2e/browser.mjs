// The browser that the scripts of this folder drive: what it says on its console,
// what it asks of others, and checks that are counted.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const url = process.env.OMEN_URL ?? "http://127.0.0.1:9909";
export const shots = process.env.OMEN_SHOTS;
export const api = async (path) => (await fetch(url + "/api/v1/omen" + path)).json();

/** Waits until a page no longer says that it reads something; it may say so of several things. */
export const loaded = (page) => page.getByText(/^Reading the|^Loading…/).first().waitFor({ state: "detached" });

/** How it is started. */
export const options = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};
export const viewport = { width: 1360, height: 900 };
if (shots) mkdirSync(shots, { recursive: true });

/** Starts it. expected: what the console may say. */
export async function launch(expected) {
  const profile = mkdtempSync(join(tmpdir(), "omen-e2e-"));
  const browser = await chromium.launchPersistentContext(profile, { ...options, viewport });
  const broken = []; // what was said, failed or loaded that should not have been
  const listen = (page) => {
    page.setDefaultTimeout(60000); // ms
    page.on("pageerror", (e) => broken.push("page: " + e.message));
    page.on("console", (m) => { if (["error", "warning"].includes(m.type()) && !expected.test(m.text())) broken.push(`console ${m.type()}: ${m.text()}`); });
    page.on("request", (r) => { if (!r.url().startsWith(url) && !r.url().startsWith("data:")) broken.push("foreign request: " + r.url()); });
  };
  const page = browser.pages()[0] ?? (await browser.newPage());
  listen(page);
  browser.on("page", listen);
  const { check, done } = checks();
  return {
    browser, page, broken,
    /** Runs one check; with OMEN_SHOTS a picture of the page is taken after it. */
    check: (name, run) => check(name, page, run),
    /** Ends the browser and the process. */
    end: async () => {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
      done();
    },
  };
}

/** Counts checks. A log may be cut: what failed, and why, is said once more in its last lines. */
export function checks() {
  let passed = 0;
  const failed = [];
  return {
    /** Runs one check; with OMEN_SHOTS a picture of its page is taken after it. */
    check: async (name, page, run) => {
      const begin = Date.now(), took = () => `(${((Date.now() - begin) / 1000).toFixed(1)} s)`;
      try {
        await run();
        passed++;
        console.log(`ok   ${name} ${took()}`);
      } catch (e) {
        failed.push(`FAIL ${name} ${took()}: ${String(e.message ?? e).slice(0, 1000)}`);
        console.log(`FAIL ${name} ${took()}\n${e.stack ?? e}`);
      }
      if (shots) await page.screenshot({ path: join(shots, name.replace(/\W+/g, "-") + ".png"), fullPage: true }).catch((e) => console.log(`no picture of it: ${e.message}`));
    },
    /** Says how many passed and what failed, and ends the process. */
    done: () => {
      console.log([`${passed} passed, ${failed.length} failed`, ...failed].join("\n"));
      process.exit(failed.length ? 1 : 0);
    },
  };
}
