/** The trades that lost most, and what led to each: from its fill back to where it began. */
import { counted, shellQuoted } from "../../base/format.ts";
import { report_losses_max, report_path_steps_max } from "../../base/limits.ts";
import type { Loss, LossLineage, ReportData } from "../gather/data.ts";
import { askLosses } from "../gather/queries.ts";
import { bpsFigure, durationFigure, timeFigure } from "./figures.ts";
import { identifier, type Markup, markup, named, type Piece } from "./markup.ts";
import { tradesAsks } from "./policies.ts";
import { type Ask, foundOr, leftOut, note, pairs, section, table } from "./section.ts";

/** The section. */
export function lossesSection(
  { trades, ledger_dir, named: selected, ...found }: ReportData,
): Markup {
  const lead =
    "The trades that lost most, each with the chain of causes that ended in its fill. A " +
    "fill belongs to a trade when it is in a correlation of the trade's run and has the trade's " +
    "call_id in its data; of several, the one nearest to the exit is followed.";
  return section(
    "losses",
    "What led to the largest losses",
    lead,
    found.losses,
    ({ losses, losses_total }) => {
      if (losses.length === 0) return markup`<p class="missing">No trade lost anything.</p>`;
      const paths = losses.flatMap(({ lineage }): Ask[] =>
        lineage.kind === "there"
          ? [[
            "What led to the first fill",
            `ledger trace path ${shellQuoted(lineage.value.fill_id)}`,
          ]]
          : []
      );
      return [
        markup`<ol class="losses">${losses.map(lossOf)}</ol>`,
        leftOut(losses.length, losses_total, "$ losing trades, those that lost most"),
        trades.kind === "there" && tradesAsks(
          trades.value,
          ledger_dir,
          "The trades that lost most",
          (place) => askLosses(place, report_losses_max, selected),
          paths.slice(0, 1),
        ),
      ];
    },
  );
}

function lossOf(loss: Loss): Markup {
  const { call_id, policy_id } = loss;
  return markup`<li class="card">
    <h3>${bpsFigure(loss.realized_return_bps)} bps, call ${named(call_id, 40)}</h3>
    ${
    pairs("facts", {
      "Call": identifier(call_id, 60),
      "Run": identifier(loss.run_id, 60),
      "Policy": policy_id === null ? "none" : identifier(policy_id, 60),
      "Entered": timeFigure(loss.entry_ts_ms),
      "Left": timeFigure(loss.exit_ts_ms),
      "Because of": loss.exit_reason === null ? null : named(loss.exit_reason, 60),
      "Worst it stood, bps": bpsFigure(loss.max_adverse_excursion_bps),
    })
  }${foundOr(loss.lineage, lineageOf)}</li>`;
}

function lineageOf(lineage: LossLineage): Piece {
  const { steps, fills, correlation_id, fill_id } = lineage;
  const half = report_path_steps_max / 2;
  const is_cut = steps.length > report_path_steps_max;
  const shown = is_cut ? [...steps.slice(0, half), ...steps.slice(-half)] : steps;
  const chain = shown.map(({ event_type, hop_ms }, index) => [
    is_cut && index === half && markup`<li class="gap">…</li>`,
    markup`<li>${named(event_type, 30)}${
      hop_ms !== null && markup`<span class="hop">+${durationFigure(hop_ms)}</span>`
    }</li>`,
  ]);
  return [
    markup`<ol class="chain" aria-label="Chain of causes">${chain}</ol>`,
    table(`From the origin to fill ${fill_id.slice(0, 60)}`, shown, {
      "Step": ({ step }) => step,
      "Type": ({ event_type }) => named(event_type, 40),
      "Event": ({ event_id }) => identifier(event_id, 60),
      "Source": ({ source_container }) => source_container && named(source_container, 40),
      "Market time": ({ timestamp }) => timeFigure(Math.floor(timestamp / 1000)),
      "Wall time": ({ created_at }) => created_at && timeFigure(Math.floor(created_at / 1000)),
    }, {
      "After": ({ hop_ms }) => durationFigure(hop_ms),
      "In all": ({ since_origin_ms }) => durationFigure(since_origin_ms),
    }),
    note([
      markup`Correlation ${identifier(correlation_id, 60)}. ${endWords(lineage)}`,
      is_cut && ` Shown: the first and the last ${half} of ${steps.length} steps.`,
      fills > 1 && ` The call has ${counted(fills, "fill")} in it.`,
    ]),
  ];
}

function endWords({ end, missing_cause, logged_cause }: LossLineage): Piece {
  if (logged_cause) {
    return markup`It began with ${named(logged_cause.event_type, 40)} of run ${
      identifier(logged_cause.run_id ?? "", 60)
    } in the log.`;
  }
  switch (end) {
    case "root":
      return "It begins with an event that nothing caused.";
    case "missing_cause":
      return markup`It is cut: the cause ${identifier(missing_cause ?? "", 60)} was not traced.`;
    case "cycle":
      return "It runs in a circle: an event is among its own causes.";
    case "absent":
      return "The fill went away while it was looked for.";
  }
}
