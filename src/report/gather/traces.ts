/** What traces add: how long events took, and what led to the trades that lost most. */
import { report_losses_max, report_types_max } from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import { pathSteps } from "../../trace/ask/lineage.ts";
import type { TracedEvent } from "../../trace/event/event.ts";
import {
  type Found,
  type LatencyData,
  type LossesData,
  type LossLineage,
  missing,
  there,
} from "./data.ts";
import { CORRELATIONS, LOSSES } from "./queries.ts";
import { attempt, rowsOf, type Sources } from "./sources.ts";

/** The type of the events in which an order was carried out. */
const FILL = "FILL";
/** The member of a fill's data that says which call it belongs to. */
const CALL = "call_id";

const NO_TRACES: Found<never> = missing(
  "No event has been traced yet.",
  "ledger trace ingest traces.ndjson",
);

/** The correlations of runs: those that the log links with them, and those of the same name. */
async function correlationsOf(
  sources: Sources,
  run_ids: readonly string[],
): Promise<Map<string, Set<string>>> {
  const correlations = new Map(run_ids.map((run_id) => [run_id, new Set([run_id])]));
  if (sources.index.kind !== "there") return correlations;
  const rows = await rowsOf<{ run_id: string; correlation_id: string }>(
    sources.index.value,
    CORRELATIONS,
    [JSON.stringify(run_ids)],
  );
  for (const { run_id, correlation_id } of rows) correlations.get(run_id)!.add(correlation_id);
  return correlations;
}

/** How long events took, by type. */
export async function gatherLatencies(
  sources: Sources,
  named?: readonly string[],
): Promise<Found<LatencyData>> {
  const { traces } = sources.ledger;
  if (!sources.world.files.facts(traces.dir)) return NO_TRACES;
  const correlations = named && [...(await correlationsOf(sources, named)).values()]
    .flatMap((of_run) => [...of_run]);
  const types = await traces.typeLatencies({ correlation_ids: correlations });
  if (types.length === 0) {
    return correlations === undefined ? NO_TRACES : missing(
      "No traced event belongs to these runs: neither is one of their ids a correlation, " +
        "nor does an event of theirs in the log name one.",
      "ledger emit run.started --run-id my-run --correlation-id my-correlation",
    );
  }
  const by_count = types.toSorted((a, b) => b.events - a.events);
  return there({
    types: by_count.slice(0, report_types_max),
    types_total: types.length,
    events: types.reduce((sum, { events }) => sum + events, 0),
    correlations: correlations && new Set(correlations).size,
  });
}

type LossRow = Omit<LossesData["losses"][number], "lineage">;

/** The trades that lost most, each with the chain that ended in its fill. */
export async function gatherLosses(
  sources: Sources,
  trades: Database,
  losses_total: number,
): Promise<LossesData> {
  const rows = await rowsOf<LossRow>(trades, LOSSES, [report_losses_max]);
  const run_ids = [...new Set(rows.map(({ run_id }) => run_id))];
  const correlations = await correlationsOf(sources, run_ids);
  const losses = [];
  for (const row of rows) {
    const of_run = [...correlations.get(row.run_id)!];
    losses.push({ ...row, lineage: await attempt(() => lineageOf(sources, row, of_run)) });
  }
  return { losses, losses_total };
}

async function lineageOf(
  sources: Sources,
  loss: LossRow,
  correlation_ids: readonly string[],
): Promise<Found<LossLineage>> {
  const { traces } = sources.ledger;
  if (!sources.world.files.facts(traces.dir)) return NO_TRACES;
  const fills = await traces.query({
    correlation_ids,
    event_types: [FILL],
    data: { [CALL]: loss.call_id },
  });
  if (fills.length === 0) {
    return missing(
      `No traced ${FILL} of this run has the trade's ${CALL} in its data.`,
      "ledger trace ingest traces.ndjson",
    );
  }
  const fill = nearestTo(loss.exit_ts_ms * 1000, fills);
  const { path, end, missing_cause } = await traces.path(fill.event_id);
  const logged_cause = missing_cause && await traces.loggedEvent(missing_cause);
  return there({
    fill_id: fill.event_id,
    fills: fills.length,
    correlation_id: fill.correlation_id,
    steps: pathSteps(path),
    end,
    missing_cause,
    logged_cause: (logged_cause || undefined) as LossLineage["logged_cause"],
  });
}

/** A call is entered and left: of its fills, the one by which it was left is the last to be wanted. */
function nearestTo(time_us: number, fills: readonly TracedEvent[]): TracedEvent {
  const distance = ({ timestamp }: TracedEvent) => Math.abs(timestamp - time_us);
  return fills.reduce((best, fill) => distance(fill) <= distance(best) ? fill : best);
}
