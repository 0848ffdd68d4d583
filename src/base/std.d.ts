/**
 * Types of what we use from the standard library. The npm repackaging we import ships none; these
 * are the official signatures, so that a switch to `jsr:` needs no change in the code.
 */

declare module "@std/path" {
  export function basename(path: string, suffix?: string): string;
  export function dirname(path: string): string;
  export function globToRegExp(
    glob: string,
    options?: { extended?: boolean; globstar?: boolean },
  ): RegExp;
  export function isGlob(text: string): boolean;
  export function isAbsolute(path: string): boolean;
  export function join(...paths: string[]): string;
  export function relative(from: string, to: string): string;
  export function resolve(...paths: string[]): string;
}

declare module "@std/text/closest-string" {
  export function closestString(
    givenWord: string,
    possibleWords: ReadonlyArray<string>,
    options?: {
      caseSensitive?: boolean;
      compareFn?: (a: string, b: string) => number;
    },
  ): string;
}

declare module "@std/text/levenshtein-distance" {
  export function levenshteinDistance(str1: string, str2: string): number;
}
