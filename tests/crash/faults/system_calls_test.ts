/** System calls that fail under the executable: nothing acknowledged lost, no trace, no hang, and again it works. */
import { IS_FULL } from "../../harness.ts";
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "../../binary/binary.ts";
import { Random, TEST_SEED } from "../../laws/random.ts";
import { makeLab, monthOf } from "../every_kind.ts";
import { FaultJudge } from "./fault_judge.ts";
import { KNOWN_FAULTS, KnownFailures } from "../known_failures.ts";
import { labCommands } from "../lab_commands.ts";
import { evened, runByDeadline } from "../lab_copy.ts";
import { ERRORS, type Fault, type SystemCall } from "./system_calls.ts";

/** How many commands are tried in a sample, and with how many faults each. */
const SAMPLE = { commands: 4, faults: 3 };

const NAME = "system calls that fail: nothing acknowledged is lost, and again, without, it works";
const NAMES = Object.keys(labCommands(""));

if (IS_FULL) {
  // A test a command: all take hours, and --filter "fail: emit" takes one.
  for (const name of NAMES) sweep(`system calls that fail: ${name}`, () => [name]);
} else {
  sweep(NAME, (random) => random.times(SAMPLE.commands, () => random.pick(NAMES)));
}

function sweep(test_name: string, namesOf: (random: Random) => string[]): void {
  binaryTest(test_name, async ({ binary, folder }) => {
    const random = new Random(TEST_SEED);
    const lab = join(folder, "lab");
    Deno.mkdirSync(lab);
    await makeLab(lab, (args, stdin) => runByDeadline([binary, ...args], lab, stdin));
    const judge = new FaultJudge(binary, lab, join(folder, "copy"));
    const commands = labCommands(monthOf(lab));
    const found = new KnownFailures(KNOWN_FAULTS);
    for (const name of namesOf(random)) {
      const clean = await judge.runCleanly(commands[name]);
      const faults: Fault[] = IS_FULL
        ? ofEachSort(clean.calls).flatMap((call) => ERRORS.map((error) => ({ ...call, error })))
        : random.times(
          SAMPLE.faults,
          () => ({ ...random.pick(clean.calls), error: random.pick(ERRORS) }),
        );
      for (const fault of faults) {
        for (const flaw of await judge.flawsAfter(commands[name], clean, fault)) {
          found.add(`${name} | ${fault.call} ${fault.k} | ${fault.error} | ${fault.file}`, flaw);
        }
      }
      if (IS_FULL) console.log(`${name}: ${faults.length} faults`);
    }
    assertEquals(found.unknown, [], `with LEDGER_TEST_SEED=${TEST_SEED}`);
  }, { strace: true });
}

/** The first and the last call of each name and file: what is between fails like its neighbours. */
function ofEachSort(calls: readonly SystemCall[]): SystemCall[] {
  const sorts = Map.groupBy(calls, ({ call, file }) => `${call} ${evened(file)}`);
  return [...sorts.values()].flatMap((same) => same.length > 1 ? [same[0], same.at(-1)!] : same);
}
