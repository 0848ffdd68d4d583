import { asLedgerError, LedgerError, placeText } from "../../base/error.ts";
import { counted, escaped } from "../../base/format.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { interruptedBy, OutputClosed, type World } from "../../base/world.ts";
import { EventLog } from "../../ledger/event_log.ts";
import { EVENT_TYPES, isBuiltIn } from "../../log/event/event.ts";
import type { LineAnswer, StreamOptions } from "../../log/mod.ts";
import { type CommandContext, defineCommand, type FlagsOf } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import {
  choice,
  count,
  flagFacts,
  json,
  ledgerFlags,
  number,
  optionsFor,
  text,
  toggle,
  toggleOr,
} from "../flags.ts";
import { usage } from "../parse.ts";
import { Progress, stopOnInterrupt, withProgress } from "../progress.ts";
import { print, printJson, say } from "../print.ts";

const FIELDS = { group: "Fields of the event" };

/** A flag for each field: the field's name, with dashes. */
const field_flags = {
  "run-id": text("ID", "the run (default: $LEDGER_RUN_ID)", FIELDS),
  "run-type": text("TEXT", "the kind of run: policy, path-only, …", FIELDS),
  "config": json("the run's configuration, an object", FIELDS),
  "data-fingerprint": text("TEXT", "identifies the data that the run reads", FIELDS),
  "summary": json("the run's results, an object", FIELDS),
  "artifact-paths": json("the paths of the results, an object", FIELDS),
  "error": text("TEXT", "why the run failed", FIELDS),
  "phase-name": text("TEXT", "the phase", FIELDS),
  "phase-order": number("the phase's position in the run, from 0", FIELDS),
  "duration-ms": number("how long the phase took", FIELDS),
  "output-summary": json("the phase's results, an object", FIELDS),
  "trial-id": text("ID", "the trial", FIELDS),
  "params": json("the trial's parameters, an object", FIELDS),
  "metrics": json("what was measured, an object", FIELDS),
  "alerts-total": number("how many alerts there were", FIELDS),
  "alerts-ok": number("how many of them were covered", FIELDS),
  "artifact-path": text("PATH", "where the artifact is", FIELDS),
  "artifact-type": text("TEXT", "what the artifact holds", FIELDS),
  "size-bytes": number("the artifact's size", FIELDS),
  "used-run-id": text("ID", "the run whose artifact was read", FIELDS),
  "sha256": text("HEX", "the digest of what was read", FIELDS),
  "tags": json("tags that are put on the run, a list of texts", FIELDS),
  "tags-removed": json("tags that are taken off it, a list of texts", FIELDS),
  "note": text("TEXT", "a note about the run", FIELDS),
  "name": text("TEXT", "a name for the run", FIELDS),
  "pin": json("whether the run is pinned, true or false", FIELDS),
  "group": text("TEXT", "the group that the run belongs to", FIELDS),
  "to-run-id": text("ID", "the run that it is linked to", FIELDS),
  "kind": text("TEXT", "what kind of link that is", FIELDS),
  "removed": json("whether the link is taken back, true or false", FIELDS),
  "event-id": text("ID", "an id of your own: an id emitted twice counts once", FIELDS),
  "timestamp-ms": number("when it happened (default: now)", FIELDS),
  "correlation-id": text("ID", "the correlation that the event belongs to", FIELDS),
  "causation-id": text("ID", "the event that caused it", FIELDS),
  "event-data": json("further fields, an object; all fields of a type of your own", FIELDS),
};

