/** What other tools are given, they can read: OpenTelemetry's own message, and Chrome's format. */
import { assert, assertEquals } from "@std/assert";
import root from "@opentelemetry/otlp-transformer/root";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { completeTraced } from "../../src/trace/event/complete.ts";
import { exportTraces } from "../../src/trace/ask/export.ts";

const T0 = 1_704_067_200_000_000;

function event(event_id: string, fields: Partial<TracedEvent> = {}): TracedEvent {
  const given = {
    event_id,
    event_type: "SIGNAL",
    correlation_id: "bt1",
    created_at: T0,
    ...fields,
  };
  return completeTraced(given, { eventId: () => "", now_us: () => T0, nextSequence: () => 1 });
}

const EVENTS = [
  event("s", {
    source_container: "momentum",
    processed_at: T0 + 4_000,
    data: { symbol: "SOL", strength: 0.5, urgent: true, quantity: 12, levels: [1, 2], none: null },
  }),
  event("o", { event_type: "ORDER", causation_id: "s", created_at: T0 + 5_000 }),
  event("f", { event_type: "FILL", causation_id: "o", created_at: T0 + 9_000, processed_at: T0 }),
  event("late", { causation_id: "f", correlation_id: "bt2" }),
];

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  links?: { traceId: string; spanId: string }[];
}

// deno-lint-ignore no-explicit-any
type Loose = any;

function spansOf(exported: Loose): Span[] {
  return exported.resourceSpans.flatMap((resource: Loose) =>
    resource.scopeSpans.flatMap((scope: Loose) => scope.spans)
  );
}

const ID_FIELDS = new Set(["traceId", "spanId", "parentSpanId"]);

/** Ids are hexadecimal in JSON and bytes in the message; nothing else differs. */
function withIds(value: unknown, turn: (id: Loose) => unknown): Loose {
  if (Array.isArray(value)) return value.map((inner) => withIds(inner, turn));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      ID_FIELDS.has(name) ? turn(inner) : withIds(inner, turn),
    ]),
  );
}

const toBytes = (hex: string) => Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("OpenTelemetry's own message takes the export, and gives all of it back", () => {
  const Request = (root as Loose).opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
  const exported = exportTraces(EVENTS, "otlp-json");
  const message = Request.fromObject(withIds(exported, toBytes));
  assertEquals(Request.verify(message), null);
  const decoded = Request.decode(Request.encode(message).finish());
  const plain = Request.toObject(decoded, { longs: String, enums: Number });
  assertEquals(withIds(JSON.parse(JSON.stringify(withIds(plain, toHex))), (id) => id), exported);
});

Deno.test("correlation is the trace, cause the parent, and times are nanoseconds as texts", () => {
  const spans = new Map(
    spansOf(exportTraces(EVENTS, "otlp-json")).map((span) => [span.name, span]),
  );
  const [signal, order, fill] = ["SIGNAL", "ORDER", "FILL"].map((name) => spans.get(name)!);
  assertEquals(order.parentSpanId, spansOf(exportTraces(EVENTS, "otlp-json"))[0].spanId);
  assertEquals(fill.parentSpanId, order.spanId);
  assertEquals(fill.traceId, order.traceId);
  assertEquals(order.startTimeUnixNano, `${T0 + 5_000}000`);
  // Stamps that run backwards make no span of less than nothing.
  assertEquals(fill.endTimeUnixNano, fill.startTimeUnixNano);
  for (const { traceId, spanId } of spans.values()) {
    assert(/^[0-9a-f]{32}$/.test(traceId));
    assert(/^[0-9a-f]{16}$/.test(spanId));
  }
  assert(signal);
});

Deno.test("a cause in another trace is a link, since it cannot be a parent", () => {
  const spans = spansOf(exportTraces(EVENTS, "otlp-json"));
  const fill = spans.find(({ name }) => name === "FILL")!;
  const late = spans.find(({ links }) => links)!;
  assertEquals(late.parentSpanId, undefined);
  assertEquals(late.links, [{ traceId: fill.traceId, spanId: fill.spanId }]);
});

Deno.test("circles and repeated ids make a forest of spans with ids of their own", () => {
  const events = [
    event("a", { causation_id: "b" }),
    event("b", { causation_id: "a" }),
    event("twin"),
    event("twin"),
    event("self", { causation_id: "self" }),
  ];
  const spans = spansOf(exportTraces(events, "otlp-json"));
  assertEquals(new Set(spans.map(({ spanId }) => spanId)).size, 5);
  const parents = new Map(spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId]));
  for (const start of parents.keys()) {
    let steps = 0;
    for (let at: string | undefined = start; at !== undefined; at = parents.get(at)) {
      assert(++steps <= 5, "the spans run in a circle");
    }
  }
});

Deno.test("a flame chart has a bar for each event, on the row of its source, and arrows from causes", () => {
  const { traceEvents } = exportTraces(EVENTS, "chrome") as {
    traceEvents: {
      ph: string;
      name: string;
      ts: number;
      dur?: number;
      pid: number;
      tid: number;
      args?: Loose;
      id?: number;
    }[];
  };
  const bars = traceEvents.filter(({ ph }) => ph === "X");
  assertEquals(bars.map(({ name, ts, dur }) => [name, ts - T0, dur]), [
    ["SIGNAL", 0, 4_000],
    ["ORDER", 5_000, 0],
    ["FILL", 9_000, 0],
    ["SIGNAL", 0, 0],
  ]);
  const named = traceEvents.filter(({ ph, name }) => ph === "M" && name === "process_name");
  assertEquals(named.map(({ args }) => args.name).sort(), ["bt1", "bt2"]);
  assertEquals(bars[0].pid, named.find(({ args }) => args.name === "bt1")!.pid);
  const from = traceEvents.filter(({ ph }) => ph === "s");
  const to = traceEvents.filter(({ ph }) => ph === "f");
  assertEquals(from.map(({ id }) => id), to.map(({ id }) => id));
  assertEquals(from.length, 3);
  assertEquals([from[0].tid, to[0].tid], [bars[0].tid, bars[1].tid]);
});

Deno.test("no event at all is an empty export", () => {
  assertEquals(exportTraces([], "otlp-json"), { resourceSpans: [] });
  assertEquals(exportTraces([], "chrome"), { displayTimeUnit: "ms", traceEvents: [] });
});
