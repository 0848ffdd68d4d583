/** Digests that prove that bytes are what they were. */
import { createHash } from "node:crypto";
import { stretchesOf, withOpenFile } from "./files/durable.ts";
import type { Files } from "./files/seam.ts";

/** The sha256 of bytes that come in stretches, in hexadecimal. */
export function digestOf(stretches: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const bytes of stretches) hash.update(bytes);
  return hash.digest("hex");
}

/** The sha256 of a text, in hexadecimal. */
export function textDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The sha256 of a file. */
export function fileDigest(files: Files, path: string): string {
  return withOpenFile(files, path, (file) => digestOf(stretchesOf(file)));
}
