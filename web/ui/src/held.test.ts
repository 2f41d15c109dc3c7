import { describe, expect, test } from "vitest";
import { attends, merged } from "./held";

const rows = (text: string) => text.split("").map((id) => ({ id, said: id + "1" })), next = (text: string) => text.split("").map((id) => ({ id, said: id + "2" }));
const key = (r: { id: string }) => r.id;

describe("rows that stay where they are", () => {
  test.each([
    ["abc", "abc", 0, "as they were"], ["abc", "xabc", 1, "one came"], ["abc", "ac", 1, "one went"], ["abc", "cab", 1, "the last one is first: one moved"],
    ["abcde", "edcba", 4, "all but one moved"], ["ab", "xy", 4, "two went, two came"], ["", "ab", 2, "two came"], ["abc", "xcab", 2, "one came, one moved"],
  ])("%s against %s: %i changes, %s", (shown, now, changes) => {
    const got = merged(rows(shown), next(now), key);
    expect(got.value.map(key).join("")).toBe(shown);
    expect(got.changes).toBe(changes);
  });
  test("what a row says goes on, and of one that went it stays", () =>
    expect(merged(rows("abc"), next("ca"), key).value.map((r) => r.said)).toEqual(["a2", "b1", "c2"]));
});

describe("attention", () => {
  const a = { pointer: true, focus: false, seen: 100_000, left: 0 };
  test("a pointer that moves in a list, and one that has just left it", () => {
    expect(attends(a, 101_000)).toBe(true);
    expect(attends({ ...a, pointer: false, left: 100_500 }, 102_000)).toBe(true);
    expect(attends({ ...a, pointer: false, left: 100_500 }, 103_000)).toBe(false);
  });
  test("the focus counts as the pointer does", () => expect(attends({ ...a, pointer: false, focus: true }, 120_000)).toBe(true));
  test("a pointer that was left lying points at nothing", () => expect(attends(a, 131_000)).toBe(false));
  test("nobody was there yet", () => expect(attends({ pointer: false, focus: false, seen: 0, left: 0 }, 1000)).toBe(false));
});
