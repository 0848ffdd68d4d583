/**
 * Processes around one index, each in a loop until its input ends: those that build, emit, ask, and
 * hold the index open with another program's means. Arguments: what to do, and the ledger's folder.
 */
import { LedgerError } from "../../src/base/error.ts";
import { openLedger } from "../../src/mod.ts";
import { join } from "@std/path";

const [role, dir] = Deno.args;
let is_over = false;
Deno.stdin.read(new Uint8Array(1)).then(() => is_over = true);

async function build(): Promise<void> {
  await using ledger = await openLedger({ dir });
  while (!is_over) {
    const { total } = await ledger.sync({ full: true });
    console.log(`built ${total.events}`);
  }
}

async function emit(): Promise<void> {
  await using ledger = await openLedger({ dir });
  for (let n = 0; !is_over; n++) {
    const run_id = `run-${n}`;
    await ledger.emitRunCreated({ run_id, run_type: "t", config: { n }, data_fingerprint: "f" });
    await ledger.emitRunStarted({ run_id });
    await ledger.emitRunCompleted({ run_id });
    console.log(`emitted ${n}`);
  }
}

/** Asks what people ask. Whatever is wrong ends it, but for a holder that is named where one may be. */
async function ask(may_be_held: boolean): Promise<void> {
  await using ledger = await openLedger({ dir });
  let events_before = 0;
  let runs_before = 0;
  while (!is_over) {
    try {
      const [{ events }] = await ledger.query("select count(*) as events from events");
      const [{ runs }] = await ledger.query("select count(*) as runs from latest_runs");
      const phantoms = await ledger.query("select * from runs_d where run_type = 'phantom'");
      if (Number(events) < events_before) {
        throw new Error(`${events} after ${events_before} events`);
      }
      if (Number(runs) < runs_before) throw new Error(`${runs} after ${runs_before} runs`);
      if (phantoms.length > 0) throw new Error("a row that no event made");
      await ledger.latestRuns();
      events_before = Number(events);
      runs_before = Number(runs);
      console.log(`found ${events}`);
    } catch (error) {
      const is_named = error instanceof LedgerError && error.code === "busy" &&
        /\(process \d+\) holds it open for writing/.test(error.message);
      if (!is_named || !may_be_held) throw error;
      console.log("held");
    }
  }
}

/** Opens the index for writing, as no program should, and leaves rows in its write-ahead file. */
async function hold(): Promise<void> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const path = join(dir, "index", "runs.duckdb");
  while (!is_over) {
    try {
      const instance = await DuckDBInstance.create(path);
      const connection = await instance.connect();
      await connection.run("pragma disable_checkpoint_on_shutdown; set wal_autocheckpoint = '1TB'");
      await connection.run(
        "insert into runs_d select 'phantom', 'phantom', 0, null, null from range(100)",
      );
      console.log("holds");
      await new Promise(() => Deno.stdin.read(new Uint8Array(1)));
    } catch (error) {
      // A reader keeps others from writing for a moment.
      if (!/lock|exist/i.test((error as Error).message)) throw error;
    }
  }
}

if (role === "build") await build();
else if (role === "emit") await emit();
else if (role === "hold") await hold();
else await ask(role === "ask while held");
