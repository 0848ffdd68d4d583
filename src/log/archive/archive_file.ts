/**
 * The archive format of a day: one tar of a manifest of the parts and their seals, their Parquet files,
 * and the digests of all of it in the form that `sha256sum -c` reads. It can be imported again, and any
 * program that reads Parquet reads it.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError, newerFormat, quoted } from "../../base/error.ts";
import { digestOf } from "../../base/files/checksum.ts";
import {
  beginReplacement,
  blocksOfFile,
  readFully,
  withOpenFile,
  writeFully,
} from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { openRegular } from "../../base/files/outside.ts";
import { outside_text_bytes_max } from "../../base/limits.ts";
import {
  TAR_END_BYTES,
  TarDamage,
  tarHeaders,
  type TarMember,
  tarMembers,
  tarPadding,
} from "../../base/tar.ts";
import { escaped, isDay } from "../../base/format.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { sealedEntry } from "../format/chain.ts";
import { isOfKind } from "../event/event.ts";
import { dayFolder, parquetName, parsePartName } from "../format/layout.ts";
import { type SealedParts, wrongFieldOf } from "../format/seal_manifest.ts";
import { entryDigest } from "../format/chain_digest.ts";

export interface DayArchive {
  path: string;
  day: string;
  /** Compacted all of them. */
  parts: SealedParts;
  /** Where in it the Parquet file of each part is, by the name of the part. */
  members: ReadonlyMap<string, TarMember>;
}

const MANIFEST = "manifest.json";
const DIGESTS = "SHA256SUMS";
const VERSION = 1;
const encoder = new TextEncoder();

/** The name of an archive: a day whose late events are archived too has several. */
export function dayArchivePath(folder: string, day: string, nth: number): string {
  return join(folder, `ledger-${day}${nth === 1 ? "" : `.${nth}`}.tar`);
}

/** Whether a file is an archive of this day that a killed process left unfinished. */
export function isBegunArchive(name: string, day: string): boolean {
  return name.startsWith(`ledger-${day}.`) && /\.tar\..*\.tmp$/.test(name);
}

function memberName(part: string): string {
  return parquetName(parsePartName(part)!);
}

/** Writes an archive of compacted parts. It has its name once every byte of it was read back. */
export function writeDayArchive(
  world: World,
  root: string,
  day: string,
  parts: SealedParts,
  path: string,
): void {
  const replacement = beginReplacement(world.files, path, uniqueName(world));
  try {
    const archive = new TarWriter(replacement.file, world.now_ms());
    const manifest = { version: VERSION, what: "a day of a ledger", day, parts };
    archive.addBytes(MANIFEST, encoder.encode(`${JSON.stringify(manifest, null, 1)}\n`));
    for (const name of Object.keys(parts)) {
      const member = memberName(name);
      const source = join(dayFolder(root, day), member);
      withOpenFile(world.files, source, (file) => archive.addFile(member, file));
    }
    archive.addBytes(DIGESTS, encoder.encode(archive.digests.join("")));
    archive.finish();
    replacement.file.sync();
    checkHolds(readMembers(replacement.file, path), day, parts);
    // Another ledger may archive into the same folder, and holds no lock of ours.
    replacement.putInFreePlace();
  } catch (error) {
    replacement.abandon();
    throw error;
  }
}

/** Reads an archive and verifies every byte of it, or says what is wrong with it, and where. */
export function readDayArchive(world: World, path: string): DayArchive {
  using file = openRegular(world.files, path);
  return readMembers(file, path);
}

/** Whether a file is an archive of exactly these parts, every byte of it. */
export function isArchiveOf(world: World, path: string, day: string, parts: SealedParts): boolean {
  try {
    checkHolds(readDayArchive(world, path), day, parts);
    return true;
  } catch (error) {
    if (asLedgerError(error)?.code !== "damaged") throw error;
    return false;
  }
}

export function copyOut(world: World, archive: DayArchive, part: string, target: OpenFile): void {
  const member = archive.members.get(part)!;
  const copy = (file: OpenFile) => digestOf(copied(bytesOf(file, member), target));
  const digest = withOpenFile(world.files, archive.path, copy);
  if (digest === archive.parts[part].compacted!.sha256) return;
  throw unusable(archive.path, member.offset, `${member.name} changed while it was read`);
}

class TarWriter {
  readonly digests: string[] = [];

  constructor(readonly target: OpenFile, readonly now_ms: number) {}

  addBytes(name: string, bytes: Uint8Array): void {
    this.#add(name, bytes.length, [bytes]);
  }

  addFile(name: string, source: OpenFile): void {
    const { size_bytes } = source.facts();
    this.#add(name, size_bytes, blocksOfFile(source, size_bytes));
  }

  finish(): void {
    writeFully(this.target, new Uint8Array(TAR_END_BYTES));
  }

  #add(name: string, size_bytes: number, content: Iterable<Uint8Array>): void {
    writeFully(this.target, tarHeaders(name, size_bytes, this.now_ms));
    this.digests.push(`${digestOf(copied(content, this.target))}  ${name}\n`);
    writeFully(this.target, new Uint8Array(tarPadding(size_bytes)));
  }
}

