import { focusManager } from "@tanstack/react-query";
import { afterEach, expect, test } from "vitest";
import { isPaused, missing, pause } from "./pause";

afterEach(() => { pause(false); });

test("a page that is not paused shows what changed", () => {
  expect(missing(1)).toBe(false);
  expect(isPaused()).toBe(false);
});
test("a paused one reads nothing again by itself until it goes on", () => {
  expect(pause(true)).toBe(false);
  expect(focusManager.isFocused()).toBe(false);
  expect(missing(1)).toBe(true);
  expect(pause(true)).toBe(true); // it had been
  expect(pause(false)).toBe(true);
  expect(missing()).toBe(false);
});
