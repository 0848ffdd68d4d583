/**
 * Reads a ledger again and again, without a pause, and prints what it finds: ids, or "torn" or
 * "corrupt". Ends when it has seen the id that it was given.
 */
import { openLedger } from "../../../src/mod.ts";

const [dir, last_id] = Deno.args;
await using ledger = await openLedger({ dir });
const cursor = ledger.cursor();
for (let is_there = false; !is_there;) {
  const found: string[] = [];
  if (ledger.exists()) {
    for await (const record of cursor.pass()) {
      found.push(record.kind === "event" ? record.event.event_id : record.kind);
    }
  }
  if (found.length > 0) console.log(found.join("\n"));
  is_there = found.includes(last_id);
}
