/** Reading the log itself: every line judged, those of one type printed. */
import { join } from "@std/path";
import { ledgerPaths } from "../../src/log/mod.ts";
import { openLedger } from "../../src/mod.ts";
import { atLeast, type Bench } from "./bench.ts";
import { RARER_TYPE, writeEventFile } from "./events.ts";
import { theProgram, timed } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const EVENTS = 1_000_000;
const EVENTS_QUICK = 200_000;
const RATE_MIN = 500_000;

/** `ledger log --type X` beside `wc -l` over the same parts. */
export const logRead: Bench = {
  name: "log.read",
  shows: "log --type X over a million events, one in ten of that type, beside wc -l",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    const parts = await makeLog(folder, count);
    const { command, description } = theProgram();
    say(description);
    const rateOf = async (command: string[]) => {
      const { duration_ms } = await timed(command, { cwd: folder });
      return count / (duration_ms / 1000);
    };
    const rates = await inRounds(rounds, {
      ours: () => rateOf([...command, "log", "--type", RARER_TYPE]),
      beside: () => rateOf(["wc", "-l", ...parts]),
    });
    return [
      figure({
        name: "log.read",
        unit: "events/s",
        ...rates,
        goal: atLeast(RATE_MIN, "events/s"),
        extra: { program: description },
      }),
    ];
  },
};

/** Fills a log below a folder; returns the paths of its parts. */
async function makeLog(folder: string, count: number): Promise<string[]> {
  const input = join(folder, "events.jsonl");
  writeEventFile(input, count);
  await using ledger = await openLedger({ dir: join(folder, "data", "ledger") });
  using file = Deno.openSync(input);
  const { durable } = await ledger.emitStream(file);
  if (durable !== count) throw new Error(`${durable} of ${count} events are durable`);
  Deno.removeSync(input);
  const { events } = ledgerPaths(ledger.dir);
  const days = (await ledger.survey()).days.map(({ day }) => join(events, `day=${day}`));
  return days.flatMap((day) =>
    Array.from(Deno.readDirSync(day), ({ name }) => join(day, name))
      .filter((path) => path.endsWith(".jsonl")).sort()
  );
}
