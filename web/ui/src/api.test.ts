import { expect, test } from "vitest";
import { hostPath, idOf } from "./api";

test.each(["prom/node/web-1:9100", "k8s/pods/shop/checkout", "prom/node/a%2Fb", "prom/node/50%", "prom/node/a b?c#d", "prom/node/größe", "prom/node/..", "prom/./web", "prom/node/..."])("the address of %s leads back to it", (id) => {
  expect(idOf(new URL(hostPath(id), "http://omen").pathname)).toBe(id);
});

test("slashes may be escaped in an address", () => {
  expect(idOf("/hosts/prom%2Fnode%2Fweb-1")).toBe("prom/node/web-1");
  expect(idOf("/hosts")).toBe("");
});
