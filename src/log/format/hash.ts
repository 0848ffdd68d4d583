/** A hash for telling texts apart quickly. Not for proofs: those are sha256. */

/** 53 bits of a text's hash, which a number holds exactly. */
export function hash53(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (low >>> 0) * 2097152 + ((high >>> 0) >>> 11);
}

/** By which a part's last indexed line is known again: its length, and 32 bits of its hash. */
export function lineHash(line: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of line) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${line.length}-${(hash >>> 0).toString(16)}`;
}
