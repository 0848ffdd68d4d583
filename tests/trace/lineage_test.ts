import { assertEquals } from "@std/assert";
import { findCausationPath, Lineage } from "../../src/trace/ask/lineage.ts";
import { chain, traced } from "./events.ts";

const DEEP = 100_000;

const idsOf = (events: readonly { event_id: string }[]) => events.map(({ event_id }) => event_id);

function event(event_id: string, causation_id = "", correlation_id = "c") {
  return traced({ event_id, event_type: "BAR", causation_id, correlation_id });
}

Deno.test("the way from a fill back to its signal has three events, the signal first", () => {
  const signal = traced({ event_type: "SIGNAL" });
  const order = traced({ event_type: "ORDER", causation_id: signal.event_id });
  const fill = traced({ event_type: "FILL", causation_id: order.event_id });
  const { path, end } = findCausationPath([fill, signal, order], fill.event_id);
  assertEquals(path, [signal, order, fill]);
  assertEquals(end, "root");
});

Deno.test("an event that nothing caused is its own origin; one that is not there has no path", () => {
  assertEquals(findCausationPath([event("a")], "a").end, "root");
  assertEquals(findCausationPath([event("a")], "b"), {
    path: [],
    end: "absent",
    repeated: [],
    crossings: [],
  });
});

Deno.test("a chain of 100,000 is walked back, forth, and for its problems", () => {
  const events = chain(DEEP);
  const { path, end } = findCausationPath(events.toReversed(), `e${DEEP - 1}`);
  assertEquals([path.length, path[0].event_id, end], [DEEP, "e0", "root"]);
  const lineage = new Lineage(events);
  const lines = [...lineage.treeOf(events[0])];
  assertEquals([lines.length, lines.at(-1)!.depth], [DEEP, DEEP - 1]);
  assertEquals(lineage.problems(), { orphans: [], cycles: [], repeated: [], crossings: [] });
  assertEquals(lineage.roots(), [events[0]]);
});

Deno.test("a cause that is not there ends the path and makes an orphan", () => {
  const events = [event("b", "a"), event("c", "b")];
  const path = findCausationPath(events, "c");
  assertEquals([idsOf(path.path), path.end, path.missing_cause], [
    ["b", "c"],
    "missing_cause",
    "a",
  ]);
  assertEquals(idsOf(new Lineage(events).problems().orphans), ["b"]);
  assertEquals(idsOf(new Lineage(events).roots()), ["b"]);
});

Deno.test("a circle ends the path where it closes, and is told once", () => {
  const events = [event("a", "c"), event("b", "a"), event("c", "b"), event("d", "c")];
  const path = findCausationPath(events, "d");
  assertEquals([idsOf(path.path), path.end], [["a", "b", "c", "d"], "cycle"]);
  assertEquals(path.cycle, ["a", "b", "c"]);
  const lineage = new Lineage(events);
  assertEquals(lineage.problems().cycles.map((cycle) => cycle.toSorted()), [["a", "b", "c"]]);
  const [root, ...others] = lineage.roots();
  assertEquals(others, []);
  assertEquals(idsOf([...lineage.treeOf(root)].map((line) => line.event)).sort(), [
    "a",
    "b",
    "c",
    "d",
  ]);
});

Deno.test("an event that names itself as its cause is a circle of one", () => {
  const path = findCausationPath([event("a", "a")], "a");
  assertEquals([idsOf(path.path), path.end, path.cycle], [["a"], "cycle", ["a"]]);
});

Deno.test("of several events with one id, the one of the same correlation is the cause", () => {
  const other = event("a", "", "other");
  const own = event("a", "", "c");
  const effect = event("b", "a", "c");
  const path = findCausationPath([other, own, effect], "b");
  assertEquals(path.path, [own, effect]);
  assertEquals(path.repeated, [{ event_id: "a", events: 2 }]);
  assertEquals(path.crossings, []);
  assertEquals(new Lineage([other, own, effect]).problems().repeated, path.repeated);
});

Deno.test("an event does not become its own cause when another one has its id", () => {
  const first = event("a", "", "c");
  const second = event("a", "a", "c");
  assertEquals(new Lineage([second, first]).causeOf(second), first);
});

Deno.test("a cause in another correlation is followed, and the crossing told", () => {
  const cause = event("a", "", "monday");
  const effect = event("b", "a", "tuesday");
  const { path, end, crossings } = findCausationPath([effect, cause], "b");
  assertEquals([path, end], [[cause, effect], "root"]);
  assertEquals(crossings, [{
    event_id: "b",
    correlation_id: "tuesday",
    causation_id: "a",
    cause_correlation_id: "monday",
  }]);
  assertEquals(new Lineage([effect, cause]).problems().crossings, crossings);
});

Deno.test("a tree has effects below their cause, in the order they came", () => {
  const events = [event("a"), event("b", "a"), event("d", "b"), event("c", "a")];
  const lines = [...new Lineage(events).treeOf(events[0])];
  assertEquals(lines.map(({ event, depth, is_last }) => [event.event_id, depth, is_last]), [
    ["a", 0, true],
    ["b", 1, false],
    ["d", 2, true],
    ["c", 1, true],
  ]);
});
