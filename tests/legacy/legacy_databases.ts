/** Databases as the first system made them, in both of their generations, and as they may have become. */
import { literal } from "../../src/duckdb/connection.ts";

export const BEFORE_MS = Date.UTC(2026, 0, 10);
export const AFTER_MS = Date.UTC(2026, 0, 25);

/** Makes a database with the DuckDB package alone, as the first system would. */
export async function database(path: string, ...statements: string[]): Promise<void> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}

/** Column names, each followed by its type where it is no text; `+` begins those of the newer alone. */
const TABLES_OF_BOTH: Readonly<Record<string, string>> = {
  runs_d: `run_id, run_type, created_at TIMESTAMP, name, date_from DATE, date_to DATE,
    alerts_total INTEGER, alerts_ok INTEGER, config_json, timing_json, summary_json, + mode,
    + config_hash, + data_fingerprint, + code_fingerprint, + code_dirty BOOLEAN, + signature, notes`,
  trials_f: `trial_id, run_id, created_at TIMESTAMP, + strategy_name, tp_mult DOUBLE,
    sl_mult DOUBLE, intrabar_order, params_json, date_from DATE, date_to DATE, + entry_mode,
    + horizon_hours INTEGER, alerts_total INTEGER, alerts_ok INTEGER, total_r DOUBLE,
    avg_r DOUBLE, avg_r_win DOUBLE, avg_r_loss DOUBLE, r_profit_factor DOUBLE, win_rate DOUBLE,
    profit_factor DOUBLE, expectancy_pct DOUBLE, total_return_pct DOUBLE,
    risk_adj_total_return_pct DOUBLE, + hit2x_pct DOUBLE, + hit3x_pct DOUBLE, + hit4x_pct DOUBLE,
    + median_ath_mult DOUBLE, + p75_ath_mult DOUBLE, + p95_ath_mult DOUBLE,
    + median_time_to_2x_min DOUBLE, + median_time_to_3x_min DOUBLE, + median_dd_pre2x DOUBLE,
    + p95_dd_pre2x DOUBLE, + p75_dd_pre2x DOUBLE, + median_dd_overall DOUBLE,
    + objective_score DOUBLE, + test_train_ratio DOUBLE, + robust_score DOUBLE,
    + stress_penalty DOUBLE, + worst_lane, + worst_lane_score DOUBLE, + gate_check_json,
    + passes_gates BOOLEAN, duration_ms INTEGER, summary_json`,
  walk_forward_f: `fold_id, run_id, fold_num INTEGER, created_at TIMESTAMP, train_from DATE,
    train_to DATE, test_from DATE, test_to DATE, train_alerts INTEGER, test_alerts INTEGER,
    best_tp_mult DOUBLE, best_sl_mult DOUBLE, best_params_json, train_win_rate DOUBLE,
    train_avg_r DOUBLE, train_total_r DOUBLE, test_win_rate DOUBLE, test_avg_r DOUBLE,
    test_total_r DOUBLE, delta_avg_r DOUBLE, delta_total_r DOUBLE, notes`,
};

const TABLES_OF_NEWER: Readonly<Record<string, string>> = {
  pipeline_phases_f: `phase_id, run_id, phase_name, phase_order INTEGER, status,
    started_at TIMESTAMP, completed_at TIMESTAMP, duration_ms INTEGER, input_phase_id,
    input_summary_json, output_summary_json, config_json, error_message, retry_count INTEGER,
    notes`,
  islands_f: "island_id, run_id, phase_id, score DOUBLE",
  island_champions_f: "champion_id, run_id, phase_id, score DOUBLE",
  stress_lane_results_f: "lane_id, run_id, phase_id, score DOUBLE",
  champion_validation_f: "validation_id, run_id, phase_id, score DOUBLE",
};

