/** Where a report looks: the indexes that are there, and how far they are to be trusted. */
import { join } from "@std/path";
import { asLedgerError, type LedgerError } from "../../base/error.ts";
import { withNumbers } from "../../base/json.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { freshen } from "../../ledger/fresh.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { ledgerPaths } from "../../log/mod.ts";
import { type Found, type Gap, missing, there } from "./data.ts";

const NOT_OPENED = missing("", "");

/** The databases that a report reads, as they were when it began. */
export class Sources implements Disposable {
  readonly world: World;
  index: Found<Database> = NOT_OPENED;
  catalog: Found<Database> = NOT_OPENED;
  /** All runs, whichever of the two knows them; unreadable where one of these is. */
  states: Found<Database> = NOT_OPENED;

  private constructor(readonly ledger: Ledger) {
    this.world = ledger.world;
  }

  static async open(ledger: Ledger): Promise<Sources> {
    const sources = new Sources(ledger);
    try {
      await sources.#open();
      return sources;
    } catch (error) {
      sources[Symbol.dispose]();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { ledger } = this;
    const has_runs = ledger.runs.exists();
    this.index = await opened(
      () => ledger.openIndex({ files: true }),
      ledger.exists() ? ["The log has not been indexed yet.", "ledger rebuild"] : [
        "No event has been recorded in this ledger yet.",
        "ledger emit run.started --run-id my-run && ledger rebuild",
      ],
    );
    this.catalog = await opened(
      () => ledger.runs.openCatalog({ sql: "", files: true }),
      has_runs ? ["The folder of runs has not been catalogued yet.", "ledger runs sync"] : [
        "There is no folder of runs yet.",
        "ledger runs create --run-type policy --run-id my-run && ledger runs sync",
      ],
    );
    const halves = [this.index, this.catalog];
    const more_likely = ledger.exists() || !has_runs ? this.index : this.catalog;
    this.states = halves.find(({ kind }) => kind === "unreadable") ??
      (halves.some(({ kind }) => kind === "there")
        ? await opened(() => ledger.runs.openStates())
        : more_likely);
  }

  [Symbol.dispose](): void {
    for (const source of new Set([this.index, this.catalog, this.states])) {
      if (source.kind === "there") source.value.close();
    }
  }

  /** When a database was published, if it is there. */
  builtAt(name: "runs" | "catalog"): number | undefined {
    const path = join(ledgerPaths(this.ledger.dir).index, `${name}.duckdb`);
    return this.world.files.facts(path)?.modified_ms;
  }

  /** What the page has to be read with in mind: what it lacks, as every answer says it. */
  async gaps(): Promise<Gap[]> {
    const lags = await freshen(this.world, this.ledger, ["log", "runs"], undefined, -1);
    return lags.map(({ message, command }) => ({
      words: `${message[0].toUpperCase()}${message.slice(1)}.`,
      command,
    }));
  }
}

async function opened(
  open: () => Promise<Database>,
  [words, command]: [string, string] = ["", ""],
): Promise<Found<Database>> {
  const found = await attempt(async () => there(await open()));
  const is_missing = found.kind === "unreadable" && found.problem.code === "not_found";
  return is_missing ? missing(words, command) : found;
}

/** Looks for something; the page says what the world made of it, beside what could be read. */
export async function attempt<Value>(look: () => Promise<Found<Value>>): Promise<Found<Value>> {
  try {
    return await look();
  } catch (error) {
    return { kind: "unreadable", problem: problemOf(error) };
  }
}

/** An error that is one of the world's; ours are thrown on. */
function problemOf(error: unknown): LedgerError {
  const problem = asLedgerError(error);
  if (!problem || problem.code === "interrupted") throw error;
  return problem;
}

/** The rows of a question, with numbers for whole numbers. */
export async function rowsOf<Row>(
  database: Database,
  sql: string,
  values: Parameters<Database["rows"]>[1] = [],
): Promise<Row[]> {
  return (await database.rows<Record<string, unknown>>(sql, values)).map(withNumbers<Row>);
}
