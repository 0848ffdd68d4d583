/** Suggestions for an unknown word, by edit distance. */
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { similar_distance_max, similar_names_max } from "./limits.ts";

/** The known word nearest to one that was typed, if any is near enough to be offered. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || typed === "") return undefined;
  const begins_so = known.find((word) => typed.length > 1 && word.startsWith(typed));
  if (begins_so) return begins_so;
  const swapped = known.find((word) => isSwapOf(typed, word));
  if (swapped) return swapped;
  const closest = closestString(typed, known);
  const is_near = levenshteinDistance(typed, closest) <= Math.max(1, closest.length / 3);
  return is_near ? closest : undefined;
}

/** Whether two letters that stand side by side changed places: the commonest slip of all. */
function isSwapOf(typed: string, word: string): boolean {
  if (typed.length !== word.length) return false;
  const at = [...typed].findIndex((letter, index) => letter !== word[index]);
  return at >= 0 && typed[at] === word[at + 1] && typed[at + 1] === word[at] &&
    typed.slice(at + 2) === word.slice(at + 2);
}

/** The known dotted names that resemble one, nearest first; the nearest at all if none does. */
export function similarNames(typed: string, known: readonly string[]): string[] {
  if (known.length === 0) return [];
  const lower = typed.toLowerCase();
  const words = lower.split(/[._-]/).filter((word) => word.length > 2);
  const distance = (name: string) => levenshteinDistance(lower, name);
  const near = known.filter((name) =>
    distance(name) <= similar_distance_max || words.some((word) => name.split(".").includes(word))
  );
  if (near.length === 0) return [closestString(typed, known)];
  return near.sort((a, b) => distance(a) - distance(b)).slice(0, similar_names_max);
}
