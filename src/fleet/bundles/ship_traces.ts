/**
 * Shipper of traces: the events of stores that have ended -> lines in bundles, each event once, whatever was merged
 * meanwhile. Which file an event came from stands in its line; of a merged file, whose events were sent in
 * part by the names of its sources, what is in those bundles is left out.
 */
import { basename, dirname, join } from "@std/path";
import { joined } from "../../base/bytes.ts";
import { LedgerError } from "../../base/error.ts";
import { removeQuietly, writeFully } from "../../base/files/durable.ts";
import { MemoryFile } from "../../base/files/memory_file.ts";
import { read_bytes, segment_bytes_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type Database, literal, openDatabase } from "../../duckdb/connection.ts";
import { unpackLines } from "../../log/codec/unpacking.ts";
import { ledgerPaths } from "../../log/mod.ts";
import { readShipped, type ShippedSegment } from "../../log/pull/shipped.ts";
import { parquetFacts } from "../../parquet/mod.ts";
import { TRACED_FIELD_NAMES } from "../../trace/event/event.ts";
import {
  isMerged,
  listPartitions,
  listSegments,
  newSpillFolder,
  partitionFolder,
  segmentStem,
} from "../../trace/event/files.ts";
import { Flush } from "../../trace/store/flush.ts";
import type { TraceDamage } from "../../trace/store/wal_read.ts";
import { compactionSources } from "../../trace/store/parquet_file.ts";
import { countingFiles } from "../../trace/store/snapshot.ts";
import { rowsOfTraces } from "../../trace/store/query.ts";
import { OutgoingChain, type SenderPlace, type Sent } from "../outgoing.ts";
import { segmentKey } from "../segment.ts";
import { rowsOfLines } from "../spool.ts";
import { TRACE_LINE_COLUMNS, tracesOfBundle } from "./trace_lines.ts";

const SOURCE = "traces";
const FIELDS = TRACED_FIELD_NAMES.join(", ");
/** The order of a file's rows, so that the same lines come out again. */
const ORDER = "order by correlation_id, timestamp, sequence_number, event_id";

/** What was sent of traces. */
export interface SentTraces extends Sent {
  events: number;
  /** What write-ahead files of programs that are gone had beside events: it is in quarantine now. */
  damage: TraceDamage[];
}

/** A file of events that are not all in the store. */
interface PendingFile {
  /** Below the folder of traces: `date=2026-01-23/type=FILL/STORE-000001.parquet`. */
  name: string;
  /** Names by which some of its events were sent; itself too, where a shipper ended in it. */
  sent_as: string[];
}

/** Some lines of a file. */
interface EventLines {
  name: string;
  count: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** The shipper of one box's traces. */
export class TraceShipper {
  readonly #world: World;
  readonly #dir: string;
  readonly #chain: OutgoingChain;

  constructor(
    readonly place: SenderPlace,
    /** Files of which all is known to be in the store; it grows. */
    readonly sent: Set<string>,
  ) {
    this.#world = place.store.world;
    this.#dir = ledgerPaths(place.root).traces;
    this.#chain = new OutgoingChain(SOURCE, { ...place, adopt: ({ seq }) => this.#adopt(seq) });
  }

  /** Ships what stores that have ended hold, and the store has not. */
  async ship(signal?: AbortSignal): Promise<SentTraces> {
    const chain = this.#chain;
    let events = 0;
    // Write-ahead files of programs that are gone: their events change no more.
    const flush = new Flush(this.#world, this.#dir);
    await flush.recover(signal);
    const { damage } = flush.report;
    // A box that has nothing to send asks the store for nothing.
    if (this.#pending().next().done) return { ...chain.sent, events, damage };
    await chain.begin();
    using session = await this.#open();
    for (let is_done = false; !is_done && !signal?.aborted;) {
      let waiting: EventLines[] = [];
      // Where another shipper of this box took the number, what is left is looked at anew.
      const sendWaiting = async () => {
        const is_sent = await this.#send(waiting);
        if (is_sent) events += waiting.reduce((sum, { count }) => sum + count, 0);
        waiting = [];
        return is_sent;
      };
      sending: {
        for (const file of this.#pending()) {
          for await (const lines of session.linesOf(file)) {
            if (signal?.aborted) break sending;
            const bytes = waiting.reduce(
              (sum, { bytes }) => sum + bytes.length,
              lines.bytes.length,
            );
            if (bytes > segment_bytes_max && !await sendWaiting()) break sending;
            waiting.push(lines);
          }
        }
        is_done = await sendWaiting();
      }
    }
    return { ...chain.sent, events, damage };
  }

  async #send(waiting: readonly EventLines[]): Promise<boolean> {
    if (waiting.length === 0) return true;
    const counts = new Map<string, number>();
    for (const { name, count } of waiting) counts.set(name, (counts.get(name) ?? 0) + count);
    return await this.#chain.send(SOURCE, joined(...waiting.map(({ bytes }) => bytes)), [
      ...counts,
    ]);
  }

