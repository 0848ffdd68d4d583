/** How runs can stand, and how the page shows that: in a word always, and in a colour beside it. */
import { html, type Markup } from "./markup.ts";

/** The order in which runs are stacked and listed. */
const STATUSES = [
  "completed",
  "failed",
  "crashed",
  "stale",
  "unfinished",
  "running",
  "pending",
] as const;

const KIND_OF: Readonly<Record<string, string>> = {
  completed: "good",
  failed: "bad",
  crashed: "odd",
  stale: "odd",
  unfinished: "odd",
};

/** The class of things that show a status. */
export function statusKind(status: string): string {
  return Object.hasOwn(KIND_OF, status) ? KIND_OF[status] : "open";
}

/** The kinds in the order in which they are stacked, with the statuses that each stands for. */
export const STATUS_KINDS = ["good", "bad", "odd", "open"] as const;

/** How many runs stand how, those that went well first. */
export function countStatuses(
  runs: readonly { status: string }[],
): [status: string, runs: number][] {
  const counts = new Map<string, number>();
  for (const { status } of runs) counts.set(status, (counts.get(status) ?? 0) + 1);
  const order = (status: string) => {
    const place = (STATUSES as readonly string[]).indexOf(status);
    return place < 0 ? STATUSES.length : place;
  };
  return [...counts].sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1));
}

/** A status as a word with its colour. */
export function statusBadge(status: string): Markup {
  return html`<span class="badge ${statusKind(status)}">${status}</span>`;
}
