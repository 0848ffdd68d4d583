/** Archives lie where nothing is emptied or replaced; looking and doing say the same of a folder. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { contentsOf, IS_FULL } from "../harness.ts";
import { type Bench, binaryTest } from "./binary.ts";

const RETAIN = ["retain", "--days", "30"];
const PRUNE = ["runs", "prune", "--before", "2999-01", "--yes"];

async function must(bench: Bench, ...args: string[]): Promise<void> {
  const { code, stderr } = await bench.ledger(args);
  assertEquals(code, 0, `${args.join(" ")}\n${stderr}`);
}

/** A ledger with an old day and a run that has ended; the month of its runs. */
async function fill(bench: Bench): Promise<string> {
  const old = ["--timestamp-ms", "1768910400000"];
  await must(bench, "emit", "run.failed", "--run-id", "old", "--error", "x", ...old);
  await must(bench, "runs", "create", "--run-type", "policy", "--run-id", "rr");
  await must(bench, "runs", "finish", "rr", "--status", "failed", "--error", "x");
  Deno.writeTextFileSync(join(bench.folder, "trace"), '{"event_id":"e1","event_type":"FILL"}\n');
  await must(bench, "trace", "ingest", "trace");
  await must(bench, "rebuild");
  const names = Array.from(Deno.readDirSync(join(bench.folder, "runs")), ({ name }) => name);
  return names.find((name) => /^\d{4}-\d\d$/.test(name))!;
}

/** Tries a folder with one command, looking and doing: both say no in the same words. */
async function assertRefused(bench: Bench, command: string[], folder: string, code = 2) {
  const [looked, done] = [
    await bench.ledger([...command, "--archive", folder, "--dry-run"]),
    await bench.ledger([...command, "--archive", folder]),
  ];
  assertEquals([looked.code, done.code], [code, code], `${command.join(" ")} ${folder}`);
  assertEquals(looked.stderr, done.stderr);
  return done.stderr;
}

binaryTest(
  "no archive is put where something is emptied or replaced, whatever leads there",
  async (bench) => {
    const month = await fill(bench);
    const at = (path: string) => join(bench.folder, path);
    Deno.mkdirSync(at("data/ledger/index/below"));
    Deno.mkdirSync(at("moved"));
    Deno.symlinkSync("events", at("data/ledger/to-events"));
    Deno.symlinkSync("events/day=2026-01-20", at("data/ledger/to-day"));
    Deno.symlinkSync("index/below", at("data/ledger/to-index"));
    Deno.symlinkSync("index/not-there", at("data/ledger/to-nothing"));
    Deno.writeTextFileSync(at("data/ledger/file"), "");
    const own = ["events", "index/.ledger-building", "traces/_wal", ".native/a", "artifacts/runs"];
    const links = ["to-day/a", "to-index", "to-nothing/a", "file"];
    const more = [
      ...["events/a", "events/_gone-day=a", "to-events", "to-day", "../ledger/./events"],
      ...["index", "index/below/a", "to-index/a", "traces", "a/.ledger-building", "to-nothing"],
    ];
    const folders = [
      ...[...own, ...links, ...(IS_FULL ? more : [])].map((name) => `data/ledger/${name}`),
      ...[`runs/${month}/run_id=rr`, `runs/${month}/_compacted/a`, at("data/ledger/index")],
    ];
    const before = contentsOf(bench.folder);
    for (const [nth, folder] of folders.entries()) {
      const said = await assertRefused(bench, nth % 2 ? PRUNE : RETAIN, folder);
      assertStringIncludes(said, "nothing was changed");
    }
    // The executable may not write there: that is known before anything is done, and also where
    // nothing is old enough.
    for (const [nth, folder] of ["/etc", "/etc/a/b", "data/elsewhere", "/etc"].entries()) {
      const command = [RETAIN, PRUNE, RETAIN, ["retain", "--days", "3650000"]][nth];
      const said = await assertRefused(bench, command, folder, 1);
      assertStringIncludes(said, "data/ledger and runs");
    }
    assertEquals(contentsOf(bench.folder), before);
  },
);

binaryTest("an archive may lie beside the ledger's folders, and beside the runs", async (bench) => {
  await fill(bench);
  const archivesIn = (folder: string) =>
    Array.from(Deno.readDirSync(join(bench.folder, folder)), ({ name }) => name)
      .filter((name) => /\.tar/.test(name)).length;
  for (const folder of ["data/ledger", "data/ledger/archive", "runs/archive/a", "runs"]) {
    await must(bench, ...PRUNE, "--archive", folder, "--dry-run");
  }
  await must(bench, ...RETAIN, "--archive", "data/ledger/archive");
  await must(bench, ...PRUNE, "--archive", "runs/archive/a");
  assertEquals([archivesIn("data/ledger/archive"), archivesIn("runs/archive/a")], [1, 1]);
});
