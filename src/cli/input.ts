/** What a command reads: a file, a pipe, or standard input. */
import { asLedgerError, LedgerError } from "../base/error.ts";
import { escaped } from "../base/format.ts";
import { input_text_bytes_max } from "../base/limits.ts";
import type { Input, World } from "../base/world.ts";

/** The names of standard input: the customary one, and those of the operating system. */
const STANDARD_INPUT: readonly string[] = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/** Whether a path means standard input. The executable may not open it by its path. */
export function isStandardInput(path: string): boolean {
  return STANDARD_INPUT.includes(path);
}

function nameOf(path: string): string {
  return isStandardInput(path) ? "standard input" : path;
}

/** Reads a whole file, or standard input for `-`: text in UTF-8, with or without a byte order mark. */
export async function readInput(world: World, path: string): Promise<string> {
  const { readWhole } = await import("../base/files/outside.ts");
  using input = await inputFrom(world, path);
  const bytes = await readWhole(input, nameOf(path), input_text_bytes_max);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw cannotUse(
      path,
      "it is not valid UTF-8",
      cause,
      "; convert it first, for example with " +
        "iconv -f latin1 -t utf8",
    );
  }
}

/** Reads JSON in a file, or in standard input for `-`. */
export async function readJson(world: World, path: string): Promise<unknown> {
  return parsedJson(await readInput(world, path), path);
}

/** JSON of a file or a flag; the error names it. */
export function parsedJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw cannotUse(path, `it is not JSON (${(cause as Error).message})`, cause);
  }
}

function cannotUse(path: string, why: string, cause: unknown, what_to_do = ""): LedgerError {
  const name = nameOf(path);
  return new LedgerError({
    code: "invalid",
    message: `cannot use ${escaped(name)}: ${why}`,
    where: { path: name },
    hint: `nothing was changed${what_to_do}`,
    cause,
  });
}

/** Adds what to do to the error for something that is not there. */
export function hinting<Result>(hint: string, open: () => Result): Result {
  try {
    return open();
  } catch (cause) {
    const error = asLedgerError(cause);
    if (error?.code !== "not_found" || error.hint !== undefined) throw cause;
    throw error.with({ hint });
  }
}

/** An input that is read piece by piece. */
interface CommandInput extends Pick<Input, "read">, Disposable {
  /** How many bytes it holds, where that is known. */
  size_bytes(): Promise<number | undefined>;
}

/** A file or a pipe, or standard input for `-`, to be read piece by piece. */
export async function inputFrom(world: World, path: string): Promise<CommandInput> {
  if (isStandardInput(path)) {
    return {
      read: (buffer) => world.stdin.read(buffer),
      size_bytes: async () => await world.stdin.size_bytes?.(),
      [Symbol.dispose]() {},
    };
  }
  const { openInput } = await import("../base/files/outside.ts");
  const input = hinting("is its name right? - reads standard input", () => {
    return openInput(world.files, path);
  });
  return {
    read: (buffer) => input.read(buffer),
    size_bytes: () => Promise.resolve(input.size_bytes),
    [Symbol.dispose]: () => input.close(),
  };
}
