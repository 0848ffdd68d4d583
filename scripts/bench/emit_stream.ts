/** A stream of events from standard input into the log: checked, written, durable. */
import { join } from "@std/path";
import { atLeast, type Bench } from "./bench.ts";
import { writeEventFile } from "./events.ts";
import { theProgram, timed, withInput, withOutput } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const EVENTS = 1_000_000;
const EVENTS_QUICK = 100_000;
const RATE_MIN = 400_000;

/** `ledger emit --stdin` beside `cat` and an fsync. */
export const emitStream: Bench = {
  name: "emit.stream",
  shows: "emit --stdin of a million events beside cat to a file + fsync",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    const input = join(folder, "events.jsonl");
    const copy = join(folder, "copy.jsonl");
    writeEventFile(input, count);
    const { command, description } = theProgram();
    say(description);

    const rates = await inRounds(rounds, {
      async ours() {
        const emit = withInput(input, [...command, "emit", "--stdin", "--json"]);
        const { duration_ms, stdout } = await timed(emit, { cwd: folder, stdout: "piped" });
        const { durable } = JSON.parse(stdout);
        if (durable !== count) throw new Error(`${durable} of ${count} events are durable`);
        Deno.removeSync(join(folder, "data"), { recursive: true });
        return count / (duration_ms / 1000);
      },
      async beside() {
        const start = performance.now();
        await timed(withOutput(copy, ["cat", input]), { cwd: folder });
        using file = Deno.openSync(copy);
        file.syncSync();
        const duration_ms = performance.now() - start;
        Deno.removeSync(copy);
        return count / (duration_ms / 1000);
      },
    });
    return [
      figure({
        name: "emit.stream",
        unit: "events/s",
        ...rates,
        goal: atLeast(RATE_MIN, "events/s"),
        extra: { program: description },
      }),
    ];
  },
};
