/** How many ids were met more than once, of millions of them. */
import { hash53 } from "../format/lines.ts";

/** Counts equal ids in 8 bytes each: by a 53-bit hash, so that ten million ids fit into memory. */
export class IdHashes {
  #hashes = new Float64Array(1024);
  #count = 0;

  /** Counts an id. */
  add(id: string): void {
    if (this.#count === this.#hashes.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#count++] = hash53(id);
  }

  /** How many of the ids were there before. */
  countDuplicates(): number {
    const sorted = this.#hashes.subarray(0, this.#count).sort();
    let duplicates = 0;
    for (let at = 1; at < sorted.length; at++) if (sorted[at] === sorted[at - 1]) duplicates++;
    return duplicates;
  }
}
