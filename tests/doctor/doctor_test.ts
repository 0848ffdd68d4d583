/** Each thing that can be wrong is found, by looking, and comes with a way out that works. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Files } from "../../src/base/files/seam.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { Check } from "../../src/doctor/doctor.ts";
import { binaryTest } from "../binary/binary.ts";
import { runIn, systemError, tempFolder, writePart } from "../harness.ts";

const DAY = "2026-01-20";
const NOW_MS = Date.parse(`${DAY}T12:00:00Z`);
const PART = { day: DAY, number: 1, writer: "" };

function started(timestamp_ms = NOW_MS): string {
  const event = { event_id: "e1", event_type: "run.started", timestamp_ms, run_id: "r1" };
  return JSON.stringify(event) + "\n";
}

/** What doctor finds amiss in a lab whose clock stands still, as far as it is about these checks. */
async function findings(
  path: string,
  files: Partial<Files> = {},
  only: string[] = [],
): Promise<Record<string, Check>> {
  const vars = { LEDGER_RUNS_DIR: join(path, "runs") };
  const fileSystem = () => ({ type: 0xef53, free_bytes: 1e12, total_bytes: 2e12 });
  const { code, stdout, stderr } = await runIn(join(path, "ledger"), ["doctor", "--json"], {
    vars,
    files: { ...systemFiles(), fileSystem, ...files },
    now_ms: () => NOW_MS,
  });
  assertEquals(stderr, "");
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  const amiss = checks.filter(({ ok }) => !ok);
  assertEquals(code, amiss.length === 0 ? 0 : 3);
  for (const { name, fix } of amiss) assert(fix, `${name} comes without a fix`);
  const chosen = amiss.filter(({ name }) => only.length === 0 || only.includes(name));
  return Object.fromEntries(chosen.map((check) => [check.name, check]));
}

/** Everything but what a clock that stands still makes of the disk's. */
const ASKED = ["index", "log", "runs", "clock", "space", "file system", "locks", "ledger folder"];

Deno.test("a ledger that is not there yet, and one that is whole, are fit", async () => {
  using folder = tempFolder();
  assertEquals(await findings(folder.path, {}, ASKED), {});
  const dir = join(folder.path, "ledger");
  writePart(dir, PART, [started()]);
  assertEquals(Object.keys(await findings(folder.path, {}, ASKED)), ["index"]);
  await runIn(dir, ["rebuild"]);
  assertEquals(await findings(folder.path, {}, ASKED), {});
});

Deno.test("an index that is behind, and a torn end, are found, and what is advised mends them", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  writePart(dir, PART, [started()]);
  await runIn(dir, ["rebuild"]);
  const more = started(NOW_MS + 1).replace("e1", "e2");
  writePart(dir, PART, [started(), more, '{"event_id":']);
  const found = await findings(folder.path, {}, ASKED);
  assertEquals(Object.keys(found), ["log", "index"]);
  assertStringIncludes(found.log.found, `day=${DAY}/part-000001`);
  assertStringIncludes(found.index.found, `${more.length} B behind`);
  await runIn(dir, ["verify", "--repair"]);
  await runIn(dir, ["rebuild"]);
  assertEquals(await findings(folder.path, {}, ASKED), {});
});

Deno.test("dead runs are found, and finishing them as advised settles it", async () => {
  using folder = tempFolder();
  const run = join(folder.path, "runs", "2025-01", "run_id=dead");
  Deno.mkdirSync(run, { recursive: true });
  const manifest = {
    run_id: "dead",
    run_type: "full",
    created_at: "2025-01-01T00:00:00Z",
    status: "running",
    schema_version: { manifest: "1.0.0", artifacts: "1.0.0" },
  };
  Deno.writeTextFileSync(join(run, "run.json"), JSON.stringify(manifest));
  const { runs } = await findings(folder.path, {}, ["runs"]);
  assertStringIncludes(runs.found, "dead (stale)");
  const vars = { LEDGER_RUNS_DIR: join(folder.path, "runs") };
  const words = ["runs", "finish", "dead", "--status", "failed", "--error", "died"];
  assertEquals((await runIn(join(folder.path, "ledger"), words, { vars })).code, 0);
  assertEquals(await findings(folder.path, {}, ["runs"]), {});
});

Deno.test("runs that cannot be counted are a finding that says why, and status says it too", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  writePart(dir, PART, [started()]);
  await runIn(dir, ["rebuild"]);
  const path = join(dir, "index", "runs.duckdb");
  Deno.writeTextFileSync(path, "rot".repeat(10_000));
  const { runs } = await findings(folder.path, {}, ["runs"]);
  assertStringIncludes(runs.found, "runs.duckdb");
  const { stderr } = await runIn(dir, ["status"]);
  assertStringIncludes(stderr, "runs are not counted: ");
});