const flags = {
  "event-type": text("TYPE", "the event's type, as a flag"),
  "stdin": toggle("append NDJSON from standard input: one event a line"),
  "ack": toggleOr(
    ["json"],
    "with --stdin: answer every input line, in order: with the event's id once it is durable, " +
      "with TAB LINE TAB CODE TAB MESSAGE for a rejected line, with an empty line for a blank one; " +
      "=json: with one object each",
  ),
  "on-error": choice(["stop", "skip"], "with --stdin: what a bad line does (default: stop)"),
  "dry-run": toggle("validate and print what would be written; write nothing"),
  "durability": choice(
    ["fsync", "os"],
    "fsync: acknowledged events are on the disk (default). os: handed to the operating system, " +
      "may be lost in a power cut",
  ),
  "writer": text("NAME", "write to parts of its own, for network file systems ($LEDGER_WRITER)"),
  "lock-wait-ms": count(`how long to wait for other writers (default: ${lock_wait_ms})`),
  ...ledgerFlags(),
  ...field_flags,
};

type Flags = FlagsOf<typeof flags>;

export default defineCommand({
  name: "emit",
  summary: "append an event, or a stream of events, to the log",
  description: "Validates the event, appends it, and prints its id once the line is durable. Any " +
    "number of processes may emit at once. When it fails, nothing was written, or the message " +
    "says what was.",
  examples: {
    "ledger emit run.created --run-id r1 --run-type policy --config '{}' --data-fingerprint fp":
      "create a run; prints the event's id",
    [`echo '{"event_type":"run.started","run_id":"r1"}' | ledger emit --stdin --ack`]:
      "a stream of events; prints each id once it is durable",
  },
  positionals: [{ name: "TYPE", summary: "the event's type; to list them: ledger schema list" }],
  flags,
  run: async (context) => {
    const { world, flags } = context;
    await using log = new EventLog({
      ...optionsFor(world, flags),
      ...(flags.writer === undefined ? {} : { writer: flags.writer }),
      durability: flags.durability,
      lock_wait_ms: flags["lock-wait-ms"],
    });
    return await (flags.stdin ? emitStream(context, log) : emitOne(context, log));
  },
});

async function emitOne(
  { world, flags, words }: CommandContext<Flags>,
  log: EventLog,
): Promise<void> {
  for (const name of ["ack", "on-error"] as const) {
    if (flags[name]) throw usage("emit", `--${name} goes with --stdin`);
  }
  const line = lineOf(world, log, flags, words);
  if (flags["dry-run"]) {
    print(world, (await log.check(line)).line);
    return say(world, "valid; nothing was written");
  }
  const acknowledgement = await log.emitLine(line);
  const { event_id } = acknowledgement;
  try {
    if (flags.json) printJson(world, acknowledgement);
    else print(world, event_id);
  } catch (error) {
    // A caller who repeats it because of this would write it twice.
    const problem = asLedgerError(error);
    throw problem?.with({
      message: `${problem.message}; the event is in the log, as ${event_id}`,
      hint: "do not emit it again",
    }) ?? error;
  }
}

/** The event as JSON text. JSON and numbers go in as typed, to the last digit. */
function lineOf(world: World, log: EventLog, flags: Flags, words: string[]): string {
  if (words[0] !== undefined && flags["event-type"] !== undefined) {
    throw usage("emit", "the type is given twice: as TYPE and as --event-type");
  }
  const type = words[0] ?? flags["event-type"];
  if (type === undefined) {
    throw usage("emit", "TYPE is missing", `types are ${Object.keys(EVENT_TYPES).join(", ")}`);
  }
  const data = flags["event-data"]?.trim();
  if (data !== undefined && !data.startsWith("{")) {
    throw usage("emit", "--event-data has to be a JSON object");
  }
  const members = [`"event_type":${JSON.stringify(type)}`];
  for (const name of Object.keys(field_flags) as (keyof typeof field_flags)[]) {
    const value = flags[name] ??
      (name === "run-id" ? defaultRunId(world, log, type, data) : undefined);
    if (value === undefined || name === "event-data") continue;
    const is_json = ["JSON", "N"].includes(flagFacts(field_flags[name]).value!);
    const text = is_json ? value : JSON.stringify(value);
    members.push(`"${name.replaceAll("-", "_")}":${text}`);
  }
  if (data !== undefined) {
    const inner = data.slice(1, -1).trim();
    if (inner !== "") members.push(inner);
  }
  return `{${members.join(",")}}`;
}

