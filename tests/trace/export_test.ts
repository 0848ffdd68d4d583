import { assert, assertEquals, assertMatch } from "@std/assert";
import { exportTraces } from "../../src/trace/export.ts";
import { NOON_US, traced } from "./events.ts";

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  links?: { traceId: string; spanId: string }[];
}

const SIGNAL = traced({
  event_type: "SIGNAL",
  event_id: "s",
  correlation_id: "run",
  source_container: "momentum",
  created_at: NOON_US + 1,
  processed_at: NOON_US + 4,
});
const ORDER = traced({
  event_type: "ORDER",
  event_id: "o",
  correlation_id: "run",
  causation_id: "s",
  source_container: "risk",
  created_at: NOON_US + 2,
  data: { side: "buy" },
});

/** All spans of an export, by the id of their event. */
function spansOf(events: Parameters<typeof exportTraces>[0]): Span[] {
  const { resourceSpans } = exportTraces(events, "otlp-json") as {
    resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
  };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

Deno.test("for OpenTelemetry a correlation is a trace, a cause the parent, times nanoseconds as text", () => {
  const [signal, order] = spansOf([SIGNAL, ORDER]);
  for (const { traceId, spanId, startTimeUnixNano } of [signal, order]) {
    assertMatch(traceId, /^[0-9a-f]{32}$/);
    assertMatch(spanId, /^[0-9a-f]{16}$/);
    assertMatch(startTimeUnixNano, /^\d{19}$/);
  }
  assertEquals(order.traceId, signal.traceId);
  assertEquals(order.parentSpanId, signal.spanId);
  assertEquals(signal.parentSpanId, undefined);
  assertEquals(signal.startTimeUnixNano, `${NOON_US + 1}000`);
  assertEquals(signal.endTimeUnixNano, `${NOON_US + 4}000`);
  assertEquals(order.endTimeUnixNano, order.startTimeUnixNano);
  const data = order.attributes.find(({ key }) => key === "ledger.data");
  assertEquals(data?.value, { stringValue: '{"side":"buy"}' });
});

Deno.test("each source is a service of its own", () => {
  const { resourceSpans } = exportTraces([SIGNAL, ORDER], "otlp-json") as {
    resourceSpans: { resource: unknown }[];
  };
  assertEquals(
    resourceSpans.map(({ resource }) => resource),
    ["momentum", "risk"].map((name) => ({
      attributes: [{ key: "service.name", value: { stringValue: name } }],
    })),
  );
});

Deno.test("a cause in another correlation is a link, one that is not there a parent that is missing", () => {
  const crossing = { ...ORDER, correlation_id: "other" };
  const [signal, order] = spansOf([SIGNAL, crossing]);
  assertEquals(order.parentSpanId, undefined);
  assertEquals(order.links, [{ traceId: signal.traceId, spanId: signal.spanId }]);
  assert(order.traceId !== signal.traceId);
  // Whoever exports both later gets the same ids.
  assertEquals(spansOf([ORDER])[0].parentSpanId, signal.spanId);
});

Deno.test("events with one id are spans of their own", () => {
  const [first, second] = spansOf([SIGNAL, { ...SIGNAL }]);
  assert(first.spanId !== second.spanId);
});

Deno.test("a span never ends before it begins", () => {
  const [span] = spansOf([{ ...SIGNAL, processed_at: NOON_US - 5 }]);
  assertEquals(span.endTimeUnixNano, span.startTimeUnixNano);
});

Deno.test("for Chrome each source is a row, and arrows lead from causes to effects", () => {
  const { traceEvents } = exportTraces([SIGNAL, ORDER], "chrome") as {
    traceEvents: Record<string, unknown>[];
  };
  assertEquals(traceEvents.map(({ ph, tid, ts, dur }) => [ph, tid, ts, dur]), [
    ["M", 1, undefined, undefined],
    ["M", 2, undefined, undefined],
    ["X", 1, NOON_US + 1, 3],
    ["X", 2, NOON_US + 2, 0],
    ["s", 1, NOON_US + 1, undefined],
    ["f", 2, NOON_US + 2, undefined],
  ]);
});
