import { expect, test } from "vitest";
import type { Model } from "./api";
import { modelMarks } from "./served";

const model = (limit: number | undefined, ...served: [string, string | null][]) =>
  ({ card: limit === undefined ? null : { limit: { chosen: limit } }, served: served.map(([from, to]) => ({ from, to })) }) as unknown as Model;

test("a mark for each change of the model, with what it does to the limit", () => {
  const newest = model(4.13, ["2026-11-28T23:20:00Z", "2026-11-28T23:40:00Z"]);
  const older = model(5.5, ["2026-11-28T22:00:00Z", "2026-11-28T23:20:00Z"], ["2026-11-28T23:40:00Z", null]); // returned to
  expect(modelMarks([newest, older]).map((m) => [new Date(m.at * 1000).toISOString().slice(11, 16), m.text])).toEqual([
    ["22:00", "new model, limit 5.5"], ["23:20", "new model, limit 5.5 → 4.1"], ["23:40", "new model, limit 4.1 → 5.5"],
  ]);
});

test("one that never judged, and no models yet, make no mark", () => {
  expect(modelMarks([model(3)])).toEqual([]);
  expect(modelMarks(undefined)).toEqual([]);
  expect(modelMarks([model(undefined, ["2026-11-28T22:00:00Z", null])])[0]!.text).toBe("new model");
  expect(modelMarks([{ ...model(3), serving: true, trained_at: "2026-11-28T22:00:00Z" } as Model])[0]!.text).toBe("new model, limit 3");
});
