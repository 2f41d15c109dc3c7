import { expect, test } from "vitest";
import { found, labelOf, pages, type Found } from "./find";

const incident = (name: string, more: string): Found => ({ key: name, kind: "incident", href: "/incidents/" + name, name, more });
const host: Found = { key: "web-1", kind: "host", href: "/hosts/web-1", name: "web-1", more: "normal" };
const names = (q: string, hosts: Found[] = []) => found(q, hosts, [incident("db-1", "critical, since 02:14: disk write 240 MB/s"), incident("web-2", "closed, since 01:00: memory used")], pages).map((f) => f.name);

test("without words: what is open, and every page", () => expect(names("")).toEqual(["db-1", "web-2", ...pages.map((p) => p.name)]));
test("hosts first, whatever the API found them by", () => expect(names("web", [host])[0]).toBe("web-1"));
test("every word, in any order and case", () => {
  expect(names("WRITE db")).toEqual(["db-1"]);
  expect(names("write web")).toEqual([]);
});
test("a page by what is on it", () => expect(names("calendars")).toEqual(["Maintenance"]));
test.each([["role=db", 'role=~"(?i).*db.*"'], ["role = a.b", 'role=~"(?i).*a\\\\.b.*"'], ['team="x y"', 'team=~"(?i).*x y.*"'], ["web-1", null], ["a=", null], ["=b", null]])("%s by label: %s", (q, want) => expect(labelOf(q)).toBe(want));
test("metrics of the host, and what the page can do, by their words; no metrics without words", () => {
  const metric: Found = { key: "disk_write", kind: "metric", href: "", name: "disk write", more: "bytes written" }, action: Found = { key: "p", kind: "action", href: "", name: "Pause this page", more: "key p" };
  const of = (q: string) => found(q, [], [], pages, [metric], [action]).map((f) => f.name);
  expect(of("written")).toEqual(["disk write"]);
  expect(of("pause")).toEqual(["Pause this page"]);
  expect(of("")).toEqual(["Pause this page", ...pages.map((p) => p.name)]);
});
