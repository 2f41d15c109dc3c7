import { useState } from "react";
import { includes, useMe } from "../me";
import { Name } from "./Name";
import { useBy } from "./By";

/** Who acts, at the top right: the user whom the server knows, with a role that is not all there is; else a name that is asked for once and can be changed here. */
export function Person() {
  const me = useMe(), [by, setBy] = useBy(), [text, setText] = useState<string>();
  if (!me) return null;
  const role = me.role === "admin" ? "" : me.role;
  if (me.user || !includes(me.role, "operate")) return <span className="person" data-testid="me">{me.user ? <><Name name={me.user} most={24} /> · {me.role}</> : <>not signed in · {role}</>}</span>;
  const done = () => { setBy(text!.trim()); setText(undefined); };
  if (text !== undefined) return (
    <form className="person" onSubmit={(e) => { e.preventDefault(); done(); }}>
      <input autoFocus aria-label="Your name" placeholder="Your name" maxLength={60} autoComplete="off" value={text} onChange={(e) => setText(e.currentTarget.value)} onBlur={done} onKeyDown={(e) => { if (e.key === "Escape") setText(undefined); }} />
    </form>);
  return <button type="button" className="person" data-testid="me" title="What you do is recorded with this name; a click changes it" onClick={() => setText(by)}>{by ? <Name name={by} most={24} /> : "Your name?"}{role && ` · ${role}`}</button>;
}
