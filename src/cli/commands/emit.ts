import * as z from "zod/mini";
import { asLedgerError, EXIT_FINDINGS, EXIT_OK, LedgerError, placeText } from "../../base/error.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { interruptedBy, OutputClosed, type World } from "../../base/world.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { EVENT_TYPES, isBuiltIn, type LineAnswer, type StreamOptions } from "../../log/mod.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { asJson, choice, count, dir, json, number, text, toggle, toggleOr } from "../flags.ts";
import { openFor, stopOnInterrupt } from "../open.ts";
import { counted, escaped, print, Progress, say, withProgress } from "../output.ts";
import { usage } from "../parse.ts";

const FIELDS = "Fields of the event";

/** Field flags: the flag's name is the field's, with dashes. */
const field_flags = {
  "run-id": text({ group: FIELDS, value: "ID", description: "the run (default: $LEDGER_RUN_ID)" }),
  "run-type": text({ group: FIELDS, description: "what kind of run: policy, path-only, …" }),
  "config": json({ group: FIELDS, description: "the run's configuration, an object" }),
  "data-fingerprint": text({ group: FIELDS, description: "stands for the data the run sees" }),
  "summary": json({ group: FIELDS, description: "what came out of the run, an object" }),
  "artifact-paths": json({ group: FIELDS, description: "where the results are, an object" }),
  "error": text({ group: FIELDS, description: "why the run failed" }),
  "phase-name": text({ group: FIELDS, description: "the phase" }),
  "phase-order": number({ group: FIELDS, description: "the phase's place in the run, from 0" }),
  "duration-ms": number({ group: FIELDS, description: "how long the phase took" }),
  "output-summary": json({ group: FIELDS, description: "what came out of the phase, an object" }),
  "trial-id": text({ group: FIELDS, value: "ID", description: "the trial" }),
  "params": json({ group: FIELDS, description: "the trial's parameters, an object" }),
  "metrics": json({ group: FIELDS, description: "what was measured, an object" }),
  "alerts-total": number({ group: FIELDS, description: "how many alerts there were" }),
  "alerts-ok": number({ group: FIELDS, description: "how many of them were covered" }),
  "artifact-path": text({ group: FIELDS, value: "PATH", description: "where the artifact is" }),
  "artifact-type": text({ group: FIELDS, description: "what the artifact holds" }),
  "size-bytes": number({ group: FIELDS, description: "how large the artifact is" }),
  "event-id": text({
    group: FIELDS,
    value: "ID",
    description: "an id of your own: the same id emitted twice counts once",
  }),
  "timestamp-ms": number({ group: FIELDS, description: "when it happened (default: now)" }),
  "correlation-id": text({ group: FIELDS, value: "ID", description: "what it belongs to" }),
  "causation-id": text({ group: FIELDS, value: "ID", description: "the event that caused it" }),
  "event-data": json({
    group: FIELDS,
    description: "further fields, an object; for a type of your own, all of them",
  }),
};

/** Flags whose text goes into the event as it is, because it is JSON already. */
const RAW_FLAGS = new Set([
  "config",
  "summary",
  "artifact-paths",
  "output-summary",
  "params",
  "metrics",
  "phase-order",
  "duration-ms",
  "alerts-total",
  "alerts-ok",
  "size-bytes",
  "timestamp-ms",
]);

const flags = z.strictObject({
  "event-type": text({ value: "TYPE", description: "the type, for those who prefer a flag" }),
  "stdin": toggle({ description: "append NDJSON from standard input: one event a line" }),
  "ack": toggleOr(["json"], {
    description:
      "with --stdin: one line for each input line, in their order: an event's id once it " +
      "is durable, TAB LINE TAB CODE TAB MESSAGE for a line that is refused, nothing on it for a " +
      "blank one; =json: an object each",
  }),
  "on-error": choice(["stop", "skip"], {
    description: "with --stdin: what a bad line does (default: stop)",
  }),
  "dry-run": toggle({ description: "validate, print what would be written, write nothing" }),
  "durability": choice(["fsync", "os"], {
    description: "fsync: acknowledged means on the disk (default). os: it means handed over",
  }),
  "writer": text({
    value: "NAME",
    description: "write to parts of one's own, for network file systems ($LEDGER_WRITER)",
  }),
  "lock-wait-ms": count({
    description: `how long to wait for other writers (default: ${lock_wait_ms})`,
  }),
  "dir": dir(),
  "json": asJson(),
  ...field_flags,
});

