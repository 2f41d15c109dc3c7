import { describe, expect, test } from "vitest";
import type { FeatureHistory } from "./api";
import { groupsOf, heat, inOrder, outsideAt, sharesOf } from "./features";

const names = ["cpu_system", "cpu_user", "disk_read", "disk_write", "forks", "load_1m"];
const shares = new Map([["disk_write", 0.5], ["cpu_user", 0.3], ["forks", 0.2]]);
const order = (by: Partial<Parameters<typeof inOrder>[2]>) => inOrder(names, shares, { q: "", sel: [], group: "", only: null, ...by });

test("groups by what they begin with, the largest share first, the lonely together", () =>
  expect(groupsOf(names, shares).map((g) => [g.name, +g.share.toFixed(2)])).toEqual([["disk", 0.5], ["cpu", 0.3], ["others", 0.2]]));
test("the lonely come last among those without a share", () => expect(groupsOf(names, new Map()).map((g) => g.name)).toEqual(["cpu", "disk", "others"]));

describe("the order", () => {
  test("by share, then by name", () => expect(order({})).toEqual(["disk_write", "cpu_user", "forks", "cpu_system", "disk_read", "load_1m"]));
  test("what was chosen first, whatever is asked for", () => expect(order({ sel: ["load_1m"], group: "disk" })).toEqual(["load_1m", "disk_write", "disk_read"]));
  test("of a group, of the others, by words, of those outside", () => {
    expect(order({ group: "cpu" })).toEqual(["cpu_user", "cpu_system"]);
    expect(order({ group: "others" })).toEqual(["forks", "load_1m"]);
    expect(order({ q: "Disk w" })).toEqual(["disk_write"]);
    expect(order({ only: ["forks"] })).toEqual(["forks"]);
  });
});

test("shares are those of the moment, where one is pinned", () => {
  const now = [{ name: "a", share: 0.9 }, { name: "b", share: null }];
  expect([...sharesOf(now, undefined)]).toEqual([["a", 0.9], ["b", 0]]);
  expect([...sharesOf(now, [{ feature: "b", share: 1 }])]).toEqual([["b", 1]]);
});

test("a score's colour is grey up to the limit, then darker by its magnitude", () => {
  expect([0, 1].map(heat)).toEqual(["rgba(120, 130, 150, 0.08)", "rgba(120, 130, 150, 0.30)"]);
  expect([1.01, 10, 100, 1e6].map((s) => heat(s).replace(/.* /, ""))).toEqual(["0.40)", "0.70)", "1.00)", "1.00)"]);
});

test("outside of the band at a moment", () => {
  const h = { times: [10, 20, 30], actual: [1, 9, 1], lower: [0, 0, null], upper: [2, 2, null] } as unknown as FeatureHistory;
  expect([9, 21, 31].map((at) => outsideAt(h, at))).toEqual([false, true, false]);
  expect(outsideAt(undefined, 10)).toBe(false);
});
