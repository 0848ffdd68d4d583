/** Files that went bad: found or healed, never a stack trace, a hang, or less than before in silence. */
import { IS_FULL } from "../../harness.ts";
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "../../binary/binary.ts";
import { Random, TEST_SEED } from "../../laws/random.ts";
import { asProcess, CorruptionJudge, inProcess } from "./corruption_judge.ts";
import { CORRUPTIONS, FILE_KINDS, type FileKind } from "./corruptions.ts";
import { makeLab, monthOf } from "../every_kind.ts";
import { KNOWN_CORRUPTIONS, KnownFailures } from "../known_failures.ts";
import { labCommands } from "../lab_commands.ts";
import { runByDeadline } from "../lab_copy.ts";

/** How many of thousands are tried where not all are. */
const SAMPLE = { process: 6, in_process: 12 };

/** A file, how it goes bad, and the command that is given then. */
interface Case {
  kind: FileKind;
  how: string;
  command: string;
}

/** What the sweep of all has found, and what was mended since: tried each time. */
const MENDED: readonly (readonly [file: string, how: string, command: string])[] = [
  ["a sealed part", "nothing", "log"],
  ["a packed part", "a pipe", "log"],
  ["the index", "a pipe", "query"],
  ["the index's stamp", "a pipe", "rebuild"],
  ["the catalog", "a lost end", "report"],
  ["traces", "a pipe", "trace stats"],
  ["traces", "a link to nowhere", "trace compact"],
  ["the native library", "a flipped bit", "doctor"],
];

/** Nothing ends a process of ours that waits at a pipe, or that a library aborts. */
function isSafeInProcess({ kind, how }: Case): boolean {
  return how !== "a pipe" && !/index|catalog|alerts|native|traces/.test(kind.name);
}

binaryTest("files that went bad are found or healed, whichever and however", async (bench) => {
  const { binary, folder } = bench;
  const lab = join(folder, "lab");
  Deno.mkdirSync(lab);
  await makeLab(lab, (args, stdin) => runByDeadline([binary, ...args], lab, stdin));
  const commands = labCommands(monthOf(lab));
  const all = FILE_KINDS.flatMap((kind) =>
    Object.keys(CORRUPTIONS).flatMap((how) =>
      kind.readers.map((command): Case => ({ kind, how, command }))
    )
  );
  const found = new KnownFailures(KNOWN_CORRUPTIONS);
  const random = new Random(TEST_SEED);
  const sweep = async (judge: CorruptionJudge, cases: Case[]) => {
    // One clean run serves all cases of a command.
    for (const { kind, how, command } of cases) {
      const flaw = await judge.flawAfter(command, commands[command], {
        ...{ kind, how },
        random: random.fork(),
      });
      if (flaw) found.add(`${kind.name} | ${how} | ${command}`, flaw);
    }
  };
  const copy = join(folder, "copy");
  const judge = new CorruptionJudge(asProcess(binary), lab, copy);
  const kindOf = (name: string) => FILE_KINDS.find((kind) => kind.name === name)!;
  await sweep(judge, MENDED.map(([file, how, command]) => ({ kind: kindOf(file), how, command })));
  await sweep(judge, IS_FULL ? all : sampleOf(random, all, SAMPLE.process));
  if (!IS_FULL) {
    const beside = new CorruptionJudge(inProcess, lab, copy);
    await sweep(beside, sampleOf(random, all.filter(isSafeInProcess), SAMPLE.in_process));
  }
  assertEquals(found.unknown, [], `with LEDGER_TEST_SEED=${TEST_SEED}`);
  if (IS_FULL) assertEquals(found.not_seen, [], "mended: take it from the list");
});

/** Some of them, of few commands each: the clean run of each is paid for once. */
function sampleOf(random: Random, all: readonly Case[], count: number): Case[] {
  const commands = random.times(count / 4, () => random.pick(all).command);
  const few = all.filter(({ command }) => commands.includes(command));
  return random.times(count, () => random.pick(few));
}
