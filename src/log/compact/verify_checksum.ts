/** Nothing is packed, or removed, that is not what it was when it was sealed. */
import { LedgerError } from "../../base/error.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { type Checksum, findChange } from "../format/checksum.ts";

/** Throws where the lines of a part have changed since they were sealed. */
export function verifyChecksum(lines: OpenFile, label: string, sealed: Checksum): void {
  const change = findChange(lines, sealed);
  if (!change) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot compact ${label}: it is not as it was sealed (${change.reason})`,
    where: { path: lines.path, offset: change.offset },
    hint: "nothing was changed; take the part from a copy, then compact again",
  });
}