  /** Puts bundles again that the store has lost, as far as the files are there that they were made of. */
  async repair(signal?: AbortSignal): Promise<{ put: number; lost: ShippedSegment[] }> {
    if (!this.#world.files.facts(this.#dir)) return { put: 0, lost: [] };
    using session = await this.#open();
    const before = new Map<string, number>();
    const lost = await this.#chain.repair(async ({ holds = [] }) => {
      const lines: Uint8Array<ArrayBuffer>[] = [];
      for (const [name, count] of holds) {
        const from = before.get(name) ?? 0;
        before.set(name, from + count);
        if (!this.#world.files.facts(join(this.#dir, name))) continue;
        let at = 0;
        for await (const { bytes, count: more } of session.linesOf({ name, sent_as: [] })) {
          if (at >= from && at < from + count) lines.push(bytes);
          at += more;
        }
      }
      return joined(...lines);
    }, signal);
    return { put: this.#chain.sent.shipped, lost };
  }

  /** The files that count, as far as not all of their events are in the store. */
  *#pending(): Generator<PendingFile> {
    const world = this.#world;
    const open = new Set(listSegments(world.files, this.#dir).map(segmentStem));
    for (const partition of listPartitions(world.files, this.#dir)) {
      const folder = partitionFolder(this.#dir, partition);
      for (const file of countingFiles(world, folder, open)) {
        const path = join(folder, file);
        const name = `${basename(dirname(folder))}/${basename(folder)}/${file}`;
        if (this.sent.has(name)) continue;
        const sources = isMerged(file) ? compactionSources(world, path) : [];
        const names = [name, ...sources.map((source) => `${dirname(name)}/${source}`)];
        const sent_as = names.filter((each) => this.#chain.heldOf(each) > 0);
        const sent = sent_as.reduce((sum, each) => sum + this.#chain.heldOf(each), 0);
        if (sent < parquetFacts(world, path).rows) yield { name, sent_as };
        else this.sent.add(name);
      }
    }
  }

  async #open(): Promise<TraceLines> {
    return await TraceLines.open(this.place, this.#dir);
  }

  /** A bundle that this box has no note of. */
  async #adopt(seq: number) {
    const { store, box } = this.place;
    const bytes = await store.get(segmentKey(SOURCE, box.name, seq));
    if (!bytes) return { problem: "it is gone" };
    const counts = new Map<string, number>();
    for (const { file } of tracesOfBundle(bytes)) counts.set(file, (counts.get(file) ?? 0) + 1);
    for (const [name, count] of counts) {
      const path = join(this.#dir, name);
      if (!this.#world.files.facts(path)) continue;
      if (this.#chain.heldOf(name) + count > parquetFacts(this.#world, path).rows) {
        return { problem: `${name} has fewer events here` };
      }
    }
    return { holds: [...counts] };
  }
}

/** Files of events as lines: DuckDB reads them, and writes each event as JSON, no digit of it changed. */
class TraceLines implements Disposable {
  private constructor(
    readonly place: SenderPlace,
    readonly dir: string,
    readonly folder: string,
    readonly database: Database,
  ) {}

  static async open(place: SenderPlace, dir: string): Promise<TraceLines> {
    const { store: { world } } = place;
    const folder = newSpillFolder(world, dir);
    world.files.makeFolder(folder);
    const database = await openDatabase(world, {
      path: ":memory:",
      access: "write",
      folders: [dir],
      temp_folder: folder,
    });
    return new TraceLines(place, dir, folder, database);
  }

  async *linesOf({ name, sent_as }: PendingFile): AsyncGenerator<EventLines> {
    const { store: { world } } = this.place;
    const rows = `select ${FIELDS} from ${rowsOfTraces(world, [join(this.dir, name)])}`;
    const left = sent_as.length === 0
      ? rows
      : `${rows} except all select ${FIELDS} from ${await this.#sentAs(sent_as)}`;
    const members = TRACED_FIELD_NAMES.map((field) => `${literal(field)}: ${field}`);
    const sql = `select to_json({'file': ${literal(name)}, ${members}})::varchar
      from (${left}) ${ORDER}`;
    let text = "", count = 0;
    const take = (): EventLines => {
      const lines = { name, count, bytes: new TextEncoder().encode(text) };
      text = "";
      count = 0;
      return lines;
    };
    try {
      for await (const chunk of await this.database.stream(sql)) {
        for (const [line] of chunk.getRows()) {
          text += `${line}\n`;
          count++;
          if (text.length >= read_bytes) yield take();
        }
      }
    } catch (error) {
      throw this.database.problem(error, sql);
    }
    if (count > 0) yield take();
  }

  /** The events that were sent by these names, as something to select from. */
  async #sentAs(names: readonly string[]): Promise<string> {
    const { store, root, box } = this.place;
    const { files } = store.world;
    const path = join(this.folder, "sent.ndjson");
    removeQuietly(files, path);
    using file = files.open(path, "create");
    const wanted = new Set(names);
    for (const { seq, holds = [] } of readShipped(files, root, SOURCE).segments) {
      if (!holds.some(([name]) => wanted.has(name))) continue;
      const key = segmentKey(SOURCE, box.name, seq);
      const bytes = await store.get(key);
      if (!bytes) {
        throw new LedgerError({
          code: "damaged",
          message: `cannot tell which traced events are in the store: ${key} is gone`,
          hint: "put again what is still here: ledger ship --repair",
        });
      }
      for (const { bytes: lines } of unpackLines(new MemoryFile(key, bytes))) {
        writeFully(file, lines);
      }
    }
    const list = names.map(literal).join(", ");
    return `${rowsOfLines(path, TRACE_LINE_COLUMNS)} where file in (${list})`;
  }

  [Symbol.dispose](): void {
    this.database.close();
    const { files } = this.place.store.world;
    if (files.facts(this.folder)) files.remove(this.folder);
  }
}
