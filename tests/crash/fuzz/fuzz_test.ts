/** Whatever comes from outside, or from a disk that went bad, ends in an error of ours or in sense. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { digestOf } from "../../../src/base/files/checksum.ts";
import { asLedgerError } from "../../../src/base/error.ts";
import { TarDamage } from "../../../src/base/tar.ts";
import { openLedger } from "../../../src/mod.ts";
import { IS_FULL, tempFolder } from "../../harness.ts";
import { Random, TEST_SEED } from "../../laws/random.ts";
import { NOON_MS, seededTest, startScript } from "../kills/crash.ts";
import { linesOfRun } from "../every_kind.ts";
import { FUZZ_CASES } from "./fuzz_cases.ts";
import { FuzzLab, type FuzzTarget, fuzzTargets } from "./fuzz_targets.ts";
import { Snapshot } from "../snapshot.ts";
import type { SqlPlan } from "./sql_fuzzer.ts";

/** Of each target. */
const CASES = IS_FULL ? 10_000 : 40;
const SQL_CASES = IS_FULL ? 10_000 : 60;
/** What thousands of inputs of a few kilobytes may leave behind, before they are collected. */
const GROWTH_BYTES_MAX = 500_000_000;

async function assertRead(target: FuzzTarget, bytes: Uint8Array, what: string): Promise<void> {
  try {
    await target.read(bytes);
  } catch (cause) {
    if (asLedgerError(cause) || cause instanceof TarDamage) return;
    const said = cause instanceof Error ? cause.stack : String(cause);
    throw new Error(`${what}: ${said}\nits input, in base64: ${bytes.toBase64()}`, { cause });
  }
}

Deno.test("readers of changed inputs: an error of ours or sense, whatever the bytes", async (test) => {
  using lab = new FuzzLab();
  await lab.fill();
  const targets = fuzzTargets(lab);
  for (const [name, target] of Object.entries(targets)) {
    await test.step(name, async () => {
      const before_bytes = Deno.memoryUsage().rss;
      for (let seed = TEST_SEED; seed < TEST_SEED + CASES; seed++) {
        const bytes = target.input(new Random(seed));
        await assertRead(target, bytes, `${name}, with LEDGER_TEST_SEED=${seed}`);
      }
      const growth_bytes = Deno.memoryUsage().rss - before_bytes;
      assert(
        growth_bytes < GROWTH_BYTES_MAX,
        `${name} grew by ${growth_bytes} bytes from ${TEST_SEED}`,
      );
    });
  }
});

Deno.test("inputs that once broke a reader do so no more", async () => {
  using lab = new FuzzLab();
  await lab.fill();
  const targets = fuzzTargets(lab);
  for (const { target, input, shows } of FUZZ_CASES) {
    assert(targets[target], `there is no target ${target}`);
    const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    await assertRead(targets[target], bytes, shows);
  }
});

seededTest("statements that were right once: no file changes, nothing aborts", async (random) => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  await using ledger = await openLedger({ dir });
  await ledger.emitLines(linesOfRun("r1", NOON_MS).trimEnd().split("\n"));
  await ledger.registerType("risk.breached", { type: "object" });
  await ledger.sync();
  const before = filesOf(folder.path);
  const plan: SqlPlan = { dir, first_seed: random.seed, cases: SQL_CASES };
  const fuzzer = startScript("crash/fuzz/sql_fuzzer.ts", [JSON.stringify(plan)]);
  const { lines, code, signal, stderr } = await fuzzer.end();
  assertEquals([code, signal], [0, null], `${lines.at(-1)}: ${stderr}`);
  assert(lines.length >= SQL_CASES);
  assertEquals(filesOf(folder.path), before);
});

/** All files below a folder, by their content. */
function filesOf(folder: string): Map<string, string> {
  const { files } = new Snapshot(folder);
  return new Map([...files].map(([name, bytes]) => [name, digestOf([bytes])]));
}
