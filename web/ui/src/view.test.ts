import { describe, expect, test } from "vitest";
import { readView, spanOf, writeView } from "./view";

describe("a view and its address", () => {
  test("an address without a query is the default view, and the other way round", () => {
    expect(writeView(readView(""))).toBe("");
    expect(readView("").last).toBe(3600);
  });
  test.each([
    "?last=6h", "?last=5m&log=1", "?from=2026-11-28T23:10:00Z&to=2026-11-28T23:40:00Z&at=2026-11-28T23:31:05Z",
    "?q=web%20%26%20db&state=anomalous&sort=name&page=3", "?quiet=false&before=01J&all=1",
    "?state=expired", "?days=30", "?q=web&page=2", "?last=6h&sel=disk_write,cpu_iowait", "?at=2026-11-28T23:31:05Z&span=month&pick=window%2Fw1%2F2026-11-28T02:00:00Z&open=silences,events", "?q=web&kiosk=1",
    "?group=role&match=role%3D%22web%22&past=7d", "?last=6h&a=prom%2Fnode%2Fweb-1&b=prom%2Fnode%2Fweb-2&ago=7d",
  ])("%s comes back as it is", (search) => expect(writeView(readView(search))).toBe(search));
  test("a fixed span stands instead of a relative one", () => {
    const v = readView("?last=6h&from=2026-11-28T23:10:00Z&to=2026-11-28T23:40:00Z");
    expect(v.to - v.from).toBe(1800);
    expect(writeView(v)).not.toContain("last");
  });
  test.each(["?from=2026-11-28T23:10:00Z", "?from=2026-11-28T23:10:00Z&to=2026-11-28T23:00:00Z", "?from=x&to=y"])("%s is no span", (s) => expect(readView(s).from).toBe(0));
  test.each(["%2B275760-09-13T00:00:00Z", "9999-12-31T00:00:00Z", "-271821-04-20T00:00:00Z", "0001-01-01T00:00:00Z", "1e999", "NaN"])("at=%s is no instant that charts and calendars can reach beyond", (at) => {
    expect(readView("?at=" + at).at).toBe(0);
    expect(readView(`?from=2026-01-01T00:00:00Z&to=${at}`)).toMatchObject({ from: 0, to: 0 });
  });
  test.each(["?last=0s", "?last=900d", "?last=soon"])("%s is the last hour", (s) => expect(readView(s).last).toBe(3600));
  test.each(["?days=0", "?days=x", "?days=9000"])("%s is a week", (s) => expect(readView(s).days).toBe(7));
  test("?kiosk alone is enough", () => expect(readView("?kiosk").kiosk).toBe(true));
  test("nothing chosen is not in the address", () => expect(writeView({ ...readView("?sel=a"), sel: [] })).toBe(""));
  test("a page is a number that exists", () => expect([readView("?page=-2").page, readView("?page=x").page, readView("?page=2.7").page]).toEqual([0, 0, 2]));
});

describe("a paused view", () => {
  test.each(["?last=6h&paused=2026-11-28T23:31:05Z", "?density=s", "?all=1&density=l"])("%s comes back as it is", (search) => expect(writeView(readView(search)).split("&").sort()).toEqual(search.split("&").sort()));
  test("shows the span that ended when it was paused", () => expect(spanOf(readView("?last=1h&paused=2026-11-28T23:00:00Z"))).toEqual({ from: Date.parse("2026-11-28T22:00:00Z") / 1000, to: Date.parse("2026-11-28T23:00:00Z") / 1000 }));
  test("shows a fixed span as it is", () => expect(spanOf(readView("?from=2026-11-28T20:00:00Z&to=2026-11-28T21:00:00Z&paused=2026-11-28T23:00:00Z"))).toEqual({ from: Date.parse("2026-11-28T20:00:00Z") / 1000, to: Date.parse("2026-11-28T21:00:00Z") / 1000 }));
  test("otherwise it is the last so many seconds", () => expect(spanOf(readView("?last=6h"))).toEqual({ last: 21600 }));
  test("a size that there is none of is the usual one", () => expect(readView("?density=xl").density).toBe(""));
});
