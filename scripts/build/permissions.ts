/**
 * What the executable may do, once and for all. The sandbox is part of the product: each line
 * here is a promise to the user, so each has its reason.
 */

import { NOTED_VARIABLES } from "../../src/runs/manifest/code_facts.ts";

/** The folders that the executable may write. */
export interface WriteScope {
  ledger_dir: string;
  runs_dir: string;
  /** `HOST` or `HOST:PORT` of the fleet's store, where it is the only one that may be reached. */
  fleet?: string;
}

const ENVIRONMENT = [
  // Where the ledger and the runs are, and how this program behaves.
  "LEDGER_DIR",
  "LEDGER_RUNS_DIR",
  "LEDGER_RUN_ID",
  "LEDGER_LOG",
  "LEDGER_WRITER",
  // How to write on this terminal.
  "NO_COLOR",
  "FORCE_COLOR",
  "TERM",
  "COLUMNS",
  "LINES",
  // Who runs it, for provenance; and what stands in for a host name that cannot be asked for.
  "USER",
  "HOSTNAME",
  // The keys of a fleet's store.
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  // What changes the numbers that a program computes: a run notes it.
  ...NOTED_VARIABLES,
  // Set for DuckDB, which would abort where it cannot read the control group's memory limit.
  "SLURM_MEM_PER_NODE",
];

const LOOPBACK = "127.0.0.1,localhost,[::1]";

/** The flags of `deno compile` that say what the executable may do. */
export function permissionFlags(scope: WriteScope): string[] {
  const { ledger_dir, runs_dir, fleet } = scope;
  return [
    // Without this a refusal would ask, and wait for ever without a terminal.
    "--no-prompt",
    // Reading is free: any ledger, any input file.
    "--allow-read",
    `--allow-write=${pathList([ledger_dir, runs_dir])}`,
    `--allow-env=${ENVIRONMENT.join(",")}`,
    // Host name for provenance and locks, user for the library's folder, free space for doctor.
    "--allow-sys=hostname,uid,statfs",
    // The commit that a run was made from, and what was changed since.
    "--allow-run=git",
    // The health endpoint, and the store of a fleet. Where the build does not name the store, commands of
    // the fleet may reach any; all others give the network up before they begin.
    fleet === undefined ? "--allow-net" : `--allow-net=${LOOPBACK},${fleet}`,
    // Only the library that this executable unpacks itself.
    `--allow-ffi=${pathList([`${ledger_dir}/.native`])}`,
    // Deno would otherwise import code from its own list of sites.
    "--deny-import",
  ];
}

/** In a list of paths, a comma that belongs to a path is written twice. */
function pathList(paths: string[]): string {
  return paths.map((path) => path.replaceAll(",", ",,")).join(",");
}
