/** What `_sealed.json` says: which parts of a day are closed for good. */
import { LedgerError } from "../base/error.ts";
import type { Files } from "../base/files.ts";
import { parsePartName } from "./layout.ts";

/** A part that takes no more lines. */
export interface SealedPart {
  number: number;
  writer: string;
}

/** The sealed parts of a day; none when the day has no such record. */
export function sealedParts(files: Files, path: string): SealedPart[] {
  if (!files.facts(path)) return [];
  try {
    const record = JSON.parse(files.readText(path)) as { parts?: Record<string, unknown> };
    return Object.keys(record.parts ?? {}).map((name) => {
      const part = parsePartName(name);
      if (!part) throw new Error(`${name} is not the name of a part`);
      return { number: part.number, writer: part.writer };
    });
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError({
      code: "damaged",
      message: `cannot read which parts are sealed: ${(cause as Error).message}`,
      where: { path },
      hint: "restore the file from a copy; without it nothing is appended to this day",
      cause,
    });
  }
}
