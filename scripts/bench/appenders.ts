/**
 * Processes that append to one place together. Each gets ready, waits for the word, appends one
 * event after the other until the time is over, and reports how long each took.
 *
 * This file is both sides: what starts the processes, and what each of them runs.
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import { BareLog } from "./bare_log.ts";
import { eventFields, eventLine } from "./events.ts";

/** What they append to; "ledger --writer" is a ledger in which each has parts of its own. */
export type AppenderKind = "ledger" | "ledger --writer" | "bare" | "sqlite";

/** What a process tells when its time is over. */
export interface AppenderReport {
  latencies_ms: number[];
}

const WARM_UP_EVENTS = 1000;
const SQLITE_BUSY_MS = 10_000;
const READY = "ready";

/** Makes the place, so that none of the processes measures how it is made. */
export function prepare(kind: AppenderKind, place: string): void {
  Deno.mkdirSync(place);
  if (kind !== "sqlite") return;
  using database = openDatabase(place);
  database.exec("CREATE TABLE events (line TEXT NOT NULL)");
}

/** Lets so many processes append together for a while. */
export async function appendersOf(
  kind: AppenderKind,
  processes: number,
  place: string,
  duration_ms: number,
): Promise<AppenderReport[]> {
  const children = Array.from({ length: processes }, () => start(kind, place));
  const word = new TextEncoder();
  for (const child of children) await child.ready;
  const until_ms = Date.now() + duration_ms;
  for (const { input } of children) await input.write(word.encode(`${until_ms}\n`));
  return await Promise.all(children.map((child) => child.report));
}

function start(kind: AppenderKind, place: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", import.meta.filename!, kind, place],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(newLines())
    .getReader();
  const next = async () => {
    const { value } = await lines.read();
    if (value === undefined) throw new Error(`a process that appends to ${kind} ended early`);
    return value;
  };
  const ready = next();
  return {
    ready,
    input: child.stdin.getWriter(),
    report: ready.then(next).then(async (line) => {
      await child.status;
      return JSON.parse(line) as AppenderReport;
    }),
  };
}

function newLines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, lines) {
      const whole = (rest + text).split("\n");
      rest = whole.pop()!;
      for (const line of whole) lines.enqueue(line);
    },
  });
}

function openDatabase(place: string): DatabaseSync {
  const database = new DatabaseSync(join(place, "log.sqlite"));
  database.exec(`PRAGMA busy_timeout=${SQLITE_BUSY_MS}`);
  database.exec("PRAGMA journal_mode=WAL");
  database.exec("PRAGMA synchronous=FULL");
  return database;
}

/** Something that makes the k-th event durable in its own way. */
type Append = (k: number) => unknown;

async function openAppend(kind: AppenderKind, place: string): Promise<Append> {
  if (kind === "ledger" || kind === "ledger --writer") {
    const writer = kind === "ledger" ? undefined : `w${Deno.pid}`;
    const ledger = await openLedger({ dir: place, writer });
    return (k) => ledger.emit(eventFields(k));
  }
  if (kind === "bare") {
    const log = new BareLog(join(place, "bare.jsonl"));
    const encoder = new TextEncoder();
    return (k) => log.append(encoder.encode(eventLine(k)));
  }
  const insert = openDatabase(place).prepare("INSERT INTO events VALUES (?)");
  return (k) => insert.run(eventLine(k));
}

async function beOneOfThem(kind: AppenderKind, place: string): Promise<void> {
  const append = await openAppend(kind, place);
  for (let k = 0; k < WARM_UP_EVENTS; k++) await append(k);
  console.log(READY);
  const word = new Uint8Array(64);
  const length = await Deno.stdin.read(word);
  const until_ms = Number(new TextDecoder().decode(word.subarray(0, length ?? 0)));
  const latencies_ms: number[] = [];
  for (let k = WARM_UP_EVENTS; Date.now() < until_ms; k++) {
    const start = performance.now();
    await append(k);
    latencies_ms.push(performance.now() - start);
  }
  console.log(JSON.stringify({ latencies_ms }));
  Deno.exit(0);
}

if (import.meta.main) await beOneOfThem(Deno.args[0] as AppenderKind, Deno.args[1]);
