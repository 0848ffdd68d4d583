/** What a command is asked to write takes no archive's place, no record's, and no other file's unasked. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { contentsOf } from "../harness.ts";
import { type Bench, binaryTest, runProgram } from "./binary.ts";

const LEDGER = "data/ledger";
const ARCHIVE = `${LEDGER}/archive/ledger-2026-01-20.tar`;
const COMMANDS = [["report"], ["trace", "export", "--to", "chrome"], ["trace", "sample"]];

async function must(bench: Bench, ...args: string[]): Promise<void> {
  const { code, stderr } = await bench.ledger(args);
  assertEquals(code, 0, `${args.join(" ")}\n${stderr}`);
}

/** A ledger with an old event, a run, and a trace. */
async function fill(bench: Bench): Promise<void> {
  const old = ["--timestamp-ms", "1768910400000"];
  await must(bench, "emit", "run.failed", "--run-id", "old", "--error", "x", ...old);
  await must(bench, "runs", "create", "--run-type", "policy", "--run-id", "rr");
  Deno.writeTextFileSync(join(bench.folder, "trace"), '{"event_id":"e1","event_type":"FILL"}\n');
  await must(bench, "trace", "ingest", "trace");
}

/** Asks for outputs in turn, each without and with `--force`; none may be written. */
async function assertAllRefused(bench: Bench, paths: string[], said: string): Promise<void> {
  const before = contentsOf(bench.folder);
  for (const [nth, path] of paths.entries()) {
    for (const force of [[], ["--force"]]) {
      const args = [...COMMANDS[nth % COMMANDS.length], "--out", path, ...force];
      const { code, stderr } = await bench.ledger(args);
      assertEquals(code, 2, `${args.join(" ")}\n${stderr}`);
      assertStringIncludes(stderr, said);
    }
  }
  assertEquals(contentsOf(bench.folder), before);
}

binaryTest(
  "an archive gives way to no output, wherever it lies and whatever it is called",
  async (bench) => {
    await fill(bench);
    await must(bench, "runs", "finish", "rr", "--status", "failed", "--error", "x");
    await must(bench, "retain", "--days", "30", "--archive", `${LEDGER}/archive`);
    await must(bench, "runs", "prune", "--before", "2999-01", "--archive", "runs/archive", "--yes");

    const at = (path: string) => join(bench.folder, path);
    const [of_runs] = Array.from(Deno.readDirSync(at("runs/archive")), ({ name }) => name);
    Deno.mkdirSync(at(`${LEDGER}/kept`));
    const beside = (name: string) => `${LEDGER}/kept/${name}`;
    Deno.renameSync(at(`runs/archive/${of_runs}`), at(beside("runs.html")));
    Deno.copyFileSync(at(ARCHIVE), at(beside("copy.html")));
    Deno.symlinkSync(at(ARCHIVE), at(beside("link.html")));
    Deno.linkSync(at(ARCHIVE), at(beside("other-name")));
    await runProgram("gzip", ["--keep", at(beside("copy.html"))], bench.folder);
    const names = ["runs.html", "copy.html", "copy.html.gz", "link.html", "other-name"];
    await assertAllRefused(bench, [ARCHIVE, at(ARCHIVE), ...names.map(beside)], "never gives way");
    // One that rotted, or is away for now, is known by the chain.
    Deno.writeTextFileSync(at(ARCHIVE), "rotten");
    Deno.removeSync(at(beside("link.html")));
    await assertAllRefused(bench, [ARCHIVE, beside("other-name")], "never gives way");
    Deno.removeSync(at(ARCHIVE));
    await assertAllRefused(bench, [ARCHIVE], "never gives way");
  },
);

binaryTest(
  "a file gives way to an output where that is wished, and a report to a report",
  async (bench) => {
    await fill(bench);
    const out = join(bench.folder, LEDGER, "out");
    for (const command of COMMANDS) {
      Deno.writeTextFileSync(out, "precious");
      const refused = await bench.ledger([...command, "--out", `${LEDGER}/out`]);
      assertEquals([refused.code, Deno.readTextFileSync(out)], [2, "precious"]);
      assertStringIncludes(refused.stderr, "--force");
      await must(bench, ...command, "--out", `${LEDGER}/out`, "--force");
      assertEquals(Deno.readTextFileSync(out) === "precious", false);
    }
    for (const _ of ["first", "again"]) await must(bench, "report", "--out", `${LEDGER}/page.html`);
    const over = await bench.ledger(["trace", "sample", "--out", `${LEDGER}/page.html`]);
    assertEquals(over.code, 2, "a sample takes a report's place");
  },
);

binaryTest("what is no plain file, or a ledger's own, gives way to no output", async (bench) => {
  await fill(bench);
  await must(bench, "rebuild");
  const other = `${LEDGER}/other`;
  const copied = Deno.makeTempDirSync();
  await runProgram("cp", ["-r", "data", "runs", copied], bench.folder);
  await runProgram("mv", [copied, other], bench.folder);
  await runProgram("mkfifo", [`${LEDGER}/pipe`], bench.folder);
  const paths = Object.keys(contentsOf(bench.folder)).filter((path) =>
    /part-|run\.json|runs\.duckdb$/.test(path)
  );
  const others = paths.filter((path) => path.startsWith(other));
  assertEquals(others.length >= 3 && paths.length > others.length, true, paths.join("\n"));
  await assertAllRefused(bench, [...paths, `${LEDGER}/pipe`, `${LEDGER}/other`], "cannot write");
});
