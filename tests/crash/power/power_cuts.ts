/**
 * Power cuts: what a disk may hold when the power goes after some step. What was synced is there. Of the
 * rest, each name may be there or not, and of a file's bytes all, some, none, or zeros in their place:
 * the weakest that POSIX allows. A journal keeps names in their order; that is tried as well.
 */
import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { Random } from "../../laws/random.ts";
import { type DiskStep, type RecordedDisk, ROOT } from "./recorded_disk.ts";

/** What becomes of what was not synced. Those with a seed are drawn by lot. */
export type Fate =
  | "none"
  | "all"
  | "names without bytes"
  | "names and zeros"
  | "bytes without names"
  | `weakest ${number}`
  | `journal ${number}`;

/** A power cut: after so many steps of a recording. */
export interface PowerCut {
  at: number;
  fate: Fate;
}

export function textOfCut({ at, fate }: PowerCut): string {
  return `${at}: ${fate}`;
}

export function parseCut(text: string): PowerCut {
  const [at, fate] = text.split(": ");
  return { at: Number(at), fate: fate as Fate };
}

/** The fates that need no lot. */
export const PLAIN_FATES: readonly Fate[] = [
  ...["none", "all", "names without bytes", "names and zeros", "bytes without names"] as const,
];

/** How the bytes of one file fare that were not synced. */
type Bytes = "none" | "all" | "zeros" | "some" | "torn";
const BYTES: readonly Bytes[] = ["none", "all", "zeros", "some", "torn"];
/** Disks write no less than this at once. */
const SECTOR_BYTES = 512;

/** The files of a disk after a cut, and its folders, by path. */
export interface DiskAfter {
  folders: string[];
  files: Map<string, Uint8Array>;
  /** The same for disks that hold the same. */
  digest: string;
}

/** What the disk holds after a cut. */
export function diskAfter(disk: RecordedDisk, { at, fate }: PowerCut): DiskAfter {
  const steps = disk.steps.slice(0, at);
  const lot = new Lot(fate, steps);
  const synced = lastSyncs(steps);
  const isDurable = (node: number, step: number) => (synced.get(node) ?? -1) > step;
  const folders = new Map([...disk.start.folders].map(([id, names]) => [id, new Map(names)]));
  for (const [step, each] of steps.entries()) {
    if (each.kind !== "names") continue;
    // What one call changes in one folder is there as a whole, or not at all.
    const kept = new Map<number, boolean>();
    for (const { folder, name, node } of each.changes) {
      if (!kept.has(folder)) {
        kept.set(folder, isDurable(folder, step) || (lot.keepsNames(step) ?? lot.toss()));
      }
      if (!kept.get(folder)) continue;
      const names = folders.get(folder) ?? folders.set(folder, new Map()).get(folder)!;
      if (node === undefined) names.delete(name);
      else names.set(name, node);
    }
  }
  const contents = contentsAfter(disk, steps, isDurable, lot);
  return reachable(disk, steps, folders, contents);
}

/** Where each node was synced last. */
function lastSyncs(steps: readonly DiskStep[]): Map<number, number> {
  const last = new Map<number, number>();
  for (const [at, step] of steps.entries()) if (step.kind === "sync") last.set(step.node, at);
  return last;
}

/** Decides what becomes of what was not synced. */
class Lot {
  readonly #random: Random;
  /** Names are kept up to there, and none after it. */
  readonly #journal_end?: number;

  constructor(readonly fate: Fate, steps: readonly DiskStep[]) {
    const [kind, seed] = fate.split(" ");
    this.#random = new Random(Number(seed) || 0);
    if (kind !== "journal") return;
    // A sync of anything writes the journal up to there.
    const last_sync = steps.findLastIndex((step) => step.kind === "sync");
    this.#journal_end = last_sync + 1 + this.#random.below(steps.length - last_sync);
  }

  toss(): boolean {
    return this.#random.below(2) === 0;
  }

