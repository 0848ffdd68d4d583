/** Where the bytes of a Parquet file go while it is written. */
import type { Hash } from "node:crypto";
import { ByteWriter } from "hyparquet-writer";
import { writeFully } from "../base/files/durable.ts";
import type { OpenFile } from "../base/files/seam.ts";

/** What is written goes to the file, and into a hash where one is wanted, a row group at a time. */
export class FileBytes extends ByteWriter {
  constructor(readonly file: OpenFile, readonly hash?: Hash) {
    super();
  }

  /** Hands over what has come together since the last time. */
  flush(): void {
    const bytes = this.getBytes();
    writeFully(this.file, bytes);
    this.hash?.update(bytes);
    // The buffer is used again; `offset` goes on counting from the start of the file.
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }
}