/** $LEDGER_RUN_ID, for a type whose events have a run id. */
function defaultRunId(
  world: World,
  log: EventLog,
  type: string,
  data = "{}",
): string | undefined {
  if (isBuiltIn(type) && !("run_id" in EVENT_TYPES[type])) return undefined;
  const { properties = {}, additionalProperties } = log.registry.types.get(type)?.schema ?? {};
  if (additionalProperties === false && !("run_id" in (properties as object))) return undefined;
  if (Object.hasOwn(JSON.parse(data), "run_id")) return undefined;
  return world.env("LEDGER_RUN_ID") || undefined;
}

async function emitStream(
  { world, flags, words }: CommandContext<Flags>,
  log: EventLog,
): Promise<number> {
  const stray = words.length > 0
    ? `the type ${words[0]}`
    : flags["event-type"] !== undefined
    ? "--event-type"
    : Object.keys(field_flags).map((name) => `--${name}`)
      .find((name) => flags[name.slice(2) as keyof Flags] !== undefined);
  if (stray) throw usage("emit", `${stray} does not go with --stdin: each line is a whole event`);
  if (flags.ack && flags["dry-run"]) {
    throw usage("emit", "--ack does not go with --dry-run, which writes nothing");
  }
  using stop = stopOnInterrupt(world);
  using progress = new Progress(world);
  const options: StreamOptions = {
    on_error: flags["on-error"],
    dry_run: flags["dry-run"],
    signal: stop.signal,
    onAnswers: flags.ack ? (answers) => printAnswers(world, answers, flags.ack) : undefined,
    // The reader of answers gets this one there, and may not read stderr: a full pipe would block.
    onBadLine: flags.ack ? undefined : (error) => {
      progress.clear();
      const text = `${placeText(error.where)}: ${error.message}`;
      say(world, flags.json ? JSON.stringify({ error: error.toJSON() }) : text);
    },
  };
  const report = await log.emitStream(await inputOf(world, flags, progress), options);
  progress.clear();
  const kept = flags["dry-run"]
    ? `${counted(report.valid, "event")} valid; nothing was written`
    : `${counted(report.durable, "event")} ${flags.durability === "os" ? "written" : "durable"}`;
  const bad = report.bad > 0 ? `, ${counted(report.bad, "bad line")} skipped` : "";
  if (flags.json) printJson(world, { ...report, durability: log.durability });
  else say(world, kept + bad);
  const signal = stop.stoppedBy();
  if (signal) throw interruptedBy(signal).with({ detail: { durable: report.durable } });
  return report.bad > 0 ? EXIT_FINDINGS : EXIT_OK;
}

/** An id holds no control characters: a line that begins with a TAB is an error. */
function answerAsText({ line, event_id, error }: LineAnswer): string {
  return error ? `\t${line}\t${error.code}\t${escaped(error.message)}` : event_id ?? "";
}

function answerAsJson({ line, event_id, error }: LineAnswer): string {
  return escaped(JSON.stringify(error ? { line, error } : { line, event_id }));
}

/** Standard input, with progress where that disturbs neither typing nor reading. */
async function inputOf(world: World, { ack }: Flags, progress: Progress) {
  const is_in_use = world.stdin.is_terminal || (ack && world.stdout.is_terminal);
  if (is_in_use || !progress.is_wanted) return world.stdin;
  return withProgress(world.stdin, progress, await world.stdin.size_bytes?.());
}

function printAnswers(world: World, answers: LineAnswer[], form: Flags["ack"]): void {
  try {
    print(world, answers.map(form === "json" ? answerAsJson : answerAsText).join("\n"));
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
    throw new LedgerError({
      code: "io",
      message: "cannot acknowledge: the reader of standard output has closed it",
      hint: "emit again what has no acknowledgement",
      cause: error,
    });
  }
}
