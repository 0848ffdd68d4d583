/**
 * Runs the tests and closes with one plain line, `N passed, N failed`, that any reader of logs
 * understands. Arguments go to `deno test`; without any, all tests run, then the examples in docs.
 *
 * `--full` runs everything at its full size (LEDGER_TEST_FULL): every fault, kill, schedule and seed of
 * which the plain run takes a sample, and this version beside the executable of 0.1.0.
 */
import { stripColors } from "./console.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs `deno test` with its output passed through, and reads the counts off its closing line. */
async function runTests(args: string[]): Promise<{ counts: Counts; success: boolean }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--no-prompt", ...args],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let tail = "";
  for await (const bytes of child.stdout) {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    tail = (tail + decoder.decode(bytes, { stream: true })).slice(-4000);
  }
  const { success } = await child.status;
  const closing = /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?:[^|\n]*\| (\d+) ignored)?/g;
  const last = [...stripColors(tail).matchAll(closing)].at(-1);
  const [passed, failed, skipped] = (last?.slice(1) ?? []).map((text) => Number(text ?? 0));
  return { counts: { passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0 }, success };
}

const args = Deno.args.filter((arg) => arg !== "--full");
if (args.length < Deno.args.length) Deno.env.set("LEDGER_TEST_FULL", "1");
const suites = args.length > 0 ? [args] : [["tests/"], ["--doc", "src/mod.ts"]];
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
let success = true;
for (const suite of suites) {
  const ended = await runTests(suite);
  success &&= ended.success;
  // A suite that could not even start has failed, whatever it counted.
  if (!ended.success && ended.counts.failed === 0) ended.counts.failed = 1;
  for (const name of ["passed", "failed", "skipped"] as const) total[name] += ended.counts[name];
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
Deno.exit(success && total.passed > 0 ? 0 : 1);
