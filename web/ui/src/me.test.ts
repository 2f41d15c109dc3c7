import { describe, expect, test } from "vitest";
import { includes, lockedWords } from "./me";
import { root } from "./root";
import type { Me, Role } from "./api";

const me = (user: string, role: Role, approver = false): Me => ({ user, role, approver });

describe("roles", () => {
  test.each([["read", "read", true], ["read", "operate", false], ["operate", "read", true], ["operate", "admin", false], ["admin", "admin", true]] as [Role, Role, boolean][])("%s includes %s: %s", (role, least, want) =>
    expect(includes(role, least)).toBe(want));
  test("what one may not do is said with why", () => {
    expect(lockedWords(me("wall", "read"), "operate")).toBe("needs the role operate; wall has read");
    expect(lockedWords(me("", "operate"), "admin")).toBe("needs the role admin; an unauthenticated user has operate");
    expect(lockedWords(me("ev\u202Ee", "read"), "admin")).toContain("ev⟨U+202E⟩e has read");
  });
  test("what one may do is said nothing of", () => expect(lockedWords(me("ann", "operate"), "operate")).toBe(""));
  test("only approvers decide on actions", () => {
    expect(lockedWords(me("ann", "admin"), "operate", true)).toBe("ann is not among remedy.approvers");
    expect(lockedWords(me("", "admin"), "operate", true)).toBe("an unauthenticated user is not among remedy.approvers");
    expect(lockedWords(me("ann", "read", true), "operate", true)).toBe("needs the role operate; ann has read");
    expect(lockedWords(me("ann", "operate", true), "operate", true)).toBe("");
  });
});

test("without a browser there is no prefix", () => expect(root).toBe(""));
