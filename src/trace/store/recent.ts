/** Recent correlations and types, from names, footers and ends of files: completion cannot wait for a query. */
import { join } from "@std/path";
import { readFully, withOpenFile } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { trace_recent_bytes, trace_recent_files_max } from "../../base/limits.ts";
import { listPartitions, listSegments, partitionFolder, segmentPath } from "../event/files.ts";

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
  return names.slice(-trace_recent_files_max).reverse().flatMap((path) => {
    return withOpenFile(files, path, (file) => {
      const { size_bytes } = file.facts();
      const piece = (from: number) => {
        const length = Math.min(trace_recent_bytes, size_bytes - from);
        return new TextDecoder().decode(readFully(file, new Uint8Array(length), from));
      };
      const text = piece(Math.max(0, size_bytes - trace_recent_bytes)) + piece(0);
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
    if (paths.length >= trace_recent_files_max) break;
  }
  if (paths.length === 0) return [];
  const { lastTexts } = await import("../../parquet/mod.ts");
  const found: string[] = [];
  for (const path of paths.slice(0, trace_recent_files_max)) {
    found.push(...new Set((await lastTexts(world, path, "correlation_id")).reverse()));
  }
  return found;
}
