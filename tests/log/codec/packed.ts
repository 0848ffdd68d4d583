/** What the tests of compacted parts share: lines in, a packed file, lines out. */
import { join } from "@std/path";
import type { OpenFile } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { BadLine, validate } from "../../../src/log/event/validate.ts";
import { linesOf } from "../../../src/base/files/lines.ts";
import { packingColumns, packLines } from "../../../src/log/codec/packing.ts";
import { unpackLines, type UnpackOptions } from "../../../src/log/codec/unpacking.ts";

const NEWLINE = new Uint8Array([10]);

/** Lines as a part holds them. */
export function partOf(lines: readonly Uint8Array[]): Uint8Array {
  const pieces = lines.flatMap((line) => [line, NEWLINE]);
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Where the lines of a part begin that are no events. */
export function corruptIn(part: Uint8Array): Set<number> {
  const corrupt = new Set<number>();
  for (const { offset, size_bytes, text } of linesOf(part, 0)) {
    if (text === undefined || validate(text, size_bytes) instanceof BadLine) corrupt.add(offset);
  }
  return corrupt;
}

/** One part after another is packed in the same. */
const COLUMNS = packingColumns();

/** Packs a part into a file of a folder; returns where it lies. */
export function pack(
  folder: string,
  part: Uint8Array,
  corrupt = corruptIn(part),
  name = "part.parquet",
  claims = { label: name, sha256: "" },
): string {
  const source = join(folder, `${name}.lines`);
  Deno.writeFileSync(source, part);
  const path = join(folder, name);
  try {
    Deno.removeSync(path);
  } catch {
    // There is none yet.
  }
  const files = systemFiles();
  const lines = files.open(source, "read");
  const target = files.open(path, "create");
  try {
    packLines(lines, part.length, (offset) => corrupt.has(offset), target, {
      ...claims,
      columns: COLUMNS,
    });
  } finally {
    lines.close();
    target.close();
  }
  return path;
}

/** The bytes of a packed file, each stretch where it belongs; a hole stays zeros. */
export function unpack(path: string, size_bytes: number, options?: UnpackOptions): Uint8Array {
  const bytes = new Uint8Array(size_bytes);
  const file = systemFiles().open(path, "read");
  try {
    for (const block of unpackLines(file, options)) bytes.set(block.bytes, block.start);
    return bytes;
  } finally {
    file.close();
  }
}

/** Calls a function with an open file. */
export function withFile<Result>(path: string, body: (file: OpenFile) => Result): Result {
  const file = systemFiles().open(path, "read");
  try {
    return body(file);
  } finally {
    file.close();
  }
}
