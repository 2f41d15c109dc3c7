/** Something that is done after some milliseconds, unless it is dropped before; now() does it at once. It is done once at most. */
export type Later = { now: () => void; drop: () => void };

export function later(act: () => void, ms: number): Later {
  let waits = true;
  const timer = setTimeout(now, ms);
  function drop() {
    waits = false;
    clearTimeout(timer);
  }
  function now() {
    if (!waits) return;
    drop();
    act();
  }
  return { now, drop };
}
