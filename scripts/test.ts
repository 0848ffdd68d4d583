/**
 * Runs the tests and closes with one plain line, `N passed, N failed`, that any reader of logs
 * understands. A work queue: two processes take the test files from it, those that take long first.
 * What a job prints comes when it has ended. Types are tidy's business.
 *
 *     deno task test              from source, in minutes: of the kills, faults, schedules and random
 *                                 logs a sample that one seed draws (LEDGER_TEST_SEED names another)
 *     deno task test --full       everything at its full size, also on an executable of these sources,
 *                                 and beside that of 0.1.0: before a release
 *     deno task test tests/log    arguments go to `deno test`
 *
 * LEDGER_BINARY=dist/ledger adds the tests of that executable, and has the kills run on it. With
 * LEDGER_TEST_NO_SKIP a run fails that left out a test, since this machine lacks what it needs.
 */
import { join } from "@std/path";
import { stripColors } from "./console.ts";

interface Counts {
  passed: number;
  failed: number;
  /** The tests that failed, and where they stand. */
  failures: string[];
  skipped: string[];
}

const PROJECT = join(import.meta.dirname!, "..");
const PROCESSES = 2;
/** How many of the files that take short a process takes at a time. */
const FILES_OF_A_JOB = 24;
/** So many of the long ones stand alone; the others share the start of a process in pairs. */
const ALONE = 8;
/** The files that take long, the longest first: begun last, one of them would end alone. */
const LONG: readonly string[] = [
  "tests/demo/demo_test.ts",
  "tests/crash/schedules/schedules_test.ts",
  "tests/cli/completion_scripts_test.ts",
  "tests/index/compacted_test.ts",
  "tests/index/soak_test.ts",
  "tests/ledger/retain_test.ts",
  "tests/crash/kills/retain_test.ts",
  "tests/journeys/sentences_test.ts",
  "tests/cli/topics_test.ts",
  "tests/binary/help_examples_test.ts",
  "tests/crash/kills/compact_test.ts",
  "tests/crash/kills/pull_test.ts",
  "tests/index/damage_test.ts",
  "tests/index/stream_test.ts",
  "tests/runs/catalog_test.ts",
  "tests/legacy/legacy_import_test.ts",
  "tests/binary/abort_test.ts",
  "tests/binary/build_test.ts",
  "tests/binary/descriptors_test.ts",
  "tests/report/browser_test.ts",
  "tests/report/report_test.ts",
  "tests/crash/kills/trace_kill_test.ts",
  "tests/crash/faults/trace_fault_test.ts",
  "tests/crash/corruption/corruption_test.ts",
];
/** The folder of tests that need an executable and nothing else. */
const OF_EXECUTABLE = "tests/binary/";
/** What takes long and is run only beside an executable, so that a newcomer waits five minutes. */
const BESIDE_EXECUTABLE: readonly string[] = [
  "tests/crash/faults/trace_fault_test.ts",
  "tests/crash/kills/pull_test.ts",
  "tests/crash/kills/retain_test.ts",
  "tests/fleet/engines_test.ts",
  "tests/fleet/kills_test.ts",
  "tests/index/damage_test.ts",
  "tests/index/soak_test.ts",
  "tests/ledger/retain_test.ts",
  "tests/legacy/legacy_import_test.ts",
  "tests/log/archive/import_day_test.ts",
  "tests/log/codec/packing_test.ts",
  "tests/report/browser_test.ts",
];

