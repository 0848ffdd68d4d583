/** Chains through what is stored, where a correlation is too large to be loaded for them. */
import { assert, assertEquals } from "@std/assert";
import { trace_path_events_max, trace_path_steps_max } from "../../src/base/limits.ts";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { type TraceFilter, wantedBy } from "../../src/trace/event/filter.ts";
import { findCausationPath } from "../../src/trace/ask/lineage.ts";
import { loadCauses } from "../../src/trace/ask/lineage_queries.ts";
import { traced } from "./events.ts";
import { idsOf } from "./stores.ts";

const LARGE = 10 * trace_path_events_max;
const DEEP = trace_path_steps_max + 5;

/** A large correlation with a short chain, a deep one, a circle, an id twice, and ways in and out. */
function largeTraces(): TracedEvent[] {
  const events: TracedEvent[] = [];
  const add = (event_id: string, causation_id = "", correlation_id = "large") =>
    void events.push(traced({ event_type: "STEP", event_id, causation_id, correlation_id }));
  for (let at = 0; at < LARGE; at++) add(`x${at}`);
  for (let at = 0; at < DEEP; at++) add(`deep${at}`, at === 0 ? "" : `deep${at - 1}`);
  add("signal");
  add("order", "signal");
  add("fill", "order");
  add("a", "b");
  add("b", "a");
  add("twice");
  add("twice");
  add("after", "twice");
  add("cut", "nowhere");
  add("other", "order", "small");
  add("back", "other");
  add("deep back", `deep${DEEP - 1}`, "small");
  return events;
}

/** Answers questions, and counts the events in its answers. */
function asked(events: readonly TracedEvent[]) {
  const answered = {
    events: 0,
    ask: (filter: TraceFilter) => {
      const found = events.filter(wantedBy(filter)).slice(0, filter.limit);
      answered.events += found.length;
      return Promise.resolve(found);
    },
  };
  return answered;
}

Deno.test("a chain through a large correlation is the same as through a small one", async () => {
  const { ask } = asked(largeTraces());
  const pathTo = async (event_id: string) =>
    findCausationPath(await loadCauses(ask, event_id), event_id);
  const fill = await pathTo("fill");
  assertEquals([idsOf(fill.path), fill.end], [["signal", "order", "fill"], "root"]);
  const deep = await pathTo(`deep${DEEP - 1}`);
  assertEquals(idsOf(deep.path), Array.from({ length: DEEP }, (_, at) => `deep${at}`));
  assertEquals([deep.end, deep.repeated], ["root", []]);
  assertEquals((await pathTo("a")).cycle, ["b", "a"]);
  assertEquals((await pathTo("after")).repeated, [{ event_id: "twice", events: 2 }]);
  assertEquals((await pathTo("cut")).missing_cause, "nowhere");
  assertEquals((await pathTo("none")).end, "absent");
  const back = await pathTo("back");
  assertEquals(idsOf(back.path), ["signal", "order", "other", "back"]);
  assertEquals(back.crossings.length, 2);
  assertEquals((await pathTo("deep back")).path.length, DEEP + 1);
});

Deno.test("a short chain through a large correlation loads little of it, a deep one all of it once", async () => {
  const traces = asked(largeTraces());
  await loadCauses(traces.ask, "fill");
  assert(traces.events < 2 * trace_path_events_max, `${traces.events}`);
  traces.events = 0;
  await loadCauses(traces.ask, `deep${DEEP - 1}`);
  assert(traces.events < LARGE + 2 * trace_path_events_max, `${traces.events}`);
});
