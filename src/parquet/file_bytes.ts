/** Where the bytes of a Parquet file go while it is written. */
import { createHash } from "node:crypto";
import { ByteWriter } from "hyparquet-writer";
import { writeFully } from "../base/durable.ts";
import type { OpenFile } from "../base/files.ts";

/** What is written goes to the file, and into the digest, whenever a row group is complete. */
export class FileBytes extends ByteWriter {
  readonly #hash = createHash("sha256");

  constructor(readonly file: OpenFile) {
    super();
  }

  /** Hands over what has come together since the last time. */
  flush(): void {
    const bytes = this.getBytes();
    writeFully(this.file, bytes);
    this.#hash.update(bytes);
    // The buffer is used again; `offset` goes on counting from the start of the file.
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }

  /** Of all that was flushed, in hexadecimal. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}
