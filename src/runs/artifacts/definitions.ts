/**
 * What an artifact is: one table of the built-in types, and all else is derived from it: what a row has
 * to hold, the types of the Parquet columns, where the file lies in a run's folder, and what `runs
 * schema` prints. `types.ts` looks types up, those of a ledger's registry among them.
 *
 * Whole numbers are INT64, other numbers DOUBLE, everything else UTF8 or BOOLEAN. A mean is no whole
 * number even where its name ends in `_ms`. This module is small on purpose: it loads no Parquet.
 */
import type { Migration } from "../../log/event/registry.ts";
import type { ParquetColumn, ParquetColumnType } from "../../parquet/mod.ts";

/** Where a file says which version of its type it was written in. */
export const VERSION_KEY = "ledger.schema_version";

/** The version of the built-in types. */
export const ARTIFACT_SCHEMA_VERSION = 1;

/** What a column may hold. */
export type ValueKind =
  /** The id of the run that the artifact belongs to; filled in where it is missing. */
  | "run_id"
  | "text"
  /** `error`, `warning` or `info`. */
  | "level"
  /** A JSON object, stored as its text. */
  | "object"
  /** A whole number of 64 bits. */
  | "whole"
  /** Milliseconds since 1970, in the range that the log's own timestamps have. */
  | "time"
  /** A finite number. */
  | "number"
  | "flag";

/** The values that a level can have. */
export const LEVELS = ["error", "warning", "info"] as const;

const COLUMN_TYPE_OF: Readonly<Record<ValueKind, ParquetColumnType>> = {
  run_id: "utf8",
  text: "utf8",
  level: "utf8",
  object: "utf8",
  whole: "int64",
  time: "int64",
  number: "double",
  flag: "boolean",
};

/** The values of a column that are possible; each limit is there or not. */
export interface ColumnBounds {
  min?: number;
  max?: number;
  /** As `min` and `max`, the limit itself excluded. */
  above?: number;
  below?: number;
}

/** What is known of a column's values beside their kind. */
interface ColumnFacts {
  /** What they count: `ms`, `bps`, `USD`, … */
  unit?: string;
  /** Values outside are impossible, and refused. */
  bounds?: ColumnBounds;
  /** Values outside are odd: kept, and noted in the manifest. */
  usual?: ColumnBounds;
}

/** The kinds that columns of registered types can have. */
export const OWN_KINDS = (Object.keys(COLUMN_TYPE_OF) as ValueKind[])
  .filter((kind) => kind !== "run_id");

/** A column of an artifact. */
export interface ArtifactColumn extends ParquetColumn, ColumnFacts {
  kind: ValueKind;
  description: string;
}

/** What is said of rows that break a rule: impossible ones are refused, odd ones kept and noted. */
export type Verdict = "impossible" | "odd";

/**
 * Relations of columns within a row: the first `at_least` the second; the first the `difference` of the
 * others; the first `known_if` the second is true, and null if it is not.
 */
export type Relation = "at_least" | "difference" | "known_if";

/** A relation that the columns of each row have. */
interface RowRule {
  verdict: Verdict;
  relation: Relation;
  of: readonly string[];
}

/** What is known of an artifact's rows beside their columns. */
interface RowFacts {
  rules?: readonly RowRule[];
  /** No two rows have the same values in these columns. */
  key?: readonly string[];
  /** Rows with the same values in these columns are odd. */
  usual_key?: readonly string[];
  /** Rows ascend by these columns. */
  order?: readonly string[];
}

/** An artifact type. */
export interface ArtifactDefinition extends RowFacts {
  type: string;
  /** Each change of a registered type counts it up, and says how older rows are read. */
  version: number;
  migrations?: readonly Migration[];
  /** Where its file lies in a run's folder. */
  path: string;
  summary: string;
  columns: readonly ArtifactColumn[];
  /** It has exactly one row. */
  is_single_row: boolean;
  /** It takes further columns of numbers, texts and flags; their types follow from the values. */
  is_open: boolean;
  /** Those may also hold JSON objects, which are stored as their text. */
  takes_objects: boolean;
  /** Columns that its rows do not have are left out of the file. */
  is_sparse?: boolean;
}

