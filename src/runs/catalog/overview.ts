/** What there is to ask of the catalog, and of the alerts. */
import { ARTIFACT_TYPES, artifactDefinition } from "../artifacts/definitions.ts";

/** The views over all runs' artifacts: made when a query names them, so no catalog lists them. */
export function describeArtifactViews(): { name: string; kind: string; columns: string }[] {
  return ARTIFACT_TYPES.map((type) => {
    const names = artifactDefinition(type).columns.map(({ name }) => name);
    if (!names.includes("run_id")) names.push("run_id");
    if (artifactDefinition(type).is_open) names.push("…");
    return { name: type, kind: "view", columns: names.join(", ") };
  });
}

/** Queries that are worth beginning with, each with what it answers. */
export const EXAMPLE_QUERIES: Readonly<
  Record<"catalog" | "alerts", readonly { sql: string; shows: string }[]>
> = {
  catalog: [
    {
      sql: "select run_id, run_type, status, created_at from backtest_runs_catalog " +
        "order by created_at desc limit 10",
      shows: "the latest runs that ended",
    },
    {
      sql: "select run_id, avg_return_bps, parameters from run_summaries " +
        "order by avg_return_bps desc nulls last limit 10",
      shows: "the best of them, and what they ran with",
    },
    { sql: "select run_path, reason from runs_skipped", shows: "what is not catalogued, and why" },
    {
      sql:
        "select run_id, count(*) as trades, avg(realized_return_bps) as avg_return from trades " +
        "group by run_id order by avg_return desc",
      shows: "policies side by side, over all their trades",
    },
    {
      sql: "select caller_name, count(*) as calls, avg(hit_2x::int) as hit_rate_2x, " +
        "avg(peak_multiple) as avg_peak from paths group by caller_name order by hit_rate_2x desc",
      shows: "the best callers",
    },
  ],
  alerts: [
    {
      sql: "select * from alerts order by alert_ts_ms desc limit 10",
      shows: "the latest calls, and the runs that used them",
    },
    {
      sql: "select caller_name, count(*) as calls, sum(run_count) as uses from alerts " +
        "group by caller_name order by calls desc",
      shows: "who made how many",
    },
  ],
};
