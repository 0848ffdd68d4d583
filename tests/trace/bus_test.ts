import { assertEquals } from "@std/assert";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import {
  BusMessage,
  currentEvent,
  type EventBus,
  TracedEventBus,
} from "../../src/trace/record/bus.ts";
import { Tracer } from "../../src/trace/record/tracer.ts";
import { testWorld } from "../harness.ts";

const world = testWorld();
const turn = () => new Promise((resolve) => setImmediate(resolve));

function tracedBus() {
  const tracer = new Tracer(world);
  const bus = new TracedEventBus("bus", tracer);
  bus.setCorrelationId("c");
  const causes = () => {
    const events = tracer.recent("c");
    const nameOf = new Map(events.map((event) => [event.event_id, event.data.name]));
    return Object.fromEntries(
      events.map((event) => [event.data.name, nameOf.get(event.causation_id) ?? ""]),
    );
  };
  return { tracer, bus, causes };
}

Deno.test("what a handler publishes was caused by what it handles, on and on", () => {
  const { bus, causes } = tracedBus();
  bus.subscribe("SIGNAL", () => bus.publish({ event_type: "ORDER", data: { name: "order" } }));
  bus.subscribe("ORDER", () => bus.publish({ event_type: "FILL", data: { name: "fill" } }));
  bus.publish({ event_type: "SIGNAL", data: { name: "signal" } });
  bus.publish({ event_type: "BAR", data: { name: "bar" } });
  assertEquals(causes(), { signal: "", order: "signal", fill: "order", bar: "" });
  assertEquals(currentEvent(), undefined);
});

Deno.test("the cause is right after an await, however many handlers are at work", async () => {
  const { bus, causes } = tracedBus();
  const done: Promise<void>[] = [];
  bus.subscribe("SIGNAL", (signal) => {
    const name = signal.data!.name as number;
    const work = (async () => {
      // The later it was published the sooner it goes on.
      for (let turns = 10 - name; turns > 0; turns--) await turn();
      bus.publish({ event_type: "ORDER", data: { name: `order ${name}` } });
      await turn();
      bus.publish({ event_type: "FILL", data: { name: `fill ${name}` } });
    })();
    done.push(work);
    return work;
  });
  for (let name = 0; name < 10; name++) bus.publish({ event_type: "SIGNAL", data: { name } });
  await Promise.all(done);
  const expected = Object.fromEntries(
    Array.from({ length: 10 }, (_, name) => [
      [name, ""],
      [`order ${name}`, name],
      [`fill ${name}`, name],
    ]).flat(),
  );
  assertEquals(causes(), expected);
});

Deno.test("processing ends with the last handler; the first one receives", async () => {
  const { tracer, bus } = tracedBus();
  const { promise, resolve } = Promise.withResolvers<void>();
  bus.subscribe("BAR", () => promise);
  bus.subscribe("BAR", () => {});
  const event = bus.publish({ event_type: "BAR" })!;
  assertEquals([event.received_at === null, event.processed_at], [false, null]);
  resolve();
  await promise;
  await turn();
  assertEquals(event.processed_at! >= event.received_at!, true);
  assertEquals(tracer.recent("c"), [event]);
});

Deno.test("an event without a listener is traced, and was never received", () => {
  const { bus } = tracedBus();
  const event = bus.publish({ event_type: "BAR" })!;
  assertEquals([event.received_at, event.processed_at], [null, null]);
});

Deno.test("a handler that fails has ended too, and its error goes where it would have gone", async () => {
  const { bus } = tracedBus();
  bus.subscribe("BAR", () => Promise.reject(new Error("late")));
  const events: (TracedEvent | undefined)[] = [];
  const seen: string[] = [];
  const see = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    seen.push("reason" in event ? event.reason.message : event.error.message);
  };
  addEventListener("unhandledrejection", see);
  addEventListener("error", see);
  try {
    events.push(bus.publish({ event_type: "BAR" }));
    bus.subscribe("FILL", () => {
      throw new Error("at once");
    });
    events.push(bus.publish({ event_type: "FILL" }));
    await turn();
    await turn();
  } finally {
    removeEventListener("unhandledrejection", see);
    removeEventListener("error", see);
  }
  assertEquals(seen.sort(), ["at once", "late"]);
  assertEquals(events.map((event) => event?.processed_at === null), [false, false]);
});

Deno.test("source, destination and correlation are what is said, else what the bus knows", () => {
  const { tracer, bus } = tracedBus();
  bus.publish({ event_type: "BAR" });
  bus.publish({ event_type: "BAR" }, { name: "feed" }, "strategy");
  const said = { correlation_id: "c", source_container: "s", destination: "d", causation_id: "x" };
  bus.publish({ event_type: "BAR", ...said }, "feed");
  assertEquals(
    tracer.recent("c").map((e) => [e.source_container, e.destination, e.causation_id]),
    [["bus", "", ""], ["feed", "strategy", ""], ["s", "d", "x"]],
  );
});

Deno.test("without a correlation of its own an event belongs to that of its cause", () => {
  const tracer = new Tracer(world);
  const bus = new TracedEventBus("bus", tracer);
  bus.subscribe("SIGNAL", () => bus.publish({ event_type: "ORDER" }));
  bus.publish({ event_type: "SIGNAL", correlation_id: "run" });
  assertEquals(tracer.recent("run").map((event) => event.event_type), ["SIGNAL", "ORDER"]);
  bus.publish({ event_type: "BAR" });
  assertEquals(tracer.recent("unknown").length, 1);
});

Deno.test("without a tracer the bus is a bus", () => {
  const bus = new TracedEventBus("bus");
  const seen: unknown[] = [];
  const stop = bus.subscribe("BAR", (bar, message) => seen.push(bar.data, message.traced));
  assertEquals(bus.publish({ event_type: "BAR", data: { n: 1 } }), undefined);
  stop();
  bus.publish({ event_type: "BAR", data: { n: 2 } });
  assertEquals(seen, [{ n: 1 }, undefined]);
});

Deno.test("any bus will do that listeners can be added to, and they see what was traced", () => {
  const target = new EventTarget();
  const log: string[] = [];
  const other: EventBus = {
    addEventListener: (
      type,
      listener,
    ) => (log.push(`add ${type}`), target.addEventListener(type, listener)),
    removeEventListener: (type, listener) => target.removeEventListener(type, listener),
    dispatchEvent: (event) => (log.push(`dispatch ${event.type}`), target.dispatchEvent(event)),
  };
  const bus = new TracedEventBus("bus", new Tracer(world), other);
  target.addEventListener(
    "BAR",
    (event) => log.push((event as BusMessage).traced!.event_type),
  );
  bus.subscribe("BAR", () => {});
  bus.publish({ event_type: "BAR" });
  assertEquals(log, ["add BAR", "dispatch BAR", "BAR"]);
});