/** What an artifact's file says of itself in its footer. */
export function footerNotes(
  { type, version }: ArtifactDefinition,
  run_id: string,
): Record<string, string> {
  return { [VERSION_KEY]: String(version), "ledger.artifact_type": type, "ledger.run_id": run_id };
}

/** `"whole?"` is a column that may be null, or not be there at all. */
type Declared = readonly [
  kind: ValueKind | `${ValueKind}?`,
  description: string,
  facts?: ColumnFacts,
];

type Columns = Readonly<Record<string, Declared>>;

/** What a definition says, and its columns as they were declared. */
type Defined<Of extends Columns> = Omit<ArtifactDefinition, "type"> & { declared?: Of };

/** A column, with the type that its kind is stored as. */
export function columnOf(
  name: string,
  declared: Declared[0],
  facts: ColumnFacts & { description: string },
): ArtifactColumn {
  const kind = declared.replace("?", "") as ValueKind;
  return { name, kind, type: COLUMN_TYPE_OF[kind], nullable: declared.endsWith("?"), ...facts };
}

function define<const Of extends Columns>(
  path: string,
  summary: string,
  columns: Of,
  others: Partial<Omit<ArtifactDefinition, "type" | "path" | "summary" | "columns">> = {},
): Defined<Of> {
  return {
    version: ARTIFACT_SCHEMA_VERSION,
    path,
    summary,
    is_single_row: false,
    is_open: false,
    takes_objects: false,
    ...others,
    columns: Object.entries(columns).map(([name, [declared, description, facts]]) =>
      columnOf(name, declared, { description, ...facts })
    ),
  };
}

const RUN_ID = ["run_id", "the run that this row belongs to"] as const;
const CALL_ID = ["text", "the call, as in alerts"] as const;
/** Prices, and what is made of them by division. */
const PRICE = { bounds: { above: 0 } } as const;
const COUNT = { bounds: { min: 0 } } as const;
const DURATION_MS = { unit: "ms", bounds: { min: 0 } } as const;
const RATE = { unit: "fraction", bounds: { min: 0, max: 1 } } as const;
/** A loss of more than all that was staked is possible, with borrowed money. */
const RETURN_BPS = { unit: "bps", usual: { min: -10_000 } } as const;
const DRAWDOWN_BPS = { unit: "bps", usual: { min: -10_000, max: 10_000 } } as const;
const CAPTURE = { unit: "fraction", usual: { max: 1 } } as const;
/** A whole is 1; a loss of more than all is possible, with borrowed money. */
const RETURN = { unit: "fraction", usual: { min: -1, max: 10 } } as const;
const MONEY = { unit: "currency of the account" } as const;
const WORTH = { ...MONEY, usual: { above: 0 } } as const;

/** When the row holds. */
const TS_MS = ["time", "milliseconds since 1970 UTC", { unit: "ms" }] as const;

