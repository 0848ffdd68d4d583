/**
 * Traces in the forms that other programs read: OpenTelemetry's JSON, for Jaeger or Tempo, and that of
 * Chrome's trace viewer, for a flame chart. An event is a span from its creation to the end of its
 * processing; a correlation is a trace; what caused an event is its parent.
 */
import { createHash } from "node:crypto";
import { buildFacts } from "../base/build.ts";
import { dataText, latencyMs, queueTimeMs, type TracedEvent } from "./event.ts";
import { Lineage } from "./lineage.ts";

/** The forms there are. */
export const EXPORT_FORMS = ["otlp-json", "chrome"] as const;
/** One of them. */
export type ExportForm = (typeof EXPORT_FORMS)[number];

/** Events as one document in a form. */
export function exportTraces(events: readonly TracedEvent[], form: ExportForm): unknown {
  return form === "otlp-json" ? toOtlp(events) : toChrome(events);
}

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const SPAN_KIND_INTERNAL = 1;

function digest(text: string, bytes: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, bytes * 2);
}

/** Ids that are the same in every export, also for those of events with one id. */
class SpanIds {
  readonly #ordinals = new Map<TracedEvent, number>();

  constructor(events: readonly TracedEvent[]) {
    const times = new Map<string, number>();
    for (const event of events) {
      const key = `${event.correlation_id}\n${event.event_id}`;
      const ordinal = times.get(key) ?? 0;
      times.set(key, ordinal + 1);
      if (ordinal > 0) this.#ordinals.set(event, ordinal);
    }
  }

  traceId(correlation_id: string): string {
    return digest(correlation_id, TRACE_ID_BYTES);
  }

  spanId(event: TracedEvent): string {
    return this.of(event.correlation_id, event.event_id, this.#ordinals.get(event));
  }

  of(correlation_id: string, event_id: string, ordinal = 0): string {
    return digest(JSON.stringify([correlation_id, event_id, ordinal]), SPAN_ID_BYTES);
  }
}

function toOtlp(events: readonly TracedEvent[]): unknown {
  const lineage = new Lineage(events);
  const ids = new SpanIds(events);
  const by_source = new Map<string, unknown[]>();
  for (const event of events) {
    const spans = by_source.get(event.source_container) ?? [];
    by_source.set(event.source_container, spans);
    spans.push(otlpSpan(event, lineage.causeOf(event), ids));
  }
  return {
    resourceSpans: [...by_source].map(([source, spans]) => ({
      resource: { attributes: [attribute("service.name", source)] },
      scopeSpans: [{ scope: { name: "ledger", version: buildFacts().version }, spans }],
    })),
  };
}

function otlpSpan(event: TracedEvent, cause: TracedEvent | undefined, ids: SpanIds): unknown {
  const { correlation_id, causation_id } = event;
  const [start_us, end_us] = spanOf(event);
  const is_crossing = cause !== undefined && cause.correlation_id !== correlation_id;
  const parent = causation_id === ""
    ? undefined
    : cause
    ? ids.spanId(cause)
    : ids.of(correlation_id, causation_id);
  return {
    traceId: ids.traceId(correlation_id),
    spanId: ids.spanId(event),
    // A parent is of the same trace; what leads into another one is a link.
    ...(parent !== undefined && !is_crossing ? { parentSpanId: parent } : {}),
    name: event.event_type,
    kind: SPAN_KIND_INTERNAL,
    startTimeUnixNano: nanoseconds(start_us),
    endTimeUnixNano: nanoseconds(end_us),
    attributes: attributesOf(event),
    ...(is_crossing
      ? { links: [{ traceId: ids.traceId(cause.correlation_id), spanId: parent }] }
      : {}),
    events: ([["emitted", event.emitted_at], ["received", event.received_at]] as const)
      .filter(([, stamp]) => stamp !== null && stamp >= 0)
      .map(([name, stamp]) => ({ name, timeUnixNano: nanoseconds(stamp!) })),
  };
}

/** From creation to the end of processing, as far as that is known and goes forward. */
function spanOf({ created_at, timestamp, processed_at }: TracedEvent): [number, number] {
  const start_us = Math.max(0, created_at ?? timestamp);
  return [start_us, Math.max(start_us, processed_at ?? start_us)];
}

/** As text: nanoseconds since 1970 are past what a double holds. */
function nanoseconds(time_us: number): string {
  return time_us === 0 ? "0" : `${time_us}000`;
}

function attribute(key: string, text: string) {
  return { key, value: { stringValue: text } };
}

function attributesOf(event: TracedEvent) {
  const texts: [string, string][] = [
    ["ledger.event_id", event.event_id],
    ["ledger.correlation_id", event.correlation_id],
    ["ledger.causation_id", event.causation_id],
    ["ledger.destination", event.destination],
    ["ledger.partition_key", event.partition_key],
    ["ledger.data", dataText(event.data)],
  ];
  const queue_ms = queueTimeMs(event);
  return [
    ...texts.filter(([, text]) => text !== "").map(([key, text]) => attribute(key, text)),
    // 64-bit integers are texts in this form of JSON.
    { key: "ledger.sequence_number", value: { intValue: String(event.sequence_number) } },
    ...(queue_ms === undefined
      ? []
      : [{ key: "ledger.queue_time_ms", value: { doubleValue: queue_ms } }]),
  ];
}

function toChrome(events: readonly TracedEvent[]): unknown {
  const lineage = new Lineage(events);
  const rows = new Map<string, number>();
  const rowOf = ({ source_container }: TracedEvent) => {
    const row = rows.get(source_container) ?? rows.size + 1;
    rows.set(source_container, row);
    return row;
  };
  const spans: unknown[] = [];
  for (const [index, event] of events.entries()) {
    const [start_us, end_us] = spanOf(event);
    const place = { pid: 1, tid: rowOf(event) };
    spans.push({
      name: event.event_type,
      cat: event.correlation_id,
      ph: "X",
      ts: start_us,
      dur: end_us - start_us,
      ...place,
      args: { event_id: event.event_id, data: event.data, latency_ms: latencyMs(event) },
    });
    const cause = lineage.causeOf(event);
    if (!cause) continue;
    const arrow = { name: "caused", cat: "causation", id: index + 1 };
    const [cause_us] = spanOf(cause);
    spans.push({ ...arrow, ph: "s", ts: cause_us, pid: 1, tid: rowOf(cause) });
    spans.push({ ...arrow, ph: "f", bp: "e", ts: start_us, ...place });
  }
  const names = [...rows].map(([name, tid]) => ({
    name: "thread_name",
    ph: "M",
    pid: 1,
    tid,
    args: { name },
  }));
  return { traceEvents: [...names, ...spans], displayTimeUnit: "ms" };
}
