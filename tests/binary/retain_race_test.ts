/**
 * The executable retains a day while writers come to it: what they were told is durable is in the log or
 * in an archive, each once. The system's calls are held up, or the process killed in them, by strace.
 */
import { IS_FULL } from "../harness.ts";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { assertEachOnce, idsOnDisk } from "../crash/kills/crash.ts";
import { type Bench, binaryTest, runProgram } from "./binary.ts";

const OLD_MS = Date.UTC(2026, 0, 20, 12);
const DIR = "data/ledger";
const RETAIN = ["retain", "--days", "7", "--archive", `${DIR}/archive`];
const WRITERS = IS_FULL ? 270 : 24;
/** How many writers are at work at a time. */
const LANES = 6;
/** The calls of a retain in which it is killed: as the day leaves, and as its files go. */
const KILLED_AT = IS_FULL
  ? ["rename", "unlinkat"].flatMap((call) =>
    Array.from({ length: 9 }, (_, k) => ({ call, k: k + 1 }))
  )
  : [{ call: "rename", k: 5 }, { call: "unlinkat", k: 5 }];
/** Of every rename that is held up. */
const HELD_UP_MS = 400;

function emit(bench: Bench, id: string, writer?: string) {
  const words = ["emit", "run.failed", "--run-id", "r", "--event-id", id, "--error", "x"];
  const of_writer = writer === undefined ? [] : ["--writer", writer];
  return bench.ledger([...words, "--timestamp-ms", String(OLD_MS), ...of_writer]);
}

async function emitted(bench: Bench, id: string, writer?: string): Promise<string> {
  const { code, stderr } = await emit(bench, id, writer);
  assertEquals(code, 0, `${id}: ${stderr}`);
  return id;
}

/** Retains under strace, which does something to a system call. */
function retainUnder(bench: Bench, call: string, injected: string) {
  const home = { HOME: bench.folder, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" };
  const args = ["-f", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:${injected}`];
  return runProgram("strace", [...args, bench.binary, ...RETAIN], bench.folder, home);
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Waits for something to come about, a turn of the event loop at a time. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** All archives come back: then each event stands in the log, once, and all of it is whole. */
async function assertNothingLost(bench: Bench, acknowledged: string[]): Promise<void> {
  const dir = join(bench.folder, DIR);
  const archives = Array.from(Deno.readDirSync(join(dir, "archive")), ({ name }) => name)
    .filter((name) => name.endsWith(".tar"));
  for (const name of archives) {
    const { code, stderr } = await bench.ledger(["archive", "import", `${DIR}/archive/${name}`]);
    assertEquals(code, 0, stderr);
  }
  assertEquals((await bench.ledger(["restore", "2026-01-20"])).code, 0);
  assertEachOnce(idsOnDisk(dir), acknowledged, "the log and its archives");
  const { code, stdout } = await bench.ledger(["verify", "--deep"]);
  assertEquals(code, 0, stdout);
}

function stracedTest(name: string, body: (bench: Bench) => Promise<void>): void {
  binaryTest(name, body, { strace: true });
}

stracedTest(
  "a writer that is new to a day as it leaves overwrites nothing, nor is it overwritten",
  async (bench) => {
    const acknowledged = [await emitted(bench, "first")];
    const events = join(bench.folder, DIR, "events");
    const retained = retainUnder(bench, "rename", `delay_enter=${HELD_UP_MS * 1_000}`);
    await until(() => textOf(join(events, "_chain.jsonl")).includes("taken_out"));
    const before = emitted(bench, "before", "wZ");
    await until(() => !textOf(join(events, "day=2026-01-20", "part-000001.parquet")));
    acknowledged.push(await before, await emitted(bench, "after", "wZ"));
    const { code, stderr } = await retained;
    assertEquals(code, 0, stderr);
    await assertNothingLost(bench, acknowledged);
  },
);

stracedTest(
  "a retain that is killed as a day leaves is made good for by the next, and no event is lost",
  async (bench) => {
    const acknowledged = [await emitted(bench, "first")];
    assertEquals((await bench.ledger(RETAIN)).code, 0);
    let left = 0;
    for (const { call, k } of KILLED_AT) {
      acknowledged.push(await emitted(bench, `${call} ${k} before`, "wZ"));
      await retainUnder(bench, call, `signal=KILL:when=${k}`);
      const names = Deno.readDirSync(join(bench.folder, DIR, "events"));
      if (Array.from(names).some(({ name }) => name.startsWith("_gone-"))) left++;
      for (const nth of ["once", "again"]) {
        acknowledged.push(await emitted(bench, `${call} ${k} ${nth}`, "wZ"));
      }
      const { code, stderr } = await bench.ledger(RETAIN);
      assertEquals(code, 0, stderr);
    }
    assert(left > 0, "no retain was killed while the day left");
    await assertNothingLost(bench, acknowledged);
  },
);

binaryTest(
  `${WRITERS} writers that are new to an old day all get their events in beside retain`,
  async (bench) => {
    const acknowledged = [await emitted(bench, "first")];
    let next = 0;
    const lanes = Array.from({ length: LANES }, async () => {
      for (let nth = next++; nth < WRITERS; nth = next++) {
        acknowledged.push(await emitted(bench, `late ${nth}`, `w${nth}`));
      }
    });
    let is_over = false;
    const all = Promise.all(lanes).finally(() => is_over = true);
    let times = 0;
    while (!is_over) {
      const { code, stdout, stderr } = await bench.ledger(RETAIN);
      assertEquals(code, 0, stderr);
      if (stdout.includes(".tar")) times++;
    }
    await all;
    assert(times > 0, "the day never left meanwhile");
    await assertNothingLost(bench, acknowledged);
  },
);
