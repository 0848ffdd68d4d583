/** How far two streams of bytes say the same. */

interface Common {
  /** Up to here they say the same. */
  bytes: number;
  /** Up to here in whole lines. */
  lines_end: number;
  /** Which of them went no further. */
  first_ended: boolean;
  second_ended: boolean;
}

const NEWLINE = 10;
const NONE: Uint8Array = new Uint8Array();

/** Reads both as far as they are the same, whatever pieces they come in. */
export function commonBeginning(first: Iterable<Uint8Array>, second: Iterable<Uint8Array>): Common {
  const readers = [first, second].map((pieces) => pieces[Symbol.iterator]());
  const pieces = [NONE, NONE];
  let bytes = 0;
  let lines_end = 0;
  for (;;) {
    const ended = readers.map((reader, which) => {
      while (pieces[which].length === 0) {
        const { done, value } = reader.next();
        if (done) return true;
        pieces[which] = value;
      }
      return false;
    });
    const [first_ended, second_ended] = ended;
    if (first_ended || second_ended) return { bytes, lines_end, first_ended, second_ended };
    const [a, b] = pieces;
    const length = Math.min(a.length, b.length);
    const same = sameBytes(a, b, length);
    const newline = same === 0 ? -1 : a.lastIndexOf(NEWLINE, same - 1);
    if (newline >= 0) lines_end = bytes + newline + 1;
    bytes += same;
    if (same < length) return { bytes, lines_end, first_ended: false, second_ended: false };
    pieces[0] = a.subarray(length);
    pieces[1] = b.subarray(length);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array, length: number): number {
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return length;
}
