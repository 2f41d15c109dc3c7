import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { later } from "./later";

describe("something that is done later", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const of = () => { const act = vi.fn(); return { act, it: later(act, 5000) }; };

  test("is done when its time has come, and not before", () => {
    const { act } = of();
    vi.advanceTimersByTime(4999);
    expect(act).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledTimes(1);
  });
  test("is never done once it is dropped", () => {
    const { act, it } = of();
    it.drop();
    it.now();
    vi.advanceTimersByTime(60_000);
    expect(act).not.toHaveBeenCalled();
  });
  test("is done at once where a page is left, and not again", () => {
    const { act, it } = of();
    it.now();
    it.now();
    vi.advanceTimersByTime(60_000);
    expect(act).toHaveBeenCalledTimes(1);
  });
});
