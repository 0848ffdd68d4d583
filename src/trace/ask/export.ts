/**
 * Exporters of traces to other tools: OpenTelemetry's JSON, which Jaeger and Tempo take, and Chrome's trace format,
 * which every flame chart viewer takes.
 */
import { textDigest } from "../../base/files/checksum.ts";
import { queueTimeMs, type TracedEvent } from "../event/event.ts";
import { Lineage } from "./lineage.ts";

/** The forms that traces are exported in. */
export const EXPORT_FORMATS = ["otlp-json", "chrome"] as const;
/** A form that traces are exported in. */
type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Events in another tool's form. */
export function exportTraces(events: readonly TracedEvent[], format: ExportFormat): unknown {
  return format === "otlp-json" ? otlpOf(events) : chromeOf(events);
}

/** From when to when an event was handled. Stamps that run backwards give no length. */
function spanOf(event: TracedEvent): { start_us: number; end_us: number } {
  const start_us = Math.max(0, event.created_at ?? event.emitted_at ?? event.timestamp);
  const end_us = event.processed_at ?? event.received_at ?? event.emitted_at ?? start_us;
  return { start_us, end_us: Math.max(start_us, end_us) };
}

/** The cause of each event, but for what would close a circle: other tools know none. */
function causesOf(events: readonly TracedEvent[]): Map<TracedEvent, TracedEvent> {
  const lineage = new Lineage(events);
  const causes = new Map<TracedEvent, TracedEvent>();
  for (const root of lineage.roots()) {
    for (const { event } of lineage.treeOf(root)) {
      const cause = lineage.causeOf(event);
      if (cause && event !== root) causes.set(event, cause);
    }
  }
  return causes;
}

type Attribute = { key: string; value: Record<string, unknown> };

function attribute(key: string, value: unknown): Attribute {
  if (typeof value === "boolean") return { key, value: { boolValue: value } };
  if (typeof value === "string") return { key, value: { stringValue: value } };
  // The protocol's JSON has whole numbers of 64 bits as texts.
  if (Number.isSafeInteger(value)) return { key, value: { intValue: String(value) } };
  if (typeof value === "number") return { key, value: { doubleValue: value } };
  return { key, value: { stringValue: JSON.stringify(value) ?? "" } };
}

/** An id that a text always has. */
function idOf(text: string, hex_digits: number): string {
  const hex = textDigest(text).slice(0, hex_digits);
  // Nothing but zeros is no id, and as likely as anything else.
  return /^0+$/.test(hex) ? `${hex.slice(1)}1` : hex;
}

function otlpOf(events: readonly TracedEvent[]): unknown {
  const causes = causesOf(events);
  const span_ids = spanIds(events);
  const trace_ids = new Map<string, string>();
  const traceId = (correlation_id: string) =>
    trace_ids.getOrInsertComputed(correlation_id, () => idOf(correlation_id, 32));
  const nanoseconds = (time_us: number) => String(BigInt(time_us) * 1000n);
  const spanOfEvent = (event: TracedEvent) => {
    const { start_us, end_us } = spanOf(event);
    const cause = causes.get(event);
    const is_child = cause?.correlation_id === event.correlation_id;
    return {
      traceId: traceId(event.correlation_id),
      spanId: span_ids.get(event),
      ...(is_child ? { parentSpanId: span_ids.get(cause!) } : {}),
      name: event.event_type,
      kind: 1,
      startTimeUnixNano: nanoseconds(start_us),
      endTimeUnixNano: nanoseconds(end_us),
      attributes: attributesOf(event),
      // A cause in another trace cannot be a parent, but it can be pointed at.
      ...(cause && !is_child
        ? { links: [{ traceId: traceId(cause.correlation_id), spanId: span_ids.get(cause) }] }
        : {}),
      status: {},
    };
  };
  const sources = Map.groupBy(events, ({ source_container }) => source_container);
  return {
    resourceSpans: [...sources].map(([source, of_source]) => ({
      resource: { attributes: [attribute("service.name", source)] },
      scopeSpans: [{ scope: { name: "ledger" }, spans: of_source.map(spanOfEvent) }],
    })),
  };
}

function attributesOf(event: TracedEvent): Attribute[] {
  const queue_ms = queueTimeMs(event);
  return [
    attribute("ledger.event_id", event.event_id),
    attribute("ledger.correlation_id", event.correlation_id),
    ...(event.causation_id === "" ? [] : [attribute("ledger.causation_id", event.causation_id)]),
    ...(event.destination === "" ? [] : [attribute("ledger.destination", event.destination)]),
    attribute("ledger.timestamp_us", event.timestamp),
    attribute("ledger.sequence_number", event.sequence_number),
    ...(queue_ms === undefined ? [] : [attribute("ledger.queue_time_ms", queue_ms)]),
    ...Object.entries(event.data).map(([name, value]) => attribute(`data.${name}`, value)),
  ];
}

/** Several events may have one id; several spans must not. */
function spanIds(events: readonly TracedEvent[]): Map<TracedEvent, string> {
  const times = new Map<string, number>();
  return new Map(events.map((event) => {
    const name = `${event.correlation_id}\n${event.event_id}`;
    const time = times.get(name) ?? 0;
    times.set(name, time + 1);
    return [event, idOf(time === 0 ? name : `${name}\n${time}`, 16)];
  }));
}

function chromeOf(events: readonly TracedEvent[]): unknown {
  const causes = causesOf(events);
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => numbers.getOrInsertComputed(name, () => numbers.size + 1);
  const placeOf = (event: TracedEvent) => ({
    pid: numberOf(`correlation ${event.correlation_id}`),
    tid: numberOf(`source ${event.source_container}`),
    ts: spanOf(event).start_us,
  });
  const shown = events.flatMap((event, id): Record<string, unknown>[] => {
    const { event_id, event_type, correlation_id, causation_id, data } = event;
    const { start_us, end_us } = spanOf(event);
    const place = placeOf(event);
    const args = { event_id, correlation_id, causation_id, ...data };
    const span = {
      name: event_type,
      cat: "event",
      ph: "X",
      dur: end_us - start_us,
      ...place,
      args,
    };
    const cause = causes.get(event);
    if (!cause) return [span];
    const arrow = { name: "caused", cat: "cause", id };
    return [
      span,
      { ...arrow, ph: "s", ...placeOf(cause) },
      { ...arrow, ph: "f", bp: "e", ...place },
    ];
  });
  // Viewers number the threads of each process by themselves: every source is named in all of them.
  const pids = new Set(events.map((event) => placeOf(event).pid));
  const names = [...numbers].flatMap(([name, number]) => {
    const args = { name: name.slice(name.indexOf(" ") + 1) };
    return name.startsWith("correlation ")
      ? [{ name: "process_name", ph: "M", pid: number, args }]
      : Array.from(pids, (pid) => ({ name: "thread_name", ph: "M", pid, tid: number, args }));
  });
  return { displayTimeUnit: "ms", traceEvents: [...names, ...shown] };
}
