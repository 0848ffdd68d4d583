/**
 * Cache of what was read of large inputs, keyed on their files' identity, size and time. It is derived:
 * what is damaged in it, or lost, is read from the file again, and `--rehash` never believes it.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import {
  makeFolderDurably,
  openToAppend,
  replaceFile,
  writeFully,
} from "../../base/files/durable.ts";
import { readRecords, RecordGroup } from "../../base/files/records.ts";
import { type FileFacts, standOf } from "../../base/files/seam.ts";
import {
  input_kept_bytes_min,
  input_settled_after_ms,
  inputs_kept_max,
} from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { formatOf, type InputContent } from "./input_file.ts";

/** The digests of files, by how these stand. */
export class InputCache {
  #known?: Map<string, InputContent>;
  readonly #added = new Map<string, InputContent>();

  readonly path: string;

  constructor(readonly world: World, readonly ledger: { root: string; index: string }) {
    this.path = join(ledger.index, "input_digests.ndjson");
  }

  /** What a file has, if it stands as it did when it was read. */
  find(path: string, facts: FileFacts): InputContent | undefined {
    if (facts.size_bytes < input_kept_bytes_min) return undefined;
    return (this.#known ??= this.#load()).get(keyOf(path, facts));
  }

  /** Takes what was read of a file that stood so. */
  add(path: string, facts: FileFacts, content: InputContent): void {
    const age_ms = this.world.now_ms() - facts.modified_ms;
    if (facts.size_bytes < input_kept_bytes_min || age_ms < input_settled_after_ms) return;
    this.#added.set(keyOf(path, facts), content);
  }

  /** Keeps what was added, where the ledger has begun; what keeps it from that is no error. */
  save(): void {
    const { world: { files }, ledger, path } = this;
    if (this.#added.size === 0) return;
    try {
      if (!files.facts(ledger.root)) return;
      makeFolderDurably(files, ledger.index);
      const all = new Map([...this.#known ?? this.#load(), ...this.#added]);
      if (all.size > inputs_kept_max) {
        const latest = [...all].slice(-inputs_kept_max / 2);
        return replaceFile(files, path, recordsOf(latest), uniqueName(this.world));
      }
      using file = openToAppend(files, path);
      writeFully(file, recordsOf(this.#added));
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    } finally {
      this.#added.clear();
    }
  }

  #load(): Map<string, InputContent> {
    const { files } = this.world;
    const known = new Map<string, InputContent>();
    try {
      const bytes = files.facts(this.path)?.is_file ? files.readBytes(this.path) : new Uint8Array();
      for (const record of readRecords(bytes)) {
        if (record.kind !== "record" || !record.is_checked) continue;
        const { key, ...content } = JSON.parse(record.text);
        known.set(key, content);
      }
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    }
    return known;
  }
}

function keyOf(path: string, facts: FileFacts): string {
  return `${standOf(facts)} ${formatOf(path)}`;
}

function recordsOf(contents: Iterable<[key: string, content: InputContent]>): Uint8Array {
  const group = new RecordGroup();
  for (const [key, content] of contents) {
    group.addObject(JSON.stringify({ key, ...content }).slice(0, -1));
  }
  return group.take();
}
