/**
 * The tar format (ustar with pax headers), as far as this program writes and reads it. Names may be
 * longer than a header's hundred bytes (a run id alone may have two hundred).
 */
import { constants, gunzipSync } from "node:zlib";
import { joined } from "./bytes.ts";
import { readFully } from "./files/durable.ts";
import type { OpenFile } from "./files/seam.ts";
import { tar_end_bytes_max } from "./limits.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SHARED_MODE = 0o644;
const OCTAL_SIZE_MAX = 8 ** 11;
const SUM_AT = 148;
const SUM_END = 156;
const encoder = new TextEncoder();

export const TAR_END_BYTES = 2 * BLOCK_BYTES;

/** How many zeros follow a file, so that the next header begins a block. */
export function tarPadding(size_bytes: number): number {
  return (BLOCK_BYTES - size_bytes % BLOCK_BYTES) % BLOCK_BYTES;
}

export function tarHeaders(
  name: string,
  size_bytes: number,
  modified_ms: number,
  mode = SHARED_MODE,
): Uint8Array {
  const seconds = Math.floor(modified_ms / 1000);
  const is_long = encoder.encode(name).length > NAME_BYTES;
  const is_large = size_bytes >= OCTAL_SIZE_MAX;
  const short_name = is_long ? shortened(name) : name;
  const main = header(short_name, is_large ? 0 : size_bytes, seconds, "0", mode);
  if (!is_long && !is_large) return main;
  const records = (is_long ? record("path", name) : "") +
    (is_large ? record("size", String(size_bytes)) : "");
  const extended = encoder.encode(records);
  const head = header("extended", extended.length, seconds, "x");
  return joined(head, extended, new Uint8Array(tarPadding(extended.length)), main);
}

function shortened(name: string): string {
  return new TextDecoder().decode(encoder.encode(name).subarray(-60)).replaceAll("�", "_");
}

/** A record begins with its own length, which counts the digits that say it. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encoder.encode(rest).length;
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function header(
  name: string,
  size_bytes: number,
  seconds: number,
  type: string,
  mode = SHARED_MODE,
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(name, 0);
  put(`${octal(mode, 7)}\0`, 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${octal(size_bytes, 11)}\0`, 124);
  put(`${octal(seconds, 11)}\0`, 136);
  put("        ", 148);
  put(type, 156);
  put("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148);
  return block;
}

/** Whether a file that begins like this is a tar, as it is or packed by gzip. */
export function beginsAsTar(beginning: Uint8Array): boolean {
  const magic = encoder.encode("ustar");
  const isMagic = (bytes: Uint8Array) => magic.every((byte, index) => bytes[257 + index] === byte);
  if (isMagic(beginning)) return true;
  if (beginning[0] !== 0x1f || beginning[1] !== 0x8b) return false;
  try {
    // The beginning of what is packed, as far as it goes.
    return isMagic(gunzipSync(beginning, { finishFlush: constants.Z_SYNC_FLUSH }));
  } catch {
    return false;
  }
}

export interface TarMember {
  name: string;
  /** Where its bytes begin in the archive. */
  offset: number;
  size_bytes: number;
}

export class TarDamage extends Error {
  constructor(readonly offset: number, reason: string, readonly member?: string) {
    super(reason);
  }
}

/**
 * The files of an archive of plain headers. Every byte that is not a file's own is looked at: one that
 * was changed, or is missing, throws `TarDamage`.
 */
export function tarMembers(file: OpenFile): TarMember[] {
  const members: TarMember[] = [];
  const names = new Set<string>();
  const { size_bytes: archive_bytes } = file.facts();
  for (let at = 0;;) {
    const block = readFully(file, new Uint8Array(BLOCK_BYTES), at);
    if (block.length < BLOCK_BYTES) throw new TarDamage(at, "it ends before its end: cut short");
    if (isZero(block)) {
      checkEnd(file, at, archive_bytes);
      return members;
    }
    const member = memberOf(block, at);
    const end = member.offset + member.size_bytes;
    const padding = tarPadding(member.size_bytes);
    if (end + padding > archive_bytes) {
      throw new TarDamage(archive_bytes, "it is cut short", member.name);
    }
    if (!isZero(readFully(file, new Uint8Array(padding), end))) {
      throw new TarDamage(end, "something stands where there should be nothing", member.name);
    }
    if (names.has(member.name)) throw new TarDamage(at, "a name occurs twice", member.name);
    names.add(member.name);
    members.push(member);
    at = end + padding;
  }
}

function memberOf(block: Uint8Array, at: number): TarMember {
  const textAt = (start: number, length: number) =>
    new TextDecoder().decode(block.subarray(start, start + length)).replace(/\0.*$/s, "");
  const sum = block.reduce(
    (total, byte, index) => total + (index >= SUM_AT && index < SUM_END ? 32 : byte),
    0,
  );
  const noted = new TextDecoder().decode(block.subarray(SUM_AT, SUM_END));
  if (noted !== `${sum.toString(8).padStart(6, "0")}\0 ` || textAt(257, 5) !== "ustar") {
    throw new TarDamage(at, "a header is not what was written there");
  }
  const name = textAt(0, NAME_BYTES);
  const size_bytes = parseInt(textAt(124, 12), 8);
  const type = textAt(156, 1);
  if (type !== "0" || name === "" || !(size_bytes >= 0)) {
    throw new TarDamage(at, "a kind of member that is never written there", name);
  }
  return { name, offset: at + BLOCK_BYTES, size_bytes };
}

function checkEnd(file: OpenFile, at: number, archive_bytes: number): void {
  if (archive_bytes < at + TAR_END_BYTES) {
    throw new TarDamage(archive_bytes, "it ends before its end: cut short");
  }
  if (archive_bytes > at + tar_end_bytes_max) {
    throw new TarDamage(at, `${archive_bytes - at} bytes stand behind its last file`);
  }
  for (let block_at = at; block_at < archive_bytes; block_at += BLOCK_BYTES) {
    if (!isZero(readFully(file, new Uint8Array(BLOCK_BYTES), block_at))) {
      throw new TarDamage(block_at, "something stands behind its end");
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