type Flags = z.output<typeof flags>;
type StreamInput = Parameters<Ledger["emitStream"]>[0];

const emit = defineCommand({
  name: "emit",
  summary: "append an event, or a stream of events, to the log",
  description:
    "Checks the event against its type, appends it, and prints its id once the line is " +
    "durable on the disk. Any number of processes may emit at once. When it fails, nothing was " +
    "written, or the message says what was.",
  examples: [
    {
      line: "ledger emit run.created --run-id r1 --run-type policy --config '{}' " +
        "--data-fingerprint fp",
      shows: "a run exists; prints the event's id",
    },
    {
      line: `echo '{"event_type":"run.started","run_id":"r1"}' | ledger emit --stdin --ack`,
      shows: "a stream of events, each id printed once it is durable",
    },
  ],
  positionals: [{
    name: "TYPE",
    summary: "the event's type; `ledger schema list` shows them",
  }],
  flags,
  run: async (context) => {
    const { world, flags } = context;
    const ledger = openFor(world, flags, {
      ...(flags.writer === undefined ? {} : { writer: flags.writer }),
      durability: flags.durability,
      lock_wait_ms: flags["lock-wait-ms"],
    });
    try {
      if (flags.stdin) return await emitStream(context, ledger);
      return await emitOne(context, ledger);
    } finally {
      await ledger.close();
    }
  },
});
export default emit;

async function emitOne(
  { world, flags, words }: CommandContext<Flags>,
  ledger: Ledger,
): Promise<number> {
  for (const name of ["ack", "on-error"] as const) {
    if (flags[name]) throw usage(emit, `--${name} goes with --stdin`);
  }
  const line = lineOf(world, ledger, flags, words);
  if (flags["dry-run"]) {
    print(world, (await ledger.check(line)).line);
    say(world, "valid; nothing was written");
    return EXIT_OK;
  }
  const acknowledgement = await ledger.emitLine(line);
  const { event_id } = acknowledgement;
  try {
    print(world, flags.json ? JSON.stringify(acknowledgement) : event_id);
  } catch (error) {
    // Whoever repeats it because of this would have it twice.
    const problem = asLedgerError(error);
    throw problem?.with({
      message: `${problem.message}; the event is in the log, as ${event_id}`,
      hint: "it need not be emitted again",
    }) ?? error;
  }
  return EXIT_OK;
}

/** The event as JSON text. Texts that are JSON go in as they were typed, to the last digit. */
function lineOf(world: World, ledger: Ledger, flags: Flags, words: string[]): string {
  if (words[0] !== undefined && flags["event-type"] !== undefined) {
    throw usage(emit, "the type is given twice, as a word and by --event-type");
  }
  const type = words[0] ?? flags["event-type"];
  if (type === undefined) {
    throw usage(
      emit,
      "which type? It is missing",
      `known are ${Object.keys(EVENT_TYPES).join(", ")}`,
    );
  }
  const data = flags["event-data"]?.trim();
  if (data !== undefined && !data.startsWith("{")) {
    throw usage(emit, "--event-data has to be a JSON object");
  }
  const members = [`"event_type":${JSON.stringify(type)}`];
  for (const name of Object.keys(field_flags) as (keyof typeof field_flags)[]) {
    const value = flags[name] ??
      (name === "run-id" ? defaultRunId(world, ledger, type, data) : undefined);
    if (value === undefined || name === "event-data") continue;
    const text = RAW_FLAGS.has(name) ? value : JSON.stringify(value);
    members.push(`"${name.replaceAll("-", "_")}":${text}`);
  }
  if (data !== undefined) {
    const inner = data.slice(1, -1).trim();
    if (inner !== "") members.push(inner);
  }
  return `{${members.join(",")}}`;
}

