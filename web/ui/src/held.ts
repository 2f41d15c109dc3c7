// What a list shows while somebody is about to point at a row of it: its rows stay
// where they are, what they say goes on, and what else changed is counted.

/** The rows that are shown, each as it is by now, and how many more changes there are: rows that came, went, or would stand elsewhere. */
export function merged<T>(shown: T[], next: T[], key: (row: T) => string): { value: T[]; changes: number } {
  const now = new Map(next.map((r, i) => [key(r), i]));
  const places = shown.flatMap((r) => now.get(key(r)) ?? []), went = shown.length - places.length, came = next.length - places.length;
  return { value: shown.map((r) => next[now.get(key(r)) ?? -1] ?? r), changes: went + came + places.length - rising(places) };
}

/** The length of the longest rising subsequence: the rows that stay while the others move. */
function rising(places: number[]): number {
  const ends: number[] = []; // the least last number of a subsequence of each length
  for (const p of places) {
    const i = ends.findIndex((e) => e >= p);
    ends[i < 0 ? ends.length : i] = p;
  }
  return ends.length;
}

/** Where somebody's attention is: when it was last seen in a list (ms), whether the pointer or the focus is in one, and when it left. */
export interface Attention { pointer: boolean; focus: boolean; seen: number; left: number }

const leave = 2000, idle = 30_000; // ms: a pointer that passes over an edge comes back; one that rests so long points at nothing

/** Whether lists are to stay as they are. */
export const attends = (a: Attention, now: number): boolean => a.seen > 0 && now - a.seen < idle && (a.pointer || a.focus || now - a.left < leave);
