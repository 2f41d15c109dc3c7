import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { afresh, due } from "./reload";

describe("a page whose file could not be read", () => {
  const held = new Map<string, string>(), reload = vi.fn();
  beforeEach(() => {
    vi.useFakeTimers();
    held.clear();
    reload.mockClear();
    vi.stubGlobal("sessionStorage", { getItem: (k: string) => held.get(k) ?? null, setItem: (k: string, v: string) => held.set(k, v) });
    vi.stubGlobal("location", { reload });
  });
  afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); });

  it("is loaded again once Omen answers, and not before", async () => {
    let alive = false;
    afresh(() => Promise.resolve(alive));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reload).not.toHaveBeenCalled();
    alive = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reload).toHaveBeenCalledTimes(1);
  });
  it("is not loaded again and again by what fails all the same", async () => {
    afresh(() => Promise.resolve(true));
    await vi.advanceTimersByTimeAsync(0);
    afresh(() => Promise.resolve(true)); // of the page that was loaded
    await vi.advanceTimersByTimeAsync(50_000);
    expect(reload).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(reload).toHaveBeenCalledTimes(2);
  });
  it("is left alone once another page is shown", async () => {
    afresh(() => Promise.resolve(true))();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reload).not.toHaveBeenCalled();
  });
  it("is loaded again though the clock was set back", () => {
    expect(due(String(2e12), 1e12)).toBe(true);
    expect(due("nonsense", 1e12)).toBe(true);
  });
});
