/**
 * Numbers of parts: which part takes a writer's next line, and which number a new part gets. No number is
 * given twice in a day, also where its part was archived.
 */
import type { Files } from "../../base/files/seam.ts";
import { chainPath } from "../format/chain.ts";
import { parsePartName, type PartName, partStem } from "../format/layout.ts";
import { readSealed } from "../format/seal_manifest.ts";
import { gonePartsOf, partNamesOf } from "../read/parts.ts";

/** The last part of a day that a writer may append to; undefined when none takes lines any more. */
export function openPartNumber(
  files: Files,
  root: string,
  day: string,
  writer: string,
): number | undefined {
  const sealed = sealedNames(files, root, day);
  const names = partNamesOf(files, root, day);
  const compacted = names.filter(({ format }) => format === "parquet");
  const closed = new Set([...sealed, ...compacted].map(partStem));
  return names.findLast((name) =>
    name.format === "jsonl" && name.writer === writer && !closed.has(partStem(name))
  )?.number;
}

/** A number that no part of the day has or had, by the names that are there, on their way out, or sealed. */
export function nextPartNumber(files: Files, root: string, day: string): number {
  // What is on its way out may come back into the day: so it is looked at before the day is.
  const gone = gonePartsOf(files, root, day);
  const here = [...sealedNames(files, root, day), ...partNamesOf(files, root, day)];
  const numbers = [...gone, ...here].map(({ number }) => number);
  return Math.max(highestSealedNumber(files, root, day), ...numbers) + 1;
}

function sealedNames(files: Files, root: string, day: string): PartName[] {
  return Object.keys(readSealed(files, root, day)).map((name) => parsePartName(name)!);
}

/**
 * The highest number that a part of this day was ever sealed under; 0 when none was. An archived part has
 * no name here any more, so the chain is asked; nothing of another day is parsed.
 */
function highestSealedNumber(files: Files, root: string, day: string): number {
  const path = chainPath(root);
  if (!files.facts(path)) return 0;
  const text = files.readText(path);
  const before_name = `"part":"day=${day}/`;
  let highest = 0;
  for (let at = text.indexOf(before_name); at >= 0; at = text.indexOf(before_name, at + 1)) {
    const name_at = at + before_name.length;
    const name = parsePartName(text.slice(name_at, text.indexOf('"', name_at)));
    highest = Math.max(highest, name?.number ?? 0);
  }
  return highest;
}
