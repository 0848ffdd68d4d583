/** What stands among the days and the parts, and is neither. */
import type { Files } from "../../base/files/seam.ts";
import { dayFolder, ledgerPaths, parseDayName, parsePartName } from "./layout.ts";

/** A part under a wrong name would be lost without a word, since readers go by names. */
export function namesNobodyReads(files: Files, root: string): string[] {
  const { events } = ledgerPaths(root);
  const strange: string[] = [];
  for (const { name, is_folder } of files.list(events) ?? []) {
    const day = is_folder ? parseDayName(name) : undefined;
    if (day === undefined) {
      if (!/^[._]/.test(name)) strange.push(name);
      continue;
    }
    for (const entry of files.list(dayFolder(root, day)) ?? []) {
      const known = entry.is_file && parsePartName(entry.name) !== undefined;
      // What is being written has a temporary name; what was left under one, doctor lists.
      const is_ours = /^[._]|^part-.*\.tmp$/.test(entry.name);
      if (!known && !is_ours) strange.push(`${name}/${entry.name}`);
    }
  }
  return strange.sort();
}