/** Of each table that is understood, the columns; for a row in which each of them holds a value. */
export function columnsOf(table: string): [name: string, type: string][] {
  const columns = { ...TABLES_OF_BOTH, ...TABLES_OF_NEWER }[table];
  return columns.split(/,\s+/).map((column) => {
    const [name, type = "VARCHAR"] = column.replace(/^\+ /, "").split(" ");
    return [name, type];
  });
}

/** The tables of the older or of the newer generation, empty; `without` leaves out columns. */
export function tables(generation: "older" | "newer", without: readonly string[] = []): string[] {
  const created = (name: string, columns: string) => {
    const wanted = columns.split(/,\s+/)
      .filter((column) => generation === "newer" || !column.startsWith("+"))
      .map((column) => column.replace(/^\+ /, "").split(" "))
      .filter(([column]) => !without.includes(`${name}.${column}`));
    const typed = wanted.map(([column, type = "VARCHAR"]) => `${column} ${type}`);
    return `create table optimizer.${name} (${typed.join(", ")})`;
  };
  const all = generation === "older" ? TABLES_OF_BOTH : { ...TABLES_OF_BOTH, ...TABLES_OF_NEWER };
  return [
    ...["optimizer", "baseline", "canon", "core", "raw"].map((name) => `create schema ${name}`),
    ...Object.entries(all).map(([name, columns]) => created(name, columns)),
    `create table baseline.alert_results_f (run_id VARCHAR, alert_id VARCHAR, peak DOUBLE)`,
  ];
}

/** What a row may hold. */
export type Value = string | number | boolean | null | undefined;

/** Puts rows into a table of schema `optimizer`; what a row does not name is null. */
export function insert(table: string, ...rows: Record<string, Value>[]): string[] {
  const written = (value: Value) =>
    typeof value === "string" ? literal(value) : String(value ?? null);
  return rows.map((row) =>
    `insert into optimizer.${table} (${Object.keys(row)}) values (${
      Object.values(row).map(written)
    })`
  );
}

/** A time as the first system wrote it: no zone, and UTC. */
export function stamp(at_ms: number): string {
  return new Date(at_ms).toISOString().replace("T", " ").replace("Z", "");
}

/** A run that ended well. */
export function run(
  run_id: string,
  at_ms: number,
  different: Record<string, Value> = {},
): string[] {
  return insert("runs_d", {
    run_id,
    run_type: "grid_search",
    created_at: stamp(at_ms),
    config_json: '{"b":1,"10":2}',
    timing_json: '{"total_ms":2000}',
    summary_json: '{"pnl":1.50}',
    ...different,
  });
}

/** A trial with one parameter and a few metrics. */
export function trial(
  run_id: string,
  trial_id: string,
  at_ms: number,
  different: Record<string, Value> = {},
): string[] {
  return insert("trials_f", {
    trial_id,
    run_id,
    created_at: stamp(at_ms),
    params_json: '{"tp":2.0}',
    alerts_total: 10,
    total_r: 1.25,
    win_rate: 0.5,
    ...different,
  });
}

/** One run with all that is understood of it, but for phases in the newer generation. */
export function lab(): string[] {
  return [
    ...run("r1", BEFORE_MS, { name: "first", date_from: "2025-12-01", alerts_total: 12 }),
    ...trial("r1", "t1", BEFORE_MS + 500, { tp_mult: 2, intrabar_order: "sl_first" }),
    ...trial("r1", "t2", BEFORE_MS + 600, { params_json: null, tp_mult: 3, sl_mult: 0.5 }),
    ...insert("walk_forward_f", {
      fold_id: "f1",
      run_id: "r1",
      fold_num: 1,
      created_at: stamp(BEFORE_MS + 700),
      train_from: "2025-11-01",
      best_params_json: '{"tp":2}',
      best_tp_mult: 2,
      test_avg_r: 0.25,
    }),
  ];
}

/** The tables of the newer generation, for tests that do not care which. */
export const TABLES: readonly string[] = tables("newer");
