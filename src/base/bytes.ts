/** Byte buffers: joined, grown, and copied and compared in small pieces, a word at a time. */

const WORD = 4, TWO_WORDS = 8;

export function joined(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export function grown(bytes: Uint8Array, size_bytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size_bytes);
  larger.set(bytes);
  return larger;
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Copies a few bytes. Up to some hundred of them, in half the time that `set` and `subarray` take. */
export function copyBytes(
  from: DataView,
  start: number,
  end: number,
  to: DataView,
  at: number,
): void {
  if (end - start < TWO_WORDS) {
    while (start < end) to.setUint8(at++, from.getUint8(start++));
    return;
  }
  for (; start + TWO_WORDS <= end; start += TWO_WORDS, at += TWO_WORDS) {
    copyTwoWords(from, start, to, at);
  }
  // What is left, together with some that were copied already.
  if (start < end) copyTwoWords(from, end - TWO_WORDS, to, at + end - start - TWO_WORDS);
}

function copyTwoWords(from: DataView, start: number, to: DataView, at: number): void {
  to.setInt32(at, from.getInt32(start, true), true);
  to.setInt32(at + WORD, from.getInt32(start + WORD, true), true);
}

/** Whether all bytes of a piece stand at a place, which has room for as many. */
export function standsAt(piece: DataView, bytes: DataView, at: number): boolean {
  const length = piece.byteLength;
  let offset = 0;
  for (; offset + WORD <= length; offset += WORD) {
    if (piece.getInt32(offset, true) !== bytes.getInt32(at + offset, true)) return false;
  }
  for (; offset < length; offset++) {
    if (piece.getUint8(offset) !== bytes.getUint8(at + offset)) return false;
  }
  return true;
}
