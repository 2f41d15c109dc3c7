import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { heard, silentSince, watch } from "./live";

// A page must not look alive five seconds after the server's last answer; by a clock of its own, since a browser beside other work is late.
describe("a page of a server that no longer answers is stale within five seconds", () => {
  const page = Object.assign(new EventTarget(), { hidden: false });
  let end = () => {};
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("document", page);
    vi.stubGlobal("AbortSignal", { timeout: (ms: number) => { const c = new AbortController(); setTimeout(() => c.abort(), ms); return c.signal; } });
  });
  afterEach(() => { end(); vi.useRealTimers(); vi.unstubAllGlobals(); });
  const refused = () => Promise.reject(new TypeError("connection refused"));
  const hangs = (_: string, o: { signal: AbortSignal }) => new Promise((_, no) => o.signal.addEventListener("abort", () => no(new Error("aborted"))));
  const fails = () => Promise.resolve({ ok: false });

  test.each([["refuses", refused], ["hangs", hangs], ["fails", fails]])("one that %s", async (_, answer) => {
    vi.stubGlobal("fetch", vi.fn(() => Promise.resolve({ ok: true })));
    end = watch();
    heard();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(silentSince()).toBe(0); // without beats, but alive when asked
    vi.stubGlobal("fetch", vi.fn(answer));
    heard();
    const at = Date.now();
    await vi.advanceTimersByTimeAsync(5000);
    expect(silentSince()).toBe(at);
    vi.stubGlobal("fetch", vi.fn(() => Promise.resolve({ ok: true })));
    await vi.advanceTimersByTimeAsync(5000);
    expect(silentSince()).toBe(0);
  });
});
