/** Traces from the command line: taken in, and asked. */
import { join } from "@std/path";
import { alone, atMost, type Bench, type Goal } from "./bench.ts";
import { theProgram, timed, withInput } from "./processes.ts";
import { figure, inRounds, median } from "./rounds.ts";
import { wanted, writeTraceFile } from "./trace_load.ts";

const EVENTS = 1_000_000;
const EVENTS_QUICK = 100_000;
const RATE_MIN = 100_000;
const RATIO_MIN = 0.5;
const TYPES = ["BAR", "SIGNAL", "ORDER", "FILL"];

/** `trace ingest` beside `emit --stdin` of the same bytes. */
export const traceIngest: Bench = {
  name: "trace.ingest",
  shows: "trace ingest of a million events beside emit --stdin of the same bytes",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    const input = writeTraceFile(folder, count);
    const { command, description } = theProgram();
    say(description);
    const data = join(folder, "data");
    const rateOf = async (words: string[], prepare: () => Promise<void>) => {
      await prepare();
      const taken = withInput(input, [...command, ...words, "--json"]);
      const { duration_ms, stdout } = await timed(taken, { cwd: folder, stdout: "piped" });
      const { events, durable = events } = JSON.parse(stdout);
      if (durable !== count) throw new Error(`${durable} of ${count} events are durable`);
      Deno.removeSync(data, { recursive: true });
      return count / (duration_ms / 1000);
    };
    const rates = await inRounds(Math.min(rounds, 5), {
      ours: () => rateOf(["trace", "ingest"], () => Promise.resolve()),
      beside: () =>
        rateOf(["emit", "--stdin"], async () => {
          const schema = join(folder, "any.json");
          Deno.writeTextFileSync(schema, `{"type":"object"}`);
          for (const type of TYPES) {
            await timed([...command, "schema", "register", type, schema], { cwd: folder });
          }
        }),
    });
    const goal: Goal = {
      text: `≥ ${RATIO_MIN}×, ≥ ${RATE_MIN.toLocaleString("en")} events/s`,
      holds: ({ ours, ratio }) => ours >= RATE_MIN && ratio >= RATIO_MIN,
    };
    return [figure({ name: "trace.ingest", unit: "events/s", ...rates, goal })];
  },
};

/** One correlation, and one fill's origin, among a million events. */
export const traceQuestions: Bench = {
  name: "trace.query",
  shows: "trace query of one correlation and trace path of one fill among a million events",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    const input = writeTraceFile(folder, count);
    const { command, description } = theProgram();
    say(description);
    await timed([...command, "trace", "ingest", input], { cwd: folder });
    await timed([...command, "trace", "compact"], { cwd: folder });
    const { correlation_id, fill } = wanted(count);
    const asked = async (words: string[], is_answer: (stdout: string) => boolean) => {
      const { duration_ms, stdout } = await timed([...command, "trace", ...words], {
        cwd: folder,
        stdout: "piped",
      });
      if (!is_answer(stdout)) throw new Error(`not the answer: ${stdout.slice(0, 200)}`);
      return duration_ms / 1000;
    };
    const seconds = await inRounds(rounds, {
      query: () =>
        asked(
          ["query", "--correlation", correlation_id, "--format", "ndjson"],
          (stdout) => stdout.split("\n").length === 1_001,
        ),
      path: () => asked(["path", fill, "--json"], (stdout) => JSON.parse(stdout).path.length === 4),
    });
    return [
      alone("trace.query", median(seconds.query), "s", atMost(0.3, "s")),
      alone("trace.path", median(seconds.path), "s", atMost(0.3, "s")),
    ];
  },
};
