/** The trades that lost most, and what led to each: from its fill back to where it began. */
import { report_losses_max, report_path_steps_max } from "../../base/limits.ts";
import { counted, shellQuoted } from "../../base/format.ts";
import type { PathStep } from "../../trace/ask/lineage.ts";
import type { Found, Loss, LossesData, LossLineage, TradesData } from "../gather/data.ts";
import { bpsFigure, durationFigure, timeFigure } from "./figures.ts";
import { html, identifier, type Markup, named, type Piece } from "./markup.ts";
import { tradesPlaces } from "./policies.ts";
import { askLosses } from "../gather/queries.ts";
import { asks, foundOr, leftOut, pairs, queryLine, right, section, table } from "./section.ts";

/** The section. */
export function lossesSection(
  found: Found<LossesData>,
  trades: Found<TradesData>,
  ledger_dir: string,
  selected?: readonly string[],
): Markup {
  const head = {
    id: "losses",
    title: "What led to the largest losses",
    lead:
      "The trades that lost most, each with the chain of causes that ended in its fill. A fill " +
      "belongs to a trade when it is in a correlation of the trade's run and has the trade's call_id " +
      "in its data; of several, the one nearest to the exit is followed.",
  };
  return section(head, found, ({ losses, losses_total }) => {
    if (losses.length === 0) return html`<p class="missing">No trade lost anything.</p>`;
    const places = trades.kind === "there" ? tradesPlaces(trades.value, ledger_dir) : [];
    return html`<ol class="losses">${losses.map(lossOf)}</ol>
${leftOut(losses.length, losses_total, "$ losing trades, those that lost most")}
${
      asks([
        ...places.map(({ place, database, shows }) => ({
          shows: `The trades that lost most${shows}`,
          line: queryLine(askLosses(place, report_losses_max, selected), database),
        })),
        ...losses.flatMap(({ lineage }) => lineage.kind === "there" ? [lineage.value.fill_id] : [])
          .slice(0, 1).map((fill_id) => ({
            shows: "What led to the first fill",
            line: `ledger trace path ${shellQuoted(fill_id)}`,
          })),
      ])
    }`;
  });
}

function lossOf(loss: Loss): Markup {
  const facts: [string, Piece][] = [
    ["Call", identifier(loss.call_id, 60)],
    ["Run", identifier(loss.run_id, 60)],
    ["Policy", loss.policy_id === null ? "none" : identifier(loss.policy_id, 60)],
    ["Entered", timeFigure(loss.entry_ts_ms)],
    ["Left", timeFigure(loss.exit_ts_ms)],
    ["Because of", named(loss.exit_reason, 60)],
    ["Worst it stood, bps", bpsFigure(loss.max_adverse_excursion_bps)],
  ];
  return html`<li class="card"><h3>${bpsFigure(loss.realized_return_bps)} bps, call ${
    named(loss.call_id, 40)
  }</h3>
${pairs("facts", facts)}
${foundOr(loss.lineage, lineageOf)}</li>`;
}

function lineageOf(lineage: LossLineage): Markup {
  const { steps, fills, correlation_id, fill_id } = lineage;
  const half = report_path_steps_max / 2;
  const is_cut = steps.length > report_path_steps_max;
  const shown = is_cut ? [...steps.slice(0, half), ...steps.slice(-half)] : steps;
  const chain = shown.map((step, index) =>
    html`${is_cut && index === half && html`<li class="gap">…</li>`}<li>${
      named(step.event_type, 30)
    }${
      step.hop_ms !== null && html`
        <span class="hop">+${durationFigure(step.hop_ms)}</span>
      `
    }</li>`
  );
  return html`<ol class="chain" aria-label="Chain of causes">${chain}</ol>
${
    table(`From the origin to fill ${fill_id.slice(0, 60)}`, [
      "Step",
      "Type",
      "Event",
      "Source",
      "Time",
      ...right("After", "In all"),
    ], shown.map(stepRow))
  }
<p class="note">Correlation ${identifier(correlation_id, 60)}. ${endWords(lineage)}${
    is_cut && ` Shown: the first and the last ${half} of ${steps.length} steps.`
  }${fills > 1 && ` The call has ${counted(fills, "fill")} in it.`}</p>`;
}

function stepRow(step: PathStep): Piece[] {
  return [
    step.step,
    named(step.event_type, 40),
    identifier(step.event_id, 60),
    named(step.source_container, 40),
    timeFigure(Math.floor(step.timestamp / 1000)),
    durationFigure(step.hop_ms),
    durationFigure(step.since_origin_ms),
  ];
}

function endWords({ end, missing_cause, logged_cause }: LossLineage): Piece {
  if (logged_cause) {
    return html`It began with ${named(logged_cause.event_type, 40)} of run ${
      identifier(logged_cause.run_id ?? "", 60)
    } in the log.`;
  }
  switch (end) {
    case "root":
      return "It begins with an event that nothing caused.";
    case "missing_cause":
      return html`It is cut: the cause ${identifier(missing_cause ?? "", 60)} was not traced.`;
    case "cycle":
      return "It runs in a circle: an event is among its own causes.";
    case "absent":
      return "The fill went away while it was looked for.";
  }
}
