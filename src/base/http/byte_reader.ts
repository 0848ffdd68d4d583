/** A buffered reader: lines and counts come out the same however the stream was cut. */
import { joined } from "../bytes.ts";

const CR = 13, LF = 10;

/** What is wrong with a request, as the status that answers it; then the connection ends. */
export class RequestProblem extends Error {
  override name = "RequestProblem";

  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export class StreamEnded extends Error {
  override name = "StreamEnded";
}

export class ByteReader {
  #held: Uint8Array = new Uint8Array(0);

  /** `pull` gives the next piece, which the reader keeps; null at the end. */
  constructor(readonly pull: () => Promise<Uint8Array | null>) {}

  get holds_bytes(): boolean {
    return this.#held.length > 0;
  }

  async fill(): Promise<boolean> {
    while (!this.holds_bytes) {
      const piece = await this.pull();
      if (piece === null) return false;
      this.#held = piece;
    }
    return true;
  }

  /**
   * The next line without its CRLF, each byte as one character. A CR or LF that stands alone is
   * refused: where two programs disagree on what ends a line, one request hides another.
   */
  async line(bytes_max: number, tooLong: () => RequestProblem): Promise<string> {
    for (let at = 0;; at++) {
      while (at >= this.#held.length) await this.#grow();
      const is_end = this.#held[at] === LF;
      const after_cr = at > 0 && this.#held[at - 1] === CR;
      if (is_end !== after_cr) throw new RequestProblem(400, "a line has to end in CR LF");
      if (is_end) {
        const line = this.#held.subarray(0, at - 1);
        this.#held = this.#held.subarray(at + 1);
        return Array.from(line, (byte) => String.fromCharCode(byte)).join("");
      }
      if (at > bytes_max) throw tooLong();
    }
  }

  async take(bytes: Uint8Array): Promise<void> {
    for (let taken = 0; taken < bytes.length;) {
      if (!await this.fill()) throw new StreamEnded();
      const piece = this.#held.subarray(0, bytes.length - taken);
      bytes.set(piece, taken);
      taken += piece.length;
      this.#held = this.#held.subarray(piece.length);
    }
  }

  async #grow(): Promise<void> {
    const piece = await this.pull();
    if (piece === null) throw new StreamEnded();
    this.#held = joined(this.#held, piece);
  }
}