/** The environment's run, for a type whose events may name one. */
function defaultRunId(
  world: World,
  ledger: Ledger,
  type: string,
  data = "{}",
): string | undefined {
  if (isBuiltIn(type) && !("run_id" in EVENT_TYPES[type])) return undefined;
  const { properties = {}, additionalProperties } = ledger.registry.types.get(type)?.schema ?? {};
  if (additionalProperties === false && !("run_id" in (properties as object))) return undefined;
  // A default gives way to what was said, wherever it was said.
  if (Object.hasOwn(JSON.parse(data), "run_id")) return undefined;
  return world.env("LEDGER_RUN_ID") || undefined;
}

async function emitStream(
  { world, flags, words }: CommandContext<Flags>,
  ledger: Ledger,
): Promise<number> {
  const stray = words.length > 0
    ? `the type ${words[0]}`
    : flags["event-type"] !== undefined
    ? "--event-type"
    : Object.keys(field_flags).map((name) => `--${name}`)
      .find((name) => flags[name.slice(2) as keyof Flags] !== undefined);
  if (stray) throw usage(emit, `${stray} does not go with --stdin: each line is a whole event`);
  if (flags.ack && flags["dry-run"]) {
    throw usage(emit, "--ack does not go with --dry-run: nothing becomes durable");
  }
  const stop = stopOnInterrupt(world);
  using progress = new Progress(world);
  const options: StreamOptions = {
    on_error: flags["on-error"],
    dry_run: flags["dry-run"],
    signal: stop.signal,
    onAnswers: flags.ack ? (answers) => printAnswers(world, answers, flags.ack) : undefined,
    // Who reads answers has this one already, and may read nothing else: a full pipe would stop us.
    onBadLine: flags.ack ? undefined : (error) => {
      progress.clear();
      const text = `${placeText(error.where)}: ${error.message}`;
      say(world, flags.json ? JSON.stringify({ error: error.toJSON() }) : text);
    },
  };
  try {
    const report = await ledger.emitStream(await inputOf(world, flags, progress), options);
    progress.clear();
    const kept = flags["dry-run"]
      ? `${counted(report.valid, "event")} valid; nothing was written`
      : `${counted(report.durable, "event")} ${flags.durability === "os" ? "written" : "durable"}`;
    const bad = report.bad > 0 ? `, ${counted(report.bad, "bad line")} skipped` : "";
    if (flags.json) print(world, JSON.stringify({ ...report, durability: ledger.durability }));
    else say(world, kept + bad);
    const signal = stop.stoppedBy();
    if (signal) throw interruptedBy(signal).with({ detail: { durable: report.durable } });
    return report.bad > 0 ? EXIT_FINDINGS : EXIT_OK;
  } finally {
    stop.done();
  }
}

/** An id holds no control characters: what begins with a TAB is none. */
function answerAsText({ line, event_id, error }: LineAnswer): string {
  return error ? `\t${line}\t${error.code}\t${escaped(error.message)}` : event_id ?? "";
}

function answerAsJson({ line, event_id, error }: LineAnswer): string {
  return escaped(JSON.stringify(error ? { line, error } : { line, event_id }));
}

/** Standard input; how far it is read is told where that disturbs neither typing nor reading. */
async function inputOf(world: World, { ack }: Flags, progress: Progress): Promise<StreamInput> {
  const is_in_use = world.stdin.is_terminal || (ack && world.stdout.is_terminal);
  if (is_in_use || !progress.is_wanted) return world.stdin;
  return withProgress(world.stdin, progress, await world.stdin.size_bytes?.());
}

function printAnswers(world: World, answers: LineAnswer[], form: Flags["ack"]): void {
  try {
    print(world, answers.map(form === "json" ? answerAsJson : answerAsText).join("\n"));
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
    // Silence would look like success to nobody: whoever wanted the acknowledgements has gone.
    throw new LedgerError({
      code: "io",
      message: "cannot acknowledge: the reader of standard output has gone",
      hint: "send again what comes after these",
      cause: error,
    });
  }
}
