/**
 * Bundles that were pulled -> tables of the cache's index: runs, artifacts, alerts and traces, with the rows that a
 * fold job makes of the same bundles. A box whose next bundle cannot be read stops there.
 */
import { join } from "@std/path";
import { withOpenFile } from "../../base/files/durable.ts";
import { type Database, openDatabase } from "../../duckdb/connection.ts";
import { identifier, literal } from "../../duckdb/sandbox.ts";
import type { BoxSegment, TablesBeside } from "../../index/box_index.ts";
import type { FleetCache } from "./cache.ts";
import { asPoison, type ChainFinding, Poison, type TakenSegment } from "../chain.ts";
import { DUCKDB_TYPES, type FleetTable, LAKE_TABLES } from "../lake/lake.ts";
import { factsOfFile, type Source, SOURCES } from "../segment.ts";
import { Spool } from "../spool.ts";
import type { ObjectStore } from "../store.ts";

/** The same under the names, and with the types, that a box's own catalog and traces have. */
const VIEWS: Readonly<Record<Source, string>> = {
  log: "",
  artifacts: `
    create view backtest_runs_catalog as
      select * rename (created_at_ms as created_at, started_at_ms as started_at,
        completed_at_ms as completed_at)
      from (select * exclude (log_day) replace (
          make_timestamp(created_at_ms * 1000) as created_at_ms,
          make_timestamp(started_at_ms * 1000) as started_at_ms,
          make_timestamp(completed_at_ms * 1000) as completed_at_ms, dataset::json as dataset,
          parameters::json as parameters, timing::json as timing, summary::json as summary)
        from runs);
    create view backtest_artifacts_catalog as select * exclude (log_day) from artifacts;`,
  traces: `
    create view trace_events as
      select * exclude (data, version, log_day), (processed_at - created_at) / 1000 as latency_ms,
        (received_at - emitted_at) / 1000 as queue_time_ms, version, data::json as data
      from traces;`,
};

/** The bundles of one cache. */
export class PulledBundles {
  constructor(
    readonly store: ObjectStore,
    readonly cache: FleetCache,
    /** Called where a box stops. */
    readonly onPoison: (poison: ChainFinding) => void,
  ) {}

  /** What is indexed beside the logs. */
  tables(): TablesBeside[] {
    return SOURCES.filter((source) => source !== "log").map((source) => {
      const tables = LAKE_TABLES.filter((table) => table.source === source);
      return {
        source,
        segments: this.cache.segments(source),
        sql: tables.map(createTable).join("\n") + VIEWS[source],
        load: (database, segments, folder) =>
          this.#load(database, source, tables, segments, folder),
      };
    });
  }

  async #load(
    database: Database,
    source: Source,
    tables: readonly FleetTable[],
    segments: readonly BoxSegment[],
    folder: string,
  ): Promise<readonly BoxSegment[]> {
    for (let taken = segments; taken.length > 0;) {
      const poison = await this.#tryLoad(database, source, tables, taken, folder);
      if (!poison) return taken;
      this.onPoison(poison);
      taken = taken.filter(({ box, seq }) => box !== poison.box || seq < poison.seq);
    }
    return [];
  }

  /** Adds all rows of all tables, or none and says which bundle is in the way. */
  async #tryLoad(
    database: Database,
    source: Source,
    tables: readonly FleetTable[],
    segments: readonly BoxSegment[],
    folder: string,
  ): Promise<ChainFinding | undefined> {
    const { files } = this.store.world;
    const loads: { name: string; path: string }[] = [];
    for (const table of tables) {
      const work = join(folder, `bundles-${table.name}`);
      if (files.facts(work)) files.remove(work);
      files.makeFolder(work);
      using spool = new Spool(this.store, table, work);
      for (const segment of segments) {
        const { box, seq } = segment;
        try {
          await spool.add(this.#taken(segment));
        } catch (error) {
          const poison = asPoison(error, seq);
          if (!(poison instanceof Poison)) throw error;
          return { box, source, seq, problem: poison.message };
        }
      }
      loads.push({ name: table.name, path: await this.#write(spool, work) });
    }
    for (const { name, path } of loads) {
      await database.run(
        `insert into ${name} by name select * from read_parquet(${literal(path)})`,
      );
    }
  }

  /** The rows as a file: the spool's own tables are none of the index. */
  async #write(spool: Spool, work: string): Promise<string> {
    await using database = await openDatabase(this.store.world, {
      path: ":memory:",
      access: "write",
      folders: [work],
      temp_folder: join(work, "spill"),
    });
    const path = join(work, "rows.parquet");
    const names = spool.table.columns.map(({ name }) => identifier(name)).join();
    const rows = await spool.load(database);
    await database.run(`copy (select ${names} from ${rows}) to ${literal(path)} (format parquet)`);
    return path;
  }

  #taken({ box, path }: BoxSegment): TakenSegment {
    const { files } = this.store.world;
    const facts = withOpenFile(files, path, factsOfFile)!;
    const bytes = files.readBytes(path) as Uint8Array<ArrayBuffer>;
    return { box, facts, bytes, lines_bytes: facts.to - facts.from };
  }
}

function createTable({ name, columns }: FleetTable): string {
  const of_table = columns.map(({ name, type }) => `${identifier(name)} ${DUCKDB_TYPES[type]}`);
  return `create table ${name} (${of_table.join(", ")});`;
}
