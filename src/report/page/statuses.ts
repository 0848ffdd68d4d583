/** How runs can stand, and how the page shows that: in a word always, and in a colour beside it. */
import { type Markup, markup } from "./markup.ts";

/** The statuses in the order in which runs are stacked and listed, each with the kind that it is of. */
const KIND_OF: ReadonlyMap<string, string> = new Map([
  ["completed", "good"],
  ["failed", "bad"],
  ["crashed", "odd"],
  ["stale", "odd"],
  ["unfinished", "odd"],
  ["running", "open"],
  ["pending", "open"],
]);

/** The kinds in the order in which they are stacked, and what each is called. */
export const STATUS_KINDS = { good: "completed", bad: "failed", odd: "given up", open: "open" };

/** The class of things that show a status. */
export function statusKind(status: string): string {
  return KIND_OF.get(status) ?? "open";
}

/** How many runs stand how, those that went well first. */
export function countStatuses(
  runs: readonly { status: string }[],
): [status: string, runs: number][] {
  const counts = new Map([...KIND_OF.keys()].map((status) => [status, 0]));
  for (const { status } of runs) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 0);
}

/** A status as a word with its colour. */
export function statusBadge(status: string): Markup {
  return markup`<span class="badge ${statusKind(status)}">${status}</span>`;
}
