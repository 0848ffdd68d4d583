/** Years of a log in a minute: emit, watch, query and compact at once. */
import { assert, assertEquals } from "@std/assert";
import { openLedger } from "../../src/mod.ts";
import { assertEachOnce } from "../crash/kills/crash.ts";
import { IS_FULL, IS_PLAIN, startLedger, tempFolder } from "../harness.ts";
import { finish, startWorker } from "../workers.ts";
import { assertLikeBuiltAnew, rowsOf, sync } from "../index/indexes.ts";

/** A minute with LEDGER_TEST_FULL. */
const SOAK_MS = IS_FULL ? 60_000 : 4_000;

const start = (role: string, dir: string) => startWorker("journeys/upkeep_worker.ts", role, dir);

Deno.test("while a log is emitted to, watched, asked and compacted, nothing is lost", {
  ignore: IS_PLAIN,
}, async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const emitters = [start("first", dir), start("second", dir)];
  const acknowledged: string[] = [];
  for (const emitter of emitters) acknowledged.push((await emitter.nextLine())!);
  await sync(dir);
  const watcher = startLedger(["watch", "--interval", "1", "--dir", dir], { cwd: dir });
  const compactor = start("compact", dir);
  const askers = [start("ask", dir), start("ask", dir)];
  const one_more = start("ask", dir);
  const end_ms = performance.now() + SOAK_MS;
  while (performance.now() < end_ms) {
    const line = await one_more.nextLine();
    if (line === undefined) throw new Error((await one_more.end()).stderr);
  }
  for (const emitter of emitters) acknowledged.push(...await finish(emitter));
  await finish(one_more);
  for (const asker of askers) {
    const answers = await finish(asker);
    assert(answers.length > 1, "an asker that never found");
  }
  const done = await finish(compactor);
  const times = (what: RegExp) => done.filter((line) => what.test(line)).length;
  assert(times(/^compacted [1-9]/) > 1, done.join("\n"));
  assert(times(/^restored [1-9]/) > 0, done.join("\n"));
  watcher.kill("SIGTERM");
  const { code, stderr } = await watcher.output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 0, said);
  // An index that is built anew because a part seemed gone, or other, is one that lost its place.
  assert(!/gone from the log|other lines/.test(said), said);

  await using ledger = await openLedger({ dir });
  const in_log: string[] = [];
  for await (const record of ledger.read()) {
    assertEquals(record.kind, "event");
    if (record.kind === "event") in_log.push(record.event.event_id);
  }
  assertEachOnce(in_log, acknowledged, "the log");
  await assertLikeBuiltAnew(dir, await sync(dir));
  const rows = await rowsOf(dir, "select event_id from events");
  assertEachOnce(rows.map(({ event_id }) => String(event_id)), acknowledged, "the index");
  const { findings, parts } = await ledger.verify({ deep: true });
  assertEquals(findings, []);
  assert(parts > 3);
  if (IS_FULL) {
    console.log(`${acknowledged.length} events in ${parts} parts; ${done.length} turns of upkeep`);
  }
});