  /** Whether names that were not synced are there; undefined when each is tossed for. */
  keepsNames(step: number): boolean | undefined {
    if (this.#journal_end !== undefined) return step < this.#journal_end;
    if (this.fate.startsWith("weakest")) return undefined;
    return this.fate !== "none" && this.fate !== "bytes without names";
  }

  /** How bytes of a file fare. */
  bytes(): Bytes {
    switch (this.fate) {
      case "none":
      case "names without bytes":
        return "none";
      case "all":
      case "bytes without names":
        return "all";
      case "names and zeros":
        return "zeros";
    }
    return BYTES[this.#random.below(BYTES.length)];
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }
}

function contentsAfter(
  disk: RecordedDisk,
  steps: readonly DiskStep[],
  isDurable: (node: number, step: number) => boolean,
  lot: Lot,
): Map<number, Uint8Array> {
  const contents = new Map(disk.start.files);
  const pending = new Map<number, DiskStep[]>();
  for (const [at, step] of steps.entries()) {
    if (step.kind !== "content" && step.kind !== "length") continue;
    if (isDurable(step.node, at)) contents.set(step.node, changed(contents.get(step.node), step));
    else pending.set(step.node, [...pending.get(step.node) ?? [], step]);
  }
  for (const [node, of_node] of pending) {
    contents.set(node, withPending(contents.get(node) ?? new Uint8Array(), of_node, lot));
  }
  return contents;
}

function changed(before: Uint8Array | undefined, step: DiskStep): Uint8Array {
  const bytes = before ?? new Uint8Array();
  if (step.kind === "length") return resized(bytes, step.size_bytes);
  if (step.kind !== "content") return bytes;
  const after = resized(bytes, Math.max(bytes.length, step.at + step.bytes.length));
  after.set(step.bytes, step.at);
  return after;
}

function resized(bytes: Uint8Array, size_bytes: number): Uint8Array {
  const after = new Uint8Array(size_bytes);
  after.set(bytes.subarray(0, size_bytes));
  return after;
}

function withPending(durable: Uint8Array, pending: readonly DiskStep[], lot: Lot): Uint8Array {
  const how = lot.bytes();
  if (how === "none") return durable;
  const whole = how === "torn" ? pending.slice(0, 1 + lot.below(pending.length)) : pending;
  let after = durable;
  for (const step of whole) after = changed(after, step);
  if (how === "all") return after;
  if (how === "torn") {
    const least = Math.min(durable.length, after.length);
    return after.slice(0, least + lot.below(after.length - least + 1));
  }
  // The length is there before the bytes are.
  for (let at = 0; at < after.length;) {
    const end = Math.min(after.length, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (how === "zeros" || lot.toss()) {
      after.fill(0, at, end);
      after.set(durable.subarray(at, Math.min(end, durable.length)), Math.min(at, durable.length));
    }
    at = end;
  }
  return after;
}

/** What can be reached by names from the root. */
function reachable(
  disk: RecordedDisk,
  steps: readonly DiskStep[],
  names: ReadonlyMap<number, ReadonlyMap<string, number>>,
  contents: ReadonlyMap<number, Uint8Array>,
): DiskAfter {
  const are_folders = new Set(disk.start.folders.keys());
  for (const step of steps) {
    if (step.kind !== "names" || !step.text.startsWith("make folder")) continue;
    are_folders.add(step.changes[0].node!);
  }
  const after: DiskAfter = { folders: [], files: new Map(), digest: "" };
  const hash = createHash("sha256");
  const visit = (folder: number, path: string) => {
    for (const [name, node] of [...names.get(folder) ?? []].sort(([a], [b]) => a < b ? -1 : 1)) {
      const below = join(path, name);
      hash.update(`${below}\n`);
      if (are_folders.has(node)) {
        after.folders.push(below);
        visit(node, below);
      } else {
        const bytes = contents.get(node) ?? new Uint8Array();
        hash.update(`${bytes.length}\n`).update(bytes);
        after.files.set(below, bytes);
      }
    }
  };
  visit(ROOT, "");
  return { ...after, digest: hash.digest("hex") };
}

/** Puts such a disk in place. */
export function layOut({ folders, files }: DiskAfter, root: string): void {
  Deno.mkdirSync(root, { recursive: true });
  for (const folder of folders) Deno.mkdirSync(join(root, folder), { recursive: true });
  for (const [path, bytes] of files) {
    Deno.mkdirSync(join(root, dirname(path)), { recursive: true });
    Deno.writeFileSync(join(root, path), bytes);
  }
}
