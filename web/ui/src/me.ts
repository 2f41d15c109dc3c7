// Who uses the web UI, and what that allows; the server decides, and refuses what
// is tried in spite of it.
import { useQuery } from "@tanstack/react-query";
import { ask, type Me, type Role } from "./api";
import { visible } from "./format";

const roles: Role[] = ["read", "operate", "admin"]; // each may what those before it may

export const includes = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least);

/** Why somebody may not do what a role is needed for; "": one may. decides: only approvers of actions may, too. */
export function lockedWords(me: Me, least: Role, decides = false): string {
  const who = me.user ? visible(me.user) : "an unauthenticated user";
  if (!includes(me.role, least)) return `needs the role ${least}; ${who} has ${me.role}`;
  return decides && !me.approver ? `${who} is not among remedy.approvers` : "";
}

/** Who asks; undefined until the server has said it. */
export const useMe = (): Me | undefined => useQuery({ queryKey: ["me"], staleTime: 60_000, queryFn: () => ask<Me>("/me") }).data;

/** Why what a role is needed for is not offered; "": it is. */
export function useLocked(least: Role, decides = false): string {
  const me = useMe();
  return me ? lockedWords(me, least, decides) : "";
}
