/** A result of any size goes through the program; it does not pile up in it. */
import { assert, assertEquals } from "@std/assert";
import { patience } from "../crash/kills/crash.ts";
import { IS_FULL, IS_PLAIN, runIn, startLedger, writePart } from "../harness.ts";
import { ledgerFolder, line } from "./indexes.ts";

const ROWS = 1_000_000;
/** Enough for heaps and buffers to have grown to what they need. */
const SOME_ROWS = 200_000;
const WORD_CHARS = 400;
/**
 * What the rest of the rows would at least take if they were kept. On a busy machine rubbish is taken
 * away late, and up to a quarter of this was seen.
 */
const REST_BYTES = (ROWS - SOME_ROWS) * WORD_CHARS;

/** The most memory that a process has had so far; undefined when it has ended. */
function peakBytes(pid: number): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** Asks for so many rows; counts the lines that came, and looks at the memory while they come. */
async function ask(dir: string, rows: number, format: string) {
  const sql = `select range as n, range || repeat('x', ${WORD_CHARS}) as word, 0.5 as half ` +
    `from range(${rows})`;
  const args = ["query", sql, "--format", format, "--dir", dir];
  const child = startLedger(args, { cwd: dir, signal: patience() });
  let lines = 0;
  let peak_bytes = 0;
  for await (const piece of child.stdout) {
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines++;
    // The last look falls before the last pieces are sent: a pipe takes no more at once.
    peak_bytes = peakBytes(child.pid) ?? peak_bytes;
  }
  const stderr = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, stderr], [0, ""]);
  return { lines, peak_bytes };
}

/** Formats, and the lines that stand around the rows. */
const FORMATS = IS_FULL ? { ndjson: 0, csv: 1, table: 1 } : { csv: 1 };

for (const [format, around] of Object.entries(FORMATS)) {
  Deno.test(`a million rows as ${format} take no more memory than a fifth of them`, {
    ignore: IS_PLAIN,
  }, async () => {
    using folder = ledgerFolder();
    const event = { event_id: "e", event_type: "run.started", timestamp_ms: 1, run_id: "r" };
    writePart(folder.path, { day: "1970-01-01", number: 1, writer: "" }, [line(event)]);
    assertEquals((await runIn(folder.path, ["rebuild"])).code, 0);
    const some = await ask(folder.path, SOME_ROWS, format);
    const many = await ask(folder.path, ROWS, format);
    assertEquals([some.lines, many.lines], [SOME_ROWS + around, ROWS + around]);
    assert(some.peak_bytes > 0);
    const more_bytes = many.peak_bytes - some.peak_bytes;
    assert(more_bytes < REST_BYTES / 2, `${more_bytes} bytes more, on ${some.peak_bytes}`);
  });
}
