/** JSON that a command was given in a file. */
import { LedgerError } from "../base/error.ts";

/** Parses a file's text; the error names the file. */
export function parsedJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const path = file === "-" ? "standard input" : file;
    throw new LedgerError({
      code: "invalid",
      message: `cannot use ${path}: it is not JSON (${(cause as Error).message})`,
      where: { path },
      hint: "nothing was changed",
      cause,
    });
  }
}
