/** What is wrong with a line as far as the line itself tells: it stays so, whoever looks when. */
import { fieldsAreRight, isBuiltIn } from "../event/event.ts";
import { dayOf } from "../format/layout.ts";
import type { LogRecord } from "./cursor.ts";
import type { Flaw } from "../format/seal_manifest.ts";

/** The flaws of a line; a torn tail is no line. */
export function flawsOf(record: LogRecord): Flaw[] {
  const { offset, size_bytes } = record;
  if (record.kind !== "event") {
    const { kind, reason } = record;
    return kind === "torn" ? [] : [{ kind, offset, size_bytes, reason }];
  }
  const flaws: Flaw[] = [];
  const { event, part } = record;
  if (isBuiltIn(event.event_type) && !fieldsAreRight(event, event.event_type)) {
    const reason = `not the fields of ${event.event_type}: left out of its table`;
    flaws.push({ kind: "wrong_fields", offset, size_bytes, reason });
  }
  const day = dayOf(event.timestamp_ms);
  if (day !== part.day) {
    const reason = `its time is of ${day}: --since and --day miss it`;
    flaws.push({ kind: "wrong_day", offset, size_bytes, reason });
  }
  return flaws;
}