Deno.test("a run that was only emitted, and of which the log has heard nothing for long, is found", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  const created = ["emit", "run.created", "--run-id", "silent", "--run-type", "p"];
  const rest = ["--config", "{}", "--data-fingerprint", "f", "--timestamp-ms", "1735689600000"];
  assertEquals((await runIn(dir, [...created, ...rest])).code, 0);
  await runIn(dir, ["rebuild"]);
  const { runs } = await findings(folder.path, {}, ["runs"]);
  assertStringIncludes(runs.found, "1 died: silent (stale)");
  const words = ["runs", "finish", "silent", "--status", "failed", "--error", "died"];
  assertEquals((await runIn(dir, words)).code, 0);
  await runIn(dir, ["rebuild"]);
  assertEquals(await findings(folder.path, {}, ["runs"]), {});
});

Deno.test("a disk of another machine, one in memory, and a full one are found", async () => {
  using folder = tempFolder();
  const on = (type: number, free_bytes = 1e12) => ({
    fileSystem: () => ({ type, free_bytes, total_bytes: 2e12 }),
  });
  const nfs = await findings(folder.path, on(0x6969), ASKED);
  assertStringIncludes(nfs["file system"].fix!, "--writer");
  const memory = await findings(folder.path, on(0x01021994), ASKED);
  assertStringIncludes(memory["file system"].found, "tmpfs");
  assertEquals(Object.keys(await findings(folder.path, on(0xef53, 1e6), ASKED)), ["space"]);
});

Deno.test("a disk that fills up within days at this week's rate is found", async () => {
  using folder = tempFolder();
  const path = writePart(join(folder.path, "ledger"), PART, [started()]);
  // Room for many days that is room for few, once a day's log is large.
  Deno.truncateSync(path, 700_000_000);
  const fileSystem = () => ({ type: 0xef53, free_bytes: 1e9, total_bytes: 2e12 });
  const { space } = await findings(folder.path, { fileSystem }, ["space"]);
  assertStringIncludes(space.found, "enough for 10 days");
});

Deno.test("an event from the future is found: the clock has jumped, or a program's is wrong", async () => {
  using folder = tempFolder();
  writePart(join(folder.path, "ledger"), PART, [started(NOW_MS + 3_600_000)]);
  const { clock } = await findings(folder.path, {}, ["clock"]);
  assertStringIncludes(clock.found, "3600 s in the future");
});

Deno.test("a single event more than a day ahead is named, and the newest is another", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  writePart(dir, PART, [started()]);
  writePart(dir, { ...PART, day: "5138-11-16" }, [started(99_999_999_999_999)]);
  const { clock } = await findings(folder.path, {}, ["clock"]);
  assertStringIncludes(clock.found, "1 event more than a day ahead, such as run.started e1, 5138-");
  assertEquals(clock.found.includes("newest"), false);
});

Deno.test("locks that keep no process out, and a folder that refuses, are found", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  writePart(dir, PART, [started()]);
  const real = systemFiles();
  const open: Files["open"] = (path, mode) =>
    Object.assign(real.open(path, mode), { tryLock: () => true });
  assertStringIncludes((await findings(folder.path, { open }, ASKED)).locks.fix!, "--writer");
  const refused = systemFiles((operation) => {
    if (operation === "create") throw systemError("EROFS", "Read-only file system");
  });
  const found = await findings(folder.path, { open: refused.open }, ["ledger folder"]);
  assertStringIncludes(found["ledger folder"].fix!, "read-only");
  assertEquals([...Deno.readDirSync(dir)].filter(({ name }) => name.includes("doctor")), []);
});

binaryTest("doctor reads the unpacked library byte by byte", async ({ ledger, folder }) => {
  await ledger(["self-check"]);
  const asked = async () =>
    (JSON.parse((await ledger(["doctor", "--json"])).stdout).checks as Check[])
      .find(({ name }) => name === "DuckDB library")!;
  assert((await asked()).ok);
  const store = join(folder, "data", "ledger", ".native");
  const [unpacked] = [...Deno.readDirSync(store)].filter(({ isDirectory }) => isDirectory);
  const library = join(store, unpacked.name, "duckdb.node");
  const bytes = Deno.readFileSync(library);
  bytes[bytes.length >> 1] ^= 1;
  Deno.writeFileSync(library, bytes);
  assert(!(await asked()).ok);
});
