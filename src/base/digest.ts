/** Digests that prove that bytes are what they were. */
import { createHash } from "node:crypto";
import { readFully } from "./durable.ts";
import type { Files } from "./files.ts";
import { read_bytes } from "./limits.ts";

/** The sha256 of a file, in hexadecimal. */
export function fileDigest(files: Files, path: string): string {
  const hash = createHash("sha256");
  const file = files.open(path, "read");
  try {
    const buffer = new Uint8Array(read_bytes);
    for (let at = 0;;) {
      const bytes = readFully(file, buffer, at);
      if (bytes.length === 0) return hash.digest("hex");
      hash.update(bytes);
      at += bytes.length;
    }
  } finally {
    file.close();
  }
}