/** Runs `deno test`, hands its output on, and reads the counts off it. */
async function runTests(args: string[], show: (bytes: Uint8Array) => void): Promise<Counts> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--no-prompt", ...args],
    cwd: PROJECT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      show(bytes);
      output += decoder.decode(bytes, { stream: true });
    }
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  const { success } = await child.status;
  const plain = stripColors(output);
  const closing = [...plain.matchAll(/(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed/g)].at(-1);
  const listed = plain.slice(plain.lastIndexOf("\n FAILURES \n"));
  const failures = success ? [] : [...listed.matchAll(/^.+ => .+_test\.ts:\d+:\d+$/gm)].flat();
  const [passed = 0, failed = 0] = (closing?.slice(1) ?? []).map(Number);
  const skipped = [...plain.matchAll(/^(.+) \.\.\. ignored \(/gm)].map(([, name]) => name);
  // A suite that could not even start has failed, whatever it counted.
  return { passed, failed: success ? failed : Math.max(1, failed), failures, skipped };
}

function show(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** The files of tests below a folder, in order. */
function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(join(PROJECT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFiles(path) : name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

function inShares(files: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(files.length / size) }, (_, n) => {
    return files.slice(n * size, (n + 1) * size);
  });
}

/** What the processes take, one after the other: arguments of `deno test`. */
function jobs(has_executable: boolean): string[][] {
  const files = testFiles("tests")
    .filter((file) =>
      has_executable || !file.startsWith(OF_EXECUTABLE) && !BESIDE_EXECUTABLE.includes(file)
    );
  const long = LONG.filter((file) => files.includes(file));
  const short = files.filter((file) => !LONG.includes(file));
  const shares = [
    ...inShares(long.slice(0, ALONE), 1),
    ...inShares(long.slice(ALONE), 2),
    ...inShares(short, FILES_OF_A_JOB),
  ];
  return [...shares.map((some) => ["--no-check", ...some]), ["--doc", "src/mod.ts"]];
}

async function runAll(): Promise<Counts[]> {
  const queue = jobs(Deno.env.has("LEDGER_BINARY"));
  const counts: Counts[] = [];
  const takeJobs = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const printed: Uint8Array[] = [];
      counts.push(await runTests(job, (bytes) => printed.push(bytes)));
      printed.forEach(show);
    }
  };
  await Promise.all(Array.from({ length: PROCESSES }, takeJobs));
  return counts;
}

/** Builds the executable that everything is tried on, unless one is named. */
async function build(): Promise<void> {
  if (Deno.env.has("LEDGER_BINARY")) return;
  const args = ["run", "-A", join(PROJECT, "scripts", "build.ts")];
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: PROJECT }).spawn()
    .status;
  if (success) Deno.env.set("LEDGER_BINARY", join(PROJECT, "dist", "ledger"));
}

/** Says what this run leaves out, and which seed draws its samples. */
function announce(is_full: boolean): void {
  const random = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  const seed = Deno.env.get("LEDGER_TEST_SEED") ?? (is_full ? random : "1");
  Deno.env.set("LEDGER_TEST_SEED", seed);
  const left_out = [
    ...is_full ? [] : ["all but a sample of kills, faults, schedules and random logs (--full)"],
    ...Deno.env.has("LEDGER_BINARY")
      ? []
      : ["the executable, and what takes long beside it (LEDGER_BINARY=dist/ledger)"],
  ];
  const said = left_out.length > 0 ? `; left out: ${left_out.join(", ")}` : "";
  console.log(`LEDGER_TEST_SEED=${seed}${said}`);
}

const args = Deno.args.filter((arg) => arg !== "--full");
const is_full = args.length < Deno.args.length || Deno.env.has("LEDGER_TEST_FULL");
if (is_full) {
  Deno.env.set("LEDGER_TEST_FULL", "1");
  await build();
}
announce(is_full);
const counts = args.length > 0 ? [await runTests(args, show)] : await runAll();
const sum = (name: "passed" | "failed") => counts.reduce((total, each) => total + each[name], 0);
const skipped = counts.flatMap(({ skipped }) => skipped);
const is_strict = Deno.env.has("LEDGER_TEST_NO_SKIP");
for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`failed: ${failure}`);
if (is_strict) { for (const name of skipped) console.log(`skipped, and may not be: ${name}`); }
const also = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
console.log(`${sum("passed")} passed, ${sum("failed")} failed${also}`);
const is_well = sum("failed") === 0 && sum("passed") > 0 && !(is_strict && skipped.length > 0);
Deno.exit(is_well ? 0 : 1);
