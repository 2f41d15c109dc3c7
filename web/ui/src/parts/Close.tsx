import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useAct, type IncidentDetail } from "../api";
import { later, type Later } from "../later";
import { Problem } from "./Bits";

const taken = 5000; // milliseconds in which closing can be taken back

/**
 * Closes an incident in five seconds: until then nothing has left the page, so that of what is taken
 * back nobody was notified. A page that is left before that has closed it. Wants the incident's id as its key.
 */
export function Close({ i, by, comment, done }: { i: IncidentDetail; by: string; comment: string; done: () => void }) {
  const act = useAct(i.id), closed = i.state === "closed", [waits, setWaits] = useState(false), held = useRef<Later | null>(null);
  const said = useRef({ by, comment }), gone = useRef(false);
  said.current = { by, comment }; // what is typed meanwhile counts
  const drop = () => {
    held.current?.drop();
    setWaits(false);
  };
  useEffect(() => { if (closed) drop(); }, [closed]); // by somebody else, or because it is over
  useEffect(() => {
    gone.current = false;
    const leave = () => held.current?.now();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      gone.current = true;
      leave();
    };
  }, []);
  const begin = () => {
    setWaits(true);
    held.current = later(() => {
      setWaits(false);
      const { by, comment } = said.current;
      act.mutateAsync({ action: "close", by, comment: comment || undefined }).then(done, (e: unknown) => {
        if (gone.current) window.alert(`The incident was not closed: ${e instanceof Error ? e.message : String(e)}`); // no part of a page is left that could say so
      });
    }, taken);
  };
  if (closed) return null;
  return (
    <>
      <Button size="xs" variant="default" disabled={waits} loading={act.isPending} onClick={begin}>Close</Button>
      {waits && <span role="status">Closes in five seconds. <button type="button" className="quiet" onClick={drop}>Undo</button></span>}
      <Problem error={act.error} what="The incident was not closed" />
    </>
  );
}
