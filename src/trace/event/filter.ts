/** Filter of traced events: which of them a query wants. */
import { LedgerError, quoted } from "../../base/error.ts";
import type { TracedEvent } from "./event.ts";
import { dayOfUs, type Partition } from "./files.ts";

/** Which traced events are wanted; all, where nothing is named. */
export interface TraceFilter {
  correlation_id?: string;
  /** Any of these. */
  correlation_ids?: readonly string[];
  event_types?: readonly string[];
  event_ids?: readonly string[];
  /** Who emitted it. */
  source?: string;
  /** Members of the data, and the text that each has to hold. */
  data?: Readonly<Record<string, string>>;
  /** From this time on, in microseconds. */
  since_us?: number;
  /** Before this time. */
  until_us?: number;
  /** At most so many, the earliest first. */
  limit?: number;
  /** Leaves data empty: lineage and latency do not need it, and it is most of what is stored. */
  without_data?: boolean;
}

/** The error of a correlation that has no events. */
export function noEventsOf(dir: string, correlation_id: string): LedgerError {
  return notTraced(dir, `there are no events of a correlation ${quoted(correlation_id)}`);
}

/** The error of an event that is not there. */
export function noEventCalled(dir: string, event_id: string): LedgerError {
  return notTraced(dir, `there is no traced event ${quoted(event_id)}`);
}

/** The error of a name that neither a correlation nor an event has. */
export function nothingCalled(dir: string, name: string): LedgerError {
  return notTraced(dir, `neither a correlation nor a traced event is called ${quoted(name)}`);
}

function notTraced(dir: string, message: string): LedgerError {
  const hint = "list some: ledger trace query --limit 10";
  return new LedgerError({ code: "not_found", message, where: { path: dir }, hint });
}

/** A test whether an event is wanted, for many of them. */
export function wantedBy(filter: TraceFilter): (event: TracedEvent) => boolean {
  const { correlation_id, source, data, since_us = -Infinity, until_us = Infinity } = filter;
  const [correlations, types, ids] = [
    filter.correlation_ids,
    filter.event_types,
    filter.event_ids,
  ].map((wanted) => wanted && new Set(wanted));
  return (event) =>
    (correlation_id === undefined || event.correlation_id === correlation_id) &&
    (correlations === undefined || correlations.has(event.correlation_id)) &&
    (types === undefined || types.has(event.event_type)) &&
    (ids === undefined || ids.has(event.event_id)) &&
    (source === undefined || event.source_container === source) &&
    (data === undefined ||
      Object.entries(data).every(([name, text]) => event.data[name] === text)) &&
    event.timestamp >= since_us && event.timestamp < until_us;
}

/** Whether a partition can hold events that are wanted. */
export function mayHold({ day, event_type }: Partition, filter: TraceFilter): boolean {
  const { event_types, since_us, until_us } = filter;
  return (event_types === undefined || event_types.includes(event_type)) &&
    (since_us === undefined || day >= dayOfUs(since_us)) &&
    (until_us === undefined || day <= dayOfUs(until_us));
}
