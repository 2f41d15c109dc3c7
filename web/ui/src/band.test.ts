import { expect, test } from "vitest";
import { atItsEdges } from "./band";

const line = (actual: (number | null)[], lower: (number | null)[], upper: (number | null)[]) =>
  ({ times: actual.map((_, i) => i * 10), actual, expected: actual.map(() => 5), lower, upper });
const flat = (n: number, v: number | null) => Array<number | null>(n).fill(v);

test("what is outside begins and ends at the band's edge", () => {
  const b = atItsEdges(line([5, 15, 5], flat(3, 0), flat(3, 10)));
  expect(b.times).toEqual([0, 5, 10, 15, 20]);
  expect(b.actual).toEqual([5, 10, 15, 10, 5]);
  expect(b.outside).toEqual([null, 10, 15, 10, null]);
});

test("from above to below it is inside in between", () => {
  const b = atItsEdges(line([15, -5], flat(2, 0), flat(2, 10)));
  expect(b.actual).toEqual([15, 10, 5, 0, -5]);
  expect(b.outside).toEqual([15, 10, null, 0, -5]);
});

test("a band that moves away from a steady line", () => {
  const b = atItsEdges(line([5, 5], [0, 8], [10, 18]));
  expect(b.times[1]).toBeCloseTo(6.25);
  expect(b.lower[1]).toBeCloseTo(5);
  expect(b.outside).toEqual([null, 5, 5]);
});

test("inside, without a band, and over gaps nothing is added", () => {
  for (const l of [line([5, 6], flat(2, 0), flat(2, 10)), line([5, 60], flat(2, null), flat(2, null)), line([5, null, 60], flat(3, 0), flat(3, 10))]) expect(atItsEdges(l).times).toEqual(l.times);
  expect(atItsEdges({ ...line([5, 60], [], []), expected: [] })).toMatchObject({ lower: [null, null], upper: [null, null], outside: [null, null] });
});
