import { TextInput } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useState } from "react";
import { useMe } from "../me";
import { Name } from "./Name";

/** Who acts: the user whom the server knows, else a name that is remembered by the browser. */
export function useBy(): [by: string, setBy: (by: string) => void] {
  const user = useMe()?.user, [by, setBy] = useLocalStorage({ key: "omen-by", defaultValue: "", getInitialValueInEffect: false });
  return user ? [user, () => undefined] : [by, setBy];
}

/** The field of who acts: asked for once. Where the server knows who it is, or the name is known, that is said instead. */
export function ByField({ value, onChange, error, size = "sm", w }: { value: string; onChange: (v: string) => void; error?: string; size?: "xs" | "sm"; w?: number }) {
  const user = useMe()?.user, [asks] = useState(!value);
  if (user || !asks) return <div className="dim" style={{ fontSize: 14, alignSelf: "end", paddingBottom: 6 }}>as <Name name={user || value} most={24} /></div>;
  return <TextInput size={size} w={w} label="Your name" value={value} onChange={(e) => onChange(e.currentTarget.value)} error={error} autoComplete="off" />;
}
