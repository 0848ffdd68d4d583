/** Handfuls of staged events -> the tables that hold events one to one. */
import { ids_at_once_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database, Statement } from "../duckdb/connection.ts";
import {
  ADD_REPEATED_HASHES,
  ADD_STAGED_PART,
  COUNT_EVENTS,
  COUNT_STAGED_BEFORE_TWIN,
  DROP_KNOWN,
  DROP_REPEATED,
  REPEAT_NO_HASHES,
  STAGE_FILE,
  STAGE_NO_PARTS,
  STAGE_NOTHING,
  STAGE_ONE,
  STAGE_TRIALS,
  STAGED_AGAIN,
  TAKE_COMPACTED_TRIALS,
  TAKE_OUT_REPEATED,
  TAKE_STAGED,
  TAKE_TRIALS,
} from "./queries.ts";
import { concurrentlyRemoved } from "../log/mod.ts";
import type { Handful } from "./spool.ts";

/** An event came that sorts before its indexed twin: the first in log order is another one now. */
export class OrderChanged extends Error {}

/** Takes events into one database. */
export class Stage {
  #taking: Promise<void> = Promise.resolve();
  #take_trials?: Statement;

  constructor(
    readonly world: World,
    readonly database: Database,
    /** Whether events are indexed already that staged ones may repeat. */
    readonly has_events: boolean,
  ) {}

  /** Makes the database ready. */
  async begin(): Promise<void> {
    await this.database.run(STAGE_NO_PARTS);
    if (!this.has_events) this.#take_trials = await this.database.prepare(TAKE_TRIALS);
  }

  /** Waits for the handful before, and begins with this one: meanwhile, the next can be read. */
  async take(handful: Handful): Promise<void> {
    await this.#taking;
    if (handful.parts.length > 0) {
      await this.database.runForEach(ADD_STAGED_PART, handful.parts);
    }
    this.#taking = this.#takeIn(handful);
    // A failure is thrown where the promise is waited for: at the next handful, or at the end.
    this.#taking.catch(() => {});
  }

  /** Waits for the last handful, and looks over all of them. */
  async finish(): Promise<void> {
    await this.#taking;
    await this.close();
    // Built from nothing, it is cheaper to look for repeated events once than at every file.
    if (!this.has_events) await this.#takeOutRepeated();
  }

  /** Lets go of the database, which cannot be closed before. */
  async close(): Promise<void> {
    await this.#taking.catch(() => {});
    this.#take_trials?.close();
    this.#take_trials = undefined;
  }

  async #takeOutRepeated(): Promise<void> {
    const events = Number(await this.database.value<bigint>(COUNT_EVENTS));
    const passes = Math.max(1, Math.ceil(events / ids_at_once_max));
    await this.database.run(REPEAT_NO_HASHES);
    for (let pass = 0; pass < passes; pass++) {
      await this.database.run(ADD_REPEATED_HASHES, [passes, pass]);
    }
    for (const statement of TAKE_OUT_REPEATED) await this.database.run(statement);
  }

  async #takeIn({ compacted, trials, rows, held }: Handful): Promise<void> {
    if (compacted) await this.#takeCompacted(compacted);
    const at_once = trials !== undefined && this.#take_trials !== undefined;
    if (at_once) await this.#take_trials!.run([trials]);
    if (rows !== undefined || (trials !== undefined && !at_once)) {
      if (rows !== undefined) await this.database.run(STAGE_FILE, [rows]);
      else await this.database.run(STAGE_NOTHING);
      if (trials !== undefined && !at_once) await this.database.run(STAGE_TRIALS, [trials]);
      await this.#takeStaged();
    }
    for (const path of [trials, rows]) if (path !== undefined) this.world.files.remove(path);
    if (held.length === 0) return;
    await this.database.run(STAGE_NOTHING);
    await this.database.runForEach(STAGE_ONE, held);
    await this.#takeStaged();
  }

  async #takeCompacted({ path, day, part }: NonNullable<Handful["compacted"]>): Promise<void> {
    try {
      await this.database.run(TAKE_COMPACTED_TRIALS, [path, day, part]);
    } catch (error) {
      if (!this.world.files.facts(path)) throw concurrentlyRemoved(`day=${day}/${part}.jsonl`);
      throw error;
    }
  }

  async #takeStaged(): Promise<void> {
    if (this.has_events) {
      const before = await this.database.value<bigint>(COUNT_STAGED_BEFORE_TWIN);
      if (before > 0n) throw new OrderChanged();
      for (const statement of DROP_KNOWN) await this.database.run(statement);
      if (await this.database.value<bigint>(STAGED_AGAIN) > 0n) {
        for (const statement of DROP_REPEATED) await this.database.run(statement);
      }
    }
    for (const statement of TAKE_STAGED) await this.database.run(statement);
  }
}
