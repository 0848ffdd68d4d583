/** Streams of traced events that end before their end: what is kept of them, and what is said of it. */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { event_bytes_max } from "../../src/base/limits.ts";
import { openLedger } from "../../src/mod.ts";
import { inputOf, startLedger, systemError, tempFolder, testWorld } from "../harness.ts";

Deno.test("on a disk that fills up, a stream says how many are kept and which line comes next", async () => {
  using folder = tempFolder();
  let room = 3;
  const files = systemFiles((operation, path) => {
    if (operation !== "write" || !path.endsWith(".jsonl") || room-- > 0) return;
    throw systemError("ENOSPC", "No space left on device");
  });
  await using ledger = await openLedger({ dir: folder.path, world: testWorld({ files }) });
  const lines = Array.from(
    { length: 2_000 },
    (_, at) => `{"event_id":"e${at}","event_type":"X"}\n`,
  );
  // A line that holds no event, so that counting events is not counting lines.
  const input = inputOf("\n" + lines.join(""));
  const error = await assertRejects(
    () => ledger.traces.ingest(input, { name: "big.ndjson" }),
    LedgerError,
  );
  const kept = await ledger.traces.query();
  assertEquals(error.code, "disk_full");
  assertEquals(error.detail, { durable: kept.length });
  assertStringIncludes(error.message, `${kept.length} events are kept`);
  assertStringIncludes(error.hint!, `after line ${kept.length + 1} of big.ndjson`);
  assertEquals(kept.length > 0 && kept.length < 2_000, true);
});

Deno.test("a line that is too long even to be held is a bad line, and the others are kept", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const long = "x".repeat(3 * event_bytes_max);
  const input = inputOf(`{"event_type":"X"}\n${long}\n{"event_type":"X"}\n`);
  const said: string[] = [];
  const onBadLine = (error: LedgerError) => said.push(`${error.where?.line}: ${error.message}`);
  const report = await ledger.traces.ingest(input, { on_error: "skip", onBadLine });
  assertEquals(report, { lines: 3, events: 2, duplicates: 0, bad: 1 });
  assertStringIncludes(said[0], `2: cannot trace this event: it is longer than ${event_bytes_max}`);
});

Deno.test("a line over the limit is a bad line, and the others are kept", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const long = `{"event_type":"X","data":{"text":"${"x".repeat(event_bytes_max)}"}}\n`;
  const input = inputOf(`{"event_type":"X"}\n${long}{"event_type":"X"}\n`);
  const said: string[] = [];
  const onBadLine = (error: LedgerError) => said.push(`${error.where?.line}: ${error.message}`);
  const report = await ledger.traces.ingest(input, { on_error: "skip", onBadLine });
  assertEquals([report.events, report.bad], [2, 1]);
  assertStringIncludes(said[0], `2: cannot trace this event: it is longer than ${event_bytes_max}`);
});

Deno.test("interrupted while it waits, taking in keeps whole lines, says how many, and ends as such", async () => {
  using folder = tempFolder();
  const wal = `${folder.path}/data/ledger/traces/_wal`;
  Deno.mkdirSync(wal, { recursive: true });
  using watcher = Deno.watchFs(wal);
  const child = startLedger(["trace", "ingest"], { cwd: folder.path, stdin: "piped" });
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode('{"event_id":"a","event_type":"FILL"}\n{"half'));
  for await (const { paths } of watcher) {
    const has_bytes = (path: string) => path.endsWith(".jsonl") && Deno.statSync(path).size > 0;
    if (paths.some(has_bytes)) break;
  }
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 130);
  assertEquals(await new Response(child.stdout).text(), "1 event\n");
  assertMatch(await new Response(child.stderr).text(), /stopped by SIGTERM/);
  await input.abort().catch(() => {});
  await using ledger = await openLedger({ dir: `${folder.path}/data/ledger` });
  assertEquals((await ledger.traces.query()).map(({ event_id }) => event_id), ["a"]);
});
