/** What was traced lately, told from names, footers and ends: for those who cannot wait for a reading. */
import { join } from "@std/path";
import { readFully, withOpenFile } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { listPartitions, listSegments, partitionFolder, segmentPath } from "../event/files.ts";

/** So many files of each kind are looked at, the newest ones, */
const FILES_MAX = 4;
/** and so much of the beginning and of the end of a write-ahead file. */
const SEGMENT_BYTES = 16 * 1024;
/** An event's line: its number, id, type, time and correlation. */
const EVENT_LINE = /^\[\d+,"(?:[^"\\]|\\.)*","(?:[^"\\]|\\.)*",\d+,("(?:[^"\\]|\\.)*")/gm;

/** Correlations of the newest files, those that are not stored as Parquet yet first. */
export async function recentCorrelations(world: World, dir: string): Promise<string[]> {
  return [...new Set([...ofSegments(world.files, dir), ...await ofParquet(world, dir)])];
}

/** The types of the events that are stored, by the names of their folders. */
export function storedTypes(files: Files, dir: string): string[] {
  return [...new Set(listPartitions(files, dir).map(({ event_type }) => event_type))];
}

function ofSegments(files: Files, dir: string): string[] {
  const names = listSegments(files, dir).map((segment) => segmentPath(dir, segment)).sort();
  return names.slice(-FILES_MAX).reverse().flatMap((path) => {
    return withOpenFile(files, path, (file) => {
      const { size_bytes } = file.facts();
      const piece = (from: number) => {
        const length = Math.min(SEGMENT_BYTES, size_bytes - from);
        return new TextDecoder().decode(readFully(file, new Uint8Array(length), from));
      };
      const text = piece(Math.max(0, size_bytes - SEGMENT_BYTES)) + piece(0);
      return [...text.matchAll(EVENT_LINE)].flatMap(([, id]) => textOf(id) ?? []);
    });
  });
}

/** A JSON text's value; undefined where the line was damaged. */
function textOf(json: string): string | undefined {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A file lies in the order of its correlations; ids begin with a time, so the last ones are the newest. */
async function ofParquet(world: World, dir: string): Promise<string[]> {
  const paths: string[] = [];
  for (const partition of listPartitions(world.files, dir).reverse()) {
    const folder = partitionFolder(dir, partition);
    const names = (world.files.list(folder) ?? []).map(({ name }) => name)
      .filter((name) => name.endsWith(".parquet")).sort().reverse();
    paths.push(...names.map((name) => join(folder, name)));
    if (paths.length >= FILES_MAX) break;
  }
  if (paths.length === 0) return [];
  const { lastTexts } = await import("../../parquet/mod.ts");
  const found: string[] = [];
  for (const path of paths.slice(0, FILES_MAX)) {
    found.push(...new Set((await lastTexts(world, path, "correlation_id")).reverse()));
  }
  return found;
}
