/** Words and data on their way out: colours where they show, data on stdout, words on stderr. */
import { ago, escaped, utc } from "../base/format.ts";
import type { Output, World } from "../base/world.ts";

/** Colours for one output; plain text where they would not show or are not wanted. */
export function paintFor(world: World, output: Output) {
  const forced = world.env("FORCE_COLOR");
  const wanted = world.env("NO_COLOR") ? false : forced ? forced !== "0" : hasCodes(world, output);
  const paint = (on: number, off: number) => (text: string) =>
    wanted ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: paint(1, BOLD_OFF),
    dim: paint(2, BOLD_OFF),
    red: paint(31, COLOUR_OFF),
    green: paint(32, COLOUR_OFF),
    yellow: paint(33, COLOUR_OFF),
    cyan: paint(36, COLOUR_OFF),
  };
}

const BOLD_OFF = 22, COLOUR_OFF = 39;

/** Whether an output is a terminal that is known to colour text and to clear a line. */
export function hasCodes(world: World, output: Output): boolean {
  return output.is_terminal && !["", "dumb"].includes(world.env("TERM") ?? "");
}

/** Says something to the person who started the command. */
export function say(world: World, words: string): void {
  write(world.stderr, `${words}\n`);
}

/** Prints a line of data. */
export function print(world: World, line: string): void {
  write(world.stdout, `${line}\n`);
}

/** Our own colours, and what steers a terminal and is not ours. */
// deno-lint-ignore no-control-regex
const STEERING = /\x1b\[(?:1|2|22|3[1236]|39)m|[^\P{Cc}\n\t]|[\u2028\u2029]/gu;

/**
 * Writes text that may hold anything: on a terminal control characters are escaped, and only colours
 * pass. What is not a terminal gets every byte.
 */
export function write(output: Output, text: string): void {
  output.write(output.is_terminal ? text.replace(STEERING, harmless) : text);
}

function harmless(match: string): string {
  return match.length > 1 ? match : escaped(match);
}

/** How a table tells the times of traced events, which are in microseconds. */
export function showTracedTime(time_us: unknown): string {
  return time_us === null ? "" : utc(Math.floor(Number(time_us) / 1000));
}

/** How a table tells times: to people how long ago, to programs when. */
export function showTime(world: World): (timestamp_ms: unknown) => string {
  const now_ms = world.now_ms();
  return (timestamp_ms) => {
    if (timestamp_ms === null || timestamp_ms === undefined) return "";
    return world.stdout.is_terminal ? ago(Number(timestamp_ms), now_ms) : utc(Number(timestamp_ms));
  };
}

/** Prints an answer as one line of JSON. */
export function printJson(world: World, answer: unknown): void {
  print(world, JSON.stringify(answer));
}
