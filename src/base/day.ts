/** Days of UTC as lengths and moments. */

/** How long a day is. */
export const DAY_MS = 86_400_000;

/** The moment at which a day begins; `day` is `YYYY-MM-DD`. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}
