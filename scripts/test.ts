/**
 * Runs the tests and closes with one plain line, `N passed, N failed`, that any reader of logs
 * understands. Arguments go to `deno test`; without any, all tests run, then the examples in docs.
 * The test files are shared out to two processes, which mostly wait for disks and for other processes;
 * what the second says is printed when the first has ended. Types are tidy's business.
 *
 * `--full` runs everything at its full size (LEDGER_TEST_FULL): every fault, kill, schedule and seed of
 * which the plain run takes a sample, and this version beside the executable of 0.1.0.
 */
import { join } from "@std/path";
import { stripColors } from "./console.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** The names of the tests that failed, and where they stand. */
  failures: string[];
}

const PROJECT = join(import.meta.dirname!, "..");
const PROCESSES = 2;

/** Runs `deno test`, hands its output on, and reads the counts off its closing line. */
async function runTests(args: string[], show: (bytes: Uint8Array) => void): Promise<Counts> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--no-prompt", ...args],
    cwd: PROJECT,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const bytes of child.stdout) {
    show(bytes);
    output += decoder.decode(bytes, { stream: true });
  }
  const { success } = await child.status;
  const closing = /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?:[^|\n]*\| (\d+) ignored)?/g;
  const plain = stripColors(output);
  const last = [...plain.matchAll(closing)].at(-1);
  const listed = plain.slice(plain.lastIndexOf("\n FAILURES \n"));
  const failures = success ? [] : [...listed.matchAll(/^.+ => .+_test\.ts:\d+:\d+$/gm)].flat();
  const [passed = 0, failed = 0, skipped = 0] = (last?.slice(1) ?? [])
    .map((text) => Number(text ?? 0));
  // A suite that could not even start has failed, whatever it counted.
  return { passed, failed: success ? failed : Math.max(1, failed), skipped, failures };
}

function show(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** All test files, dealt out in turn. */
function dealtOut(): string[][] {
  const files: string[] = [];
  const look = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(PROJECT, folder))) {
      if (isDirectory) look(`${folder}/${name}`);
      else if (name.endsWith("_test.ts")) files.push(`${folder}/${name}`);
    }
  };
  look("tests");
  files.sort();
  return Array.from(
    { length: PROCESSES },
    (_, turn) => files.filter((_, at) => at % PROCESSES === turn),
  );
}

/** Builds the executable once, where that works without a download: each test file would, for itself. */
async function buildOnce(): Promise<void> {
  const { DENO_COMPILE, DENORT_BIN, LEDGER_BINARY } = Deno.env.toObject();
  if (LEDGER_BINARY || !DENO_COMPILE || !DENORT_BIN) return;
  const args = ["run", "-A", join(PROJECT, "scripts", "build.ts")];
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: PROJECT }).output();
  if (success) Deno.env.set("LEDGER_BINARY", join(PROJECT, "dist", "ledger"));
}

async function runAll(): Promise<Counts[]> {
  await buildOnce();
  const kept: Uint8Array[] = [];
  const [first, ...others] = dealtOut();
  const counts = await Promise.all([
    runTests(["--no-check", ...first], show),
    ...others.map((files) => runTests(["--no-check", ...files], (bytes) => kept.push(bytes))),
  ]);
  kept.forEach(show);
  return [...counts, await runTests(["--doc", "src/mod.ts"], show)];
}

const args = Deno.args.filter((arg) => arg !== "--full");
if (args.length < Deno.args.length) Deno.env.set("LEDGER_TEST_FULL", "1");
const counts = args.length > 0 ? [await runTests(args, show)] : await runAll();
const sum = (name: "passed" | "failed" | "skipped") =>
  counts.reduce((total, each) => total + each[name], 0);
const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`failed: ${failure}`);
console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
Deno.exit(sum("failed") === 0 && sum("passed") > 0 ? 0 : 1);