function* copied(blocks: Iterable<Uint8Array>, target: OpenFile): Generator<Uint8Array> {
  for (const bytes of blocks) {
    writeFully(target, bytes);
    yield bytes;
  }
}

function bytesOf(file: OpenFile, { offset, size_bytes }: TarMember): Generator<Uint8Array> {
  return blocksOfFile(file, size_bytes, offset);
}

function readMembers(file: OpenFile, path: string): DayArchive {
  const members = new Map<string, TarMember>();
  try {
    for (const member of tarMembers(file)) members.set(member.name, member);
  } catch (error) {
    if (!(error instanceof TarDamage)) throw error;
    const { member, message, offset } = error;
    throw unusable(path, offset, member ? `${quoted(member)}: ${message}` : message);
  }
  // What a header says of a size is only a claim: no memory is taken for more than there can be.
  for (const { name, offset, size_bytes } of members.values()) {
    if (![MANIFEST, DIGESTS].includes(name) || size_bytes <= outside_text_bytes_max) continue;
    throw unusable(path, offset, `${name} would have ${size_bytes} bytes`);
  }
  checkDigests(file, path, members);
  const { day, parts } = manifestOf(file, path, members);
  const of_parts = new Map<string, TarMember>();
  for (const [name, record] of Object.entries(parts)) {
    const member = members.get(memberName(name));
    if (!member) throw unusable(path, 0, `${memberName(name)} is missing`);
    of_parts.set(name, member);
    const { bytes, sha256 } = record.compacted!;
    if (member.size_bytes === bytes && digestOf(bytesOf(file, member)) === sha256) continue;
    throw unusable(path, member.offset, `${member.name} is not what ${MANIFEST} says of it`);
  }
  return { path, day, parts, members: of_parts };
}

/** The list names every other file, in their order, with its digest. */
function checkDigests(file: OpenFile, path: string, members: ReadonlyMap<string, TarMember>): void {
  const list = members.get(DIGESTS);
  if (!list) throw unusable(path, 0, `${DIGESTS} is missing: this is no archive of a day`);
  const noted = textOf(file, list).split("\n");
  let line = 0;
  for (const member of members.values()) {
    if (member === list) continue;
    if (`${digestOf(bytesOf(file, member))}  ${member.name}` === noted[line++]) continue;
    const name = escaped(member.name);
    throw unusable(path, member.offset, `${name} is not what ${DIGESTS} says of it`);
  }
  if (noted.length === line + 1 && noted[line] === "") return;
  throw unusable(path, list.offset, `${DIGESTS} names more than there is`);
}

function textOf(file: OpenFile, { offset, size_bytes }: TarMember): string {
  return new TextDecoder().decode(readFully(file, new Uint8Array(size_bytes), offset));
}

function manifestOf(
  file: OpenFile,
  path: string,
  members: ReadonlyMap<string, TarMember>,
): { day: string; parts: SealedParts } {
  const member = members.get(MANIFEST);
  if (!member) throw unusable(path, 0, `${MANIFEST} is missing: this is no archive of a day`);
  let manifest: unknown;
  try {
    manifest = JSON.parse(textOf(file, member));
  } catch (error) {
    throw unusable(path, member.offset, `${MANIFEST} is no JSON (${(error as Error).message})`);
  }
  if (!isOfKind("object", manifest)) {
    throw unusable(path, member.offset, `${MANIFEST} is no manifest`);
  }
  const { version, day, parts } = manifest as { [field: string]: unknown; parts: SealedParts };
  if (version !== VERSION) throw newerFormat(path, version, VERSION);
  if (typeof day !== "string" || !isDay(day) || !isOfKind("object", parts)) {
    throw unusable(path, member.offset, `${MANIFEST} names no day, or no parts`);
  }
  for (const [name, record] of Object.entries(parts)) {
    const part = parsePartName(name);
    const fits = part?.format === "jsonl" && wrongFieldOf(record) === undefined &&
      record.compacted !== undefined &&
      entryDigest(sealedEntry(`day=${day}/${name}`, record)) === record.seal;
    if (fits) continue;
    throw unusable(path, member.offset, `what ${MANIFEST} says of ${escaped(name)} does not fit`);
  }
  return { day, parts };
}

/** It has to be these parts and no other, each under the seal that it has here. */
function checkHolds(archive: DayArchive, day: string, parts: SealedParts): void {
  const sealsOf = (of: SealedParts) =>
    Object.entries(of).map(([name, { seal }]) => `${name} ${seal}`).sort().join("\n");
  if (archive.day === day && sealsOf(archive.parts) === sealsOf(parts)) return;
  throw unusable(archive.path, 0, `it does not hold what the log has of ${day}`);
}

function unusable(path: string, offset: number, reason: string): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot use the archive ${path}: ${reason}`,
    where: { path, ...(offset > 0 ? { offset } : {}) },
    hint: "nothing was changed; restore the archive from a backup",
  });
}
