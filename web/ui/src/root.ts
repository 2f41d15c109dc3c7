// Where Omen is on its host: the web UI may be below a path prefix, which only
// the browser knows for sure, since a proxy may take it away.

const here: string = import.meta.url; // of a file one level below the root, also when built

/** What comes before every path of Omen's: "", or a prefix such as "/omen". */
export const root = here.startsWith("http") ? new URL("..", here).pathname.replace(/\/$/, "") : "";
