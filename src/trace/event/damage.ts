/** What of write-ahead files could not be read: a value, like the log reader's. */
import type { RecordDamage } from "../../base/files/records.ts";

/** Bytes in the middle of a write-ahead file that are no record, or not what was written. */
export interface TraceDamage {
  path: string;
  /** Where they begin. */
  offset: number;
  size_bytes: number;
  reason: string;
}

/** Told each piece of damage that a question meets. */
export type OnTraceDamage = (damage: TraceDamage) => void;

/** The corrupt bytes of a file. Its torn end is none: a program may be writing it, or was killed. */
export function damageIn(path: string, damage: readonly RecordDamage[]): TraceDamage[] {
  return damage.filter(({ kind }) => kind === "corrupt").map(({ offset, bytes, reason }) => ({
    path,
    offset,
    size_bytes: bytes.length,
    reason,
  }));
}
