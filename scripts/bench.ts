/**
 * Measures the program against its limits: `deno task bench [NAME …] [--quick] [--json] [--scale] [--fleet-scale]`.
 *
 * Every figure stands beside what it is held against, taken in the same run and in turns with it: a
 * disk and a machine differ from hour to hour, the ratio of two neighbours much less. To add a
 * bench, write a file in `bench/` and name it here.
 */
import { appendContended } from "./bench/append_contended.ts";
import { appendDurable } from "./bench/append_durable.ts";
import { appendGroup } from "./bench/append_group.ts";
import { catalogCold, catalogRank, catalogWarm } from "./bench/catalog.ts";
import { emitProcess } from "./bench/emit_process.ts";
import { emitStream } from "./bench/emit_stream.ts";
import {
  queryOpen,
  rebuildFull,
  rebuildMany,
  rebuildSeed,
  syncDelta,
  watchLag,
} from "./bench/index.ts";
import { inputHash, runsCreate } from "./bench/inputs.ts";
import { compact, rebuildCompacted, scale, verifyDeep } from "./bench/lifecycle.ts";
import { fleetCommit } from "./bench/fleet_commit.ts";
import { fleetEmit } from "./bench/fleet_emit.ts";
import { fleetFold } from "./bench/fleet_fold.ts";
import { fleetQuery } from "./bench/fleet_query.ts";
import { fleetScale } from "./bench/fleet_scale.ts";
import { fleetShip } from "./bench/fleet_ship.ts";
import { fleetPull } from "./bench/fleet_pull.ts";
import { queryFresh } from "./bench/fresh.ts";
import { logRead } from "./bench/log_read.ts";
import { metricsAppend } from "./bench/metrics.ts";
import { parquetWrite } from "./bench/parquet.ts";
import { runBenches } from "./bench/run.ts";
import { writeCsvIn, writeParquetIn } from "./bench/write_in.ts";
import { traceIngest, traceOverhead, traceQuery, traceSize } from "./bench/trace.ts";

const BENCHES = [
  appendDurable,
  appendContended,
  appendGroup,
  emitStream,
  emitProcess,
  logRead,
  rebuildFull,
  rebuildSeed,
  syncDelta,
  watchLag,
  queryOpen,
  queryFresh,
  rebuildMany,
  catalogCold,
  catalogWarm,
  catalogRank,
  inputHash,
  runsCreate,
  parquetWrite,
  writeParquetIn,
  writeCsvIn,
  metricsAppend,
  traceOverhead,
  traceSize,
  traceIngest,
  traceQuery,
  compact,
  verifyDeep,
  rebuildCompacted,
  fleetShip,
  fleetEmit,
  fleetCommit,
  fleetPull,
  fleetQuery,
  fleetFold,
];

/** They take minutes: a flag asks for each. */
const ASKED_BENCHES = { scale, "fleet-scale": fleetScale };

if (import.meta.main) Deno.exit(await runBenches(Deno.args, BENCHES, ASKED_BENCHES));