/** The built-in types, with their columns as they were declared. */
export const DEFINITIONS = {
  alerts: define("inputs/alerts.parquet", "the calls that went into the run", {
    call_id: ["text", "the call's id, which the other artifacts refer to"],
    mint: ["text", "address of the token"],
    caller_name: ["text", "who made the call"],
    chain: ["text", "the chain that the token lives on"],
    alert_ts_ms: ["time", "when the call was made, milliseconds since 1970 UTC"],
    created_at: ["text", "when the call was recorded, ISO 8601"],
  }, { usual_key: ["call_id"] }),
  paths: define(
    "truth/paths.parquet",
    "what the market did after each call: multiples, drawdowns, times",
    {
      run_id: RUN_ID,
      call_id: CALL_ID,
      caller_name: ["text", "who made the call"],
      mint: ["text", "address of the token"],
      chain: ["text", "the chain that the token lives on"],
      interval: ["text", "length of the candles that were looked at, such as 5m"],
      alert_ts_ms: ["time", "when the call was made, milliseconds since 1970 UTC"],
      p0: ["number", "price at the call", PRICE],
      hit_2x: ["flag", "whether the price doubled"],
      t_2x_ms: ["whole?", "milliseconds from the call until it did", DURATION_MS],
      hit_3x: ["flag", "whether the price tripled"],
      t_3x_ms: ["whole?", "milliseconds from the call until it did", DURATION_MS],
      hit_4x: ["flag", "whether the price quadrupled"],
      t_4x_ms: ["whole?", "milliseconds from the call until it did", DURATION_MS],
      dd_bps: ["number", "deepest drawdown, basis points", DRAWDOWN_BPS],
      dd_to_2x_bps: [
        "number?",
        "deepest drawdown before the price doubled, basis points",
        DRAWDOWN_BPS,
      ],
      alert_to_activity_ms: [
        "whole?",
        "milliseconds from the call to the first trade after it",
        DURATION_MS,
      ],
      peak_multiple: ["number", "highest price as a multiple of p0", PRICE],
    },
    {
      usual_key: ["call_id", "interval"],
      rules: [
        { verdict: "odd", relation: "known_if", of: ["t_2x_ms", "hit_2x"] },
        { verdict: "odd", relation: "known_if", of: ["t_3x_ms", "hit_3x"] },
        { verdict: "odd", relation: "known_if", of: ["t_4x_ms", "hit_4x"] },
        { verdict: "odd", relation: "at_least", of: ["t_3x_ms", "t_2x_ms"] },
        { verdict: "odd", relation: "at_least", of: ["t_4x_ms", "t_3x_ms"] },
      ],
    },
  ),
  features: define(
    "features/features.parquet",
    "what was derived from each call: any columns of numbers, texts, flags and JSON objects",
    { run_id: RUN_ID, call_id: CALL_ID },
    { is_open: true, takes_objects: true },
  ),
  trades: define(
    "policy/trades.parquet",
    "what the policy did with each call: entry, exit, result",
    {
      run_id: RUN_ID,
      policy_id: ["text?", "the policy that traded"],
      call_id: CALL_ID,
      entry_ts_ms: ["time", "time of entry, milliseconds since 1970 UTC"],
      entry_px: ["number", "price of entry", PRICE],
      exit_ts_ms: ["time", "time of exit, milliseconds since 1970 UTC"],
      exit_px: ["number", "price of exit", PRICE],
      exit_reason: ["text?", "why the position was closed"],
      realized_return_bps: ["number", "return, basis points", RETURN_BPS],
      stop_out: ["flag", "whether the stop closed it"],
      max_adverse_excursion_bps: ["number", "the worst it stood at, basis points", DRAWDOWN_BPS],
      time_exposed_ms: ["whole", "how long it was open, milliseconds", DURATION_MS],
      tail_capture: ["number?", "share of the peak that was taken", CAPTURE],
    },
    {
      rules: [
        { verdict: "impossible", relation: "at_least", of: ["exit_ts_ms", "entry_ts_ms"] },
        {
          verdict: "odd",
          relation: "difference",
          of: ["time_exposed_ms", "exit_ts_ms", "entry_ts_ms"],
        },
      ],
    },
  ),
  summary: define(
    "results/summary.parquet",
    "the run in one row: these (path-only and policy runs have them all), and any further metrics",
    {
      run_id: RUN_ID,
      calls_processed: ["whole", "calls that were simulated", COUNT],
      calls_excluded: ["whole", "calls that were left out", COUNT],
      trades_count: ["whole", "trades that were made", COUNT],
      avg_return_bps: ["number", "mean return, basis points", RETURN_BPS],
      median_return_bps: ["number", "median return, basis points", RETURN_BPS],
      stop_out_rate: ["number", "share of trades that the stop closed", RATE],
      avg_max_adverse_excursion_bps: [
        "number",
        "mean of the worst excursions, basis points",
        DRAWDOWN_BPS,
      ],
      avg_time_exposed_ms: [
        "number",
        "mean time that a position was open, milliseconds",
        DURATION_MS,
      ],
      avg_tail_capture: ["number?", "mean share of the peak that was taken", CAPTURE],
      median_tail_capture: ["number?", "median share of the peak that was taken", CAPTURE],
    },
    { is_single_row: true, is_open: true },
  ),
  frontier: define(
    "results/frontier.parquet",
    "policies that an optimization tried, and how each did for each caller",
    {
      run_id: RUN_ID,
      caller_name: ["text", "whose calls the policy was tried on"],
      policy_params: ["object", "the policy's parameters"],
      meets_constraints: ["flag", "whether the policy keeps to the limits that were set"],
      objective_score: ["number", "what was maximized"],
      avg_return_bps: ["number", "mean return, basis points", RETURN_BPS],
      median_return_bps: ["number", "median return, basis points", RETURN_BPS],
      stop_out_rate: ["number", "share of trades that the stop closed", RATE],
      rank: ["whole?", "place by score, 1 is best", { bounds: { min: 1 } }],
    },
  ),
  errors: define("errors/errors.parquet", "errors and warnings of the run", {
    run_id: RUN_ID,
    timestamp: ["text", "when it happened, ISO 8601"],
    level: ["level", LEVELS.join(", ")],
    phase: ["text", "the phase of the run that it happened in"],
    call_id: ["text?", "the call that it is about"],
    message: ["text", "what happened"],
    details: ["object?", "whatever else is known"],
  }),
  equity: define("results/equity.parquet", "what the account was worth over time", {
    run_id: RUN_ID,
    ts_ms: TS_MS,
    equity: ["number", "what the account was worth", WORTH],
    return: ["number?", "return since the row before, 0.01 is 1 %", RETURN],
    drawdown: ["number?", "how far below the highest equity so far", {
      unit: "fraction",
      usual: { min: -1, max: 1 },
    }],
    exposure: ["number?", "what was invested, as a share of equity", {
      unit: "fraction",
      usual: { min: -20, max: 20 },
    }],
    benchmark: ["number?", "what the same account was worth in the benchmark", WORTH],
  }, { key: ["ts_ms"], order: ["ts_ms"] }),
  returns: define("results/returns.parquet", "the return of each period", {
    run_id: RUN_ID,
    ts_ms: TS_MS,
    return: ["number", "return of the period that ends here, 0.01 is 1 %", RETURN],
  }, { key: ["ts_ms"], order: ["ts_ms"] }),
  positions: define("policy/positions.parquet", "what was held, by time and symbol", {
    run_id: RUN_ID,
    ts_ms: TS_MS,
    symbol: ["text", "what was held"],
    quantity: ["number", "how much of it; below zero it is sold short"],
    price: ["number?", "price of one", PRICE],
    value: ["number?", "what the position was worth", MONEY],
  }, { key: ["ts_ms", "symbol"], order: ["ts_ms"] }),
  metrics: define("results/metrics.parquet", "numbers by name and step, such as a loss by epoch", {
    run_id: RUN_ID,
    name: ["text", "what was measured"],
    step: ["whole", "the step, epoch or window that it was measured at"],
    value: ["number", "what it came to"],
    ts_ms: ["time?", "when, milliseconds since 1970 UTC", { unit: "ms" }],
  }),
};

/** The name of a built-in artifact type. */
export type ArtifactType = keyof typeof DEFINITIONS;

/** The built-in artifact types, in the order in which a run makes them. */
export const ARTIFACT_TYPES = Object.keys(DEFINITIONS) as ArtifactType[];

/** All about a built-in artifact type. */
export function artifactDefinition(type: ArtifactType): ArtifactDefinition {
  return { type, ...DEFINITIONS[type] };
}

/** Whether a name is that of a built-in artifact type. */
export function isArtifactType(name: string): name is ArtifactType {
  return Object.hasOwn(DEFINITIONS, name);
}
