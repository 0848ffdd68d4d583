/** What the log was about lately, told from its ends alone: for those who cannot wait for a reading. */
import { readFully, withOpenFile } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import { recent_parts_max, recent_tail_bytes } from "../../base/limits.ts";
import { dayFolder, ledgerPaths, parseDayName, parsePartName } from "../format/layout.ts";

const RUN_ID = /"run_id":("(?:[^"\\]|\\.)*")/g;

/** The runs that the last events name, the newest first. */
export function recentRunIds(files: Files, root: string): string[] {
  const run_ids = new Set<string>();
  for (const path of newestParts(files, root)) {
    const of_part = [...endOf(files, path).matchAll(RUN_ID)].reverse();
    for (const [, text] of of_part) run_ids.add(JSON.parse(text));
  }
  return [...run_ids];
}

/** The days that have a folder, the newest first. */
export function recentDays(files: Files, root: string): string[] {
  return (files.list(ledgerPaths(root).events) ?? [])
    .flatMap(({ name }) => parseDayName(name) ?? []).sort().reverse();
}

function newestParts(files: Files, root: string): string[] {
  const paths: string[] = [];
  for (const day of recentDays(files, root)) {
    const folder = dayFolder(root, day);
    const names = (files.list(folder) ?? []).map(({ name }) => name)
      .filter((name) => parsePartName(name)?.format === "jsonl").sort().reverse();
    paths.push(...names.map((name) => `${folder}/${name}`));
    if (paths.length >= recent_parts_max) break;
  }
  return paths.slice(0, recent_parts_max);
}

function endOf(files: Files, path: string): string {
  return withOpenFile(files, path, (file) => {
    const { size_bytes } = file.facts();
    const length = Math.min(recent_tail_bytes, size_bytes);
    return new TextDecoder().decode(readFully(file, new Uint8Array(length), size_bytes - length));
  });
}
