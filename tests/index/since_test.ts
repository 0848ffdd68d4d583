/** Which days are looked at, and what stays when they are not. */
import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { PROJECT, writePart } from "../harness.ts";
import { assertLikeBuiltAnew, ledgerFolder, line, rowsOf, sync } from "./indexes.ts";

const EARLY = { day: "2026-01-20", number: 1, writer: "" };
const LATE = { day: "2026-01-23", number: 1, writer: "" };

function started(id: string, day: string): string {
  const timestamp_ms = Date.parse(day);
  return line({ event_id: id, event_type: "run.started", timestamp_ms, run_id: id });
}

function runs(dir: string): Promise<Record<string, unknown>[]> {
  return rowsOf(dir, "select run_id from runs_status order by all");
}

Deno.test("looking at late days only keeps the early rows, also of a day that is gone", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const early = writePart(dir, EARLY, [started("a", EARLY.day)]);
  writePart(dir, LATE, [started("b", LATE.day)]);
  const since_day = LATE.day;
  assertEquals((await sync(dir, { since_day })).total.events, 2);
  writePart(dir, LATE, [started("b", LATE.day), started("c", LATE.day)]);
  assertEquals((await sync(dir, { since_day })).kind, "increment");
  assertEquals((await runs(dir)).length, 3);
  // Of the same size, with another line: unseen by this sync, and seen by the next that looks.
  Deno.writeTextFileSync(early, started("x", EARLY.day));
  writePart(dir, LATE, ["b", "c", "d"].map((id) => started(id, LATE.day)));
  await sync(dir, { since_day });
  assertEquals((await runs(dir)).map(({ run_id }) => run_id), ["a", "b", "c", "d"]);
  const live = await sync(dir);
  assertEquals((await runs(dir)).map(({ run_id }) => run_id), ["b", "c", "d", "x"]);
  await assertLikeBuiltAnew(dir, live);
  Deno.removeSync(dirname(early), { recursive: true });
  writePart(dir, LATE, ["b", "c", "d", "e"].map((id) => started(id, LATE.day)));
  assertEquals((await sync(dir, { since_day })).kind, "increment");
  assertEquals((await runs(dir)).length, 5);
});

const LOG = join(PROJECT, "fixtures", "first_system", "ledger");

Deno.test("a log of the first system has three runs that stand as they did", async () => {
  using folder = ledgerFolder();
  const part = "events/day=2026-01-23/part-000001.jsonl";
  writePart(folder.path, LATE, [Deno.readFileSync(join(LOG, part))]);
  await sync(folder.path);
  assertEquals(await rowsOf(folder.path, "select run_id, status from latest_runs order by all"), [
    { run_id: "never-started", status: "pending" },
    { run_id: "only-created", status: "pending" },
    { run_id: "whole", status: "completed" },
  ]);
  assertEquals((await rowsOf(folder.path, "select * from rejected_lines")).length, 0);
});
