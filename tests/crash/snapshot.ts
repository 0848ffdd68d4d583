/** A ledger's files as they are at one moment, and what may have become of them at a later one. */
import { assert, assertEquals } from "@std/assert";
import { join, relative } from "@std/path";
import type { LedgerError } from "../../src/base/error.ts";

const NEWLINE = 10;

/** What an attempt came to. */
export interface Outcome {
  /** Ids that were acknowledged, one by one. */
  acknowledged: string[];
  error?: LedgerError;
}

/** All files of a folder with their contents, and all folders. */
export class Snapshot {
  readonly files = new Map<string, Uint8Array>();
  /** Every file and folder, by its whole path. */
  readonly paths = new Set<string>();

  constructor(readonly root: string) {
    this.#take(root);
  }

  #take(folder: string): void {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      this.paths.add(path);
      if (isDirectory) this.#take(path);
      else this.files.set(relative(this.root, path), Deno.readFileSync(path));
    }
  }

  /** The parts, by name. */
  get parts(): [string, Uint8Array][] {
    return [...this.files].filter(([name]) => /\/part-[^/]*\.jsonl$/.test(name)).sort();
  }

  /** Where the whole lines of a part end; 0 when there is no such part. */
  endOfLines(name: string): number {
    return (this.files.get(name)?.lastIndexOf(NEWLINE) ?? -1) + 1;
  }

  /** The bytes after the last newline of a part. */
  tailOf(name: string): Uint8Array {
    return (this.files.get(name) ?? new Uint8Array()).subarray(this.endOfLines(name));
  }

  /** Whether these bytes are kept in quarantine. */
  keepsSafe(bytes: Uint8Array): boolean {
    return [...this.files].some(([name, content]) =>
      name.includes("_quarantine") && !name.endsWith(".tmp") && sameBytes(content, bytes)
    );
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Fails where a whole line or a torn tail that was there before is neither there nor kept safe. */
export function assertNothingLost(before: Snapshot, after: Snapshot): void {
  for (const [name, bytes] of before.parts) {
    const end = before.endOfLines(name);
    const now = after.files.get(name);
    assert(now && sameBytes(now.subarray(0, end), bytes.subarray(0, end)), `${name} was changed`);
    const tail = before.tailOf(name);
    if (tail.length === 0) continue;
    const still_there = sameBytes(now.subarray(end, end + tail.length), tail) &&
      now.length === bytes.length;
    assert(still_there || after.keepsSafe(tail), `the torn tail of ${name} is lost`);
  }
}

/** The ids of the events that were added, in any part. Fails at a line that is not whole. */
export function idsAdded(before: Snapshot, after: Snapshot): string[] {
  return after.parts.flatMap(([name, bytes]) => {
    const added = bytes.subarray(before.endOfLines(name), after.endOfLines(name));
    const lines = new TextDecoder().decode(added).split("\n").slice(0, -1);
    return lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  });
}

/** Fails unless the disk holds what the outcome says. */
export function assertTrue(outcome: Outcome, before: Snapshot, after: Snapshot): void {
  const { acknowledged, error } = outcome;
  assertNothingLost(before, after);
  const added = idsAdded(before, after);
  assertEquals(new Set(added).size, added.length, "an event was written twice");
  assertEquals(acknowledged.filter((id) => !added.includes(id)), [], "acknowledged, not there");
  if (error?.code === "durability_unknown") return;
  // Then the message has said so, and the next writer mends it.
  if (error?.message.includes("could not be cut back")) return;
  const durable = Number(error?.detail?.durable ?? acknowledged.length);
  assertEquals(added.length, durable, "written, and not acknowledged");
  for (const [name] of after.parts) {
    const tail = after.tailOf(name);
    assert(sameBytes(tail, before.tailOf(name)) || tail.length === 0, `${name} got a torn tail`);
  }
}
