// Loads the page again once Omen answers: a file that could not be read is asked
// for anew only by a page that is.

const every = 2000, pause = 60_000; // ms: between questions; between loadings of what fails all the same
const key = "omen-loaded-again";

/** Whether the page may be loaded again by itself: not twice within a minute. */
export function due(last: string | null, now: number): boolean {
  const age = now - Number(last ?? 0);
  return !(age >= 0 && age < pause);
}

/** Loads the page again as soon as answers says that Omen does; what it returns ends that. */
export function afresh(answers: () => Promise<boolean>): () => void {
  let timer: ReturnType<typeof setTimeout>, over = false;
  const look = async () => {
    if (due(sessionStorage.getItem(key), Date.now()) && (await answers()) && !over) {
      sessionStorage.setItem(key, String(Date.now()));
      location.reload();
    } else if (!over) timer = setTimeout(() => void look(), every);
  };
  void look();
  return () => { over = true; clearTimeout(timer); };
}
