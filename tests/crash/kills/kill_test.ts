import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { LogCursor } from "../../../src/log/mod.ts";
import { openLedger } from "../../../src/mod.ts";
import { IS_FULL, linesOnDisk, runIn, startLedger, tempFolder } from "../../harness.ts";
import {
  assertEachOnce,
  DAY,
  idsOnDisk,
  NOON_MS,
  patience,
  quarantined,
  repeated,
  Running,
  seededTest,
  spin,
  startWriter,
} from "./crash.ts";
import { type Random } from "../../laws/random.ts";

const KILLS = IS_FULL ? 200 : 20;
const LANES = 2;
const KILLS_OF_A_LEDGER = IS_FULL ? 20 : 10;
const WRITE_AWAITED_MS = 20;
const BATCH = 1_000;
const BALLAST_CHARS = 2_000;

const BALLAST = "x".repeat(BALLAST_CHARS);
const encoder = new TextEncoder();

/** Starts a stream that never ends by itself: its input stays open. */
function startStream(lab: string, name: string): Running {
  const child = startLedger(["emit", "--stdin", "--ack"], {
    cwd: lab,
    is_shipped: true,
    stdin: "piped",
    signal: patience(),
  });
  const lines = Array.from({ length: 20 * BATCH }, (_, n) => eventLine(`${name}-${n}`, BALLAST));
  // It is killed before it has read all this.
  child.stdin.getWriter().write(encoder.encode(lines.join(""))).catch(() => {});
  return new Running(child);
}

function eventLine(event_id: string, ballast?: string): string {
  const event = { event_id, event_type: "run.started", timestamp_ms: NOON_MS, run_id: "r" };
  return JSON.stringify({ ...event, ballast }) + "\n";
}

/** Waits for the right moment to tear a write: the part grows, and the write may still go on. */
function spinUntilPartGrows(dir: string): void {
  const size_bytes = Deno.statSync(partIn(dir)).size;
  spin(WRITE_AWAITED_MS, () => Deno.statSync(partIn(dir)).size > size_bytes);
}

/** One life of a writer, ended in the middle of its work. Returns what it has acknowledged. */
async function liveAndDie(lab: string, name: string, random: Random): Promise<string[]> {
  const dir = ledgerIn(lab);
  const waves = random.below(2) === 0 ? [1, 1, 1, BATCH] : [BATCH];
  const writer = random.below(3) === 0
    ? startStream(lab, name)
    : startWriter({ dir, name, waves, timestamps_ms: [NOON_MS], ballast_chars: BALLAST_CHARS });
  const wanted = 1 + (random.below(2) === 0 ? random.below(20) : random.below(3 * BATCH));
  const acknowledged: string[] = [];
  await writer.linesUntil((id) => acknowledged.push(id) === wanted);
  if (random.below(3) === 0) spinUntilPartGrows(dir);
  else spin(random.below(3_000) / 1_000);
  writer.child.kill("SIGKILL");
  const { lines, signal, stderr } = await writer.end();
  assertEquals(signal, "SIGKILL", stderr);
  return [...acknowledged, ...lines];
}

/** What a cursor finds that it has not read before. */
async function readOn(cursor: LogCursor): Promise<{ ids: string[]; torn: number }> {
  const ids: string[] = [];
  let torn = 0;
  for await (const record of cursor.pass()) {
    if (record.kind === "event") ids.push(record.event.event_id);
    else if (record.kind === "torn") torn++;
    else throw new Error(`corrupt at byte ${record.offset} of ${record.label}: ${record.reason}`);
  }
  return { ids, torn };
}

/** Where the program keeps the ledger of a folder by itself. */
function ledgerIn(lab: string): string {
  return join(lab, "data", "ledger");
}

async function killAgainAndAgain(lab: string, kills: number, random: Random): Promise<void> {
  const dir = ledgerIn(lab);
  Deno.mkdirSync(dir, { recursive: true });
  await using reader = await openLedger({ dir });
  const cursor = reader.cursor();
  let torn_in_all = 0;
  for (let life = 0; life < kills; life++) {
    const name = `life-${life}`;
    const acknowledged = await liveAndDie(lab, name, random);
    const left = await readOn(cursor);
    const there = new Set(left.ids);
    assertEquals(there.size, left.ids.length, `${name}: an event is there twice`);
    assertEquals(acknowledged.filter((id) => !there.has(id)), [], `${name}: acknowledged, lost`);
    await using next = await openLedger({ dir });
    const event = { run_id: "r", event_id: `after-${name}`, timestamp_ms: NOON_MS };
    await next.emitRunStarted(event);
    assertEquals(await readOn(cursor), { ids: [event.event_id], torn: 0 });
    assertEquals(next.counters.torn_tails_moved, left.torn);
    torn_in_all += left.torn;
  }
  assertEquals(repeated(idsOnDisk(dir)), []);
  assertEquals(quarantined(dir).size, torn_in_all);
  assertEquals((await reader.verify()).findings, []);
}

seededTest(
  `${KILLS} times a writer is killed: what it acknowledged is there, and the next emit works`,
  async (random) => {
    using folder = tempFolder();
    const lanes = Array.from({ length: LANES }, async (_, lane) => {
      const of_lane = random.fork();
      // A ledger serves for some of the kills, so that reading it stays quick.
      for (let killed = 0; killed < KILLS / LANES; killed += KILLS_OF_A_LEDGER) {
        const lab = join(folder.path, `lane-${lane}-${killed}`);
        await killAgainAndAgain(lab, KILLS_OF_A_LEDGER, of_lane);
        Deno.removeSync(lab, { recursive: true });
      }
    });
    await Promise.all(lanes);
  },
);

/** A part as a killed writer may leave it. */
const TORN_TAILS: Record<string, (random: Random) => Uint8Array> = {
  "a line without its newline": () => encoder.encode(eventLine("torn").slice(0, -1)),
  "the first byte of a line": () => encoder.encode("{"),
  "a line cut anywhere": (random) => {
    const line = encoder.encode(eventLine("torn-äöü-€-😀"));
    return line.subarray(0, 1 + random.below(line.length - 1));
  },
  "half a character": () => encoder.encode('{"event_id":"€').subarray(0, -1),
  "bytes that never got their content": () => new Uint8Array(4_096),
  "a line of several megabytes": () =>
    encoder.encode(eventLine("x".repeat(3_000_000)).slice(0, -9)),
};

/** Puts a part with whole lines and a torn tail in place; returns the whole lines. */
function makeTornPart(dir: string, whole_lines: number, tail: Uint8Array): string {
  const lines = Array.from({ length: whole_lines }, (_, n) => eventLine(`whole-${n}`)).join("");
  Deno.mkdirSync(join(dir, "events", DAY), { recursive: true });
  Deno.writeFileSync(partIn(dir), encoder.encode(lines));
  Deno.writeFileSync(partIn(dir), tail, { append: true });
  return lines;
}

function partIn(dir: string): string {
  return join(dir, "events", DAY, "part-000001.jsonl");
}

function quarantineName(offset: number, kind: string): string {
  return `${DAY}.part-000001.at-${offset}.${kind}`;
}

const AFTER = ["emit", "run.started", "--run-id", "r", "--event-id", "after"];
const EMIT_AFTER = [...AFTER, "--timestamp-ms", String(NOON_MS)];

for (const [what, tailOf] of Object.entries(TORN_TAILS)) {
  for (const whole_lines of [0, 3]) {
    const after = whole_lines === 0 ? "alone in a part" : `after ${whole_lines} lines`;
    seededTest(`${what}, ${after}, stands in quarantine byte for byte`, async (random) => {
      const tail = tailOf(random);
      for (const taken_by of ["emit", "repair"]) {
        using folder = tempFolder();
        const dir = folder.path;
        const lines = makeTornPart(dir, whole_lines, tail);
        assertEquals((await runIn(dir, ["verify"])).code, 3);
        if (taken_by === "repair") {
          assertEquals((await runIn(dir, ["verify", "--repair"])).code, 0);
          assertEquals(Deno.readTextFileSync(partIn(dir)), lines);
        }
        const emitted = await runIn(dir, EMIT_AFTER);
        assertEquals(emitted.stdout, "after\n", emitted.stderr);
        const name = quarantineName(lines.length, "torn");
        assertEquals([...quarantined(dir).keys()], [name]);
        assertEquals(quarantined(dir).get(name), tail);
        const part = Deno.readTextFileSync(partIn(dir));
        assertEquals(part.slice(0, lines.length), lines);
        assertEquals(linesOnDisk(dir).length, whole_lines + 1);
        assertEquals(part.endsWith("\n"), true);
        assertEquals((await runIn(dir, ["verify"])).code, 0);
      }
    });
  }
}

Deno.test("tails that were torn at the very same place are all kept, each once", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  for (const tail of ["first", "second", "first", "second"]) {
    const lines = makeTornPart(dir, 2, encoder.encode(tail));
    assertEquals((await runIn(dir, ["verify", "--repair"])).code, 0);
    assertEquals(Deno.readTextFileSync(partIn(dir)), lines);
  }
  const kept = [...quarantined(dir).values()].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(kept.sort(), ["first", "second"]);
});

Deno.test("a corrupt line is copied to quarantine, left in place, and settled after that", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const before = eventLine("before");
  const corrupt = '{"event_id":"half of a line{"event_id":"and another"}';
  makeTornPart(dir, 0, encoder.encode(`${before}${corrupt}\n${eventLine("behind")}`));
  const part = Deno.readFileSync(partIn(dir));
  assertEquals((await runIn(dir, ["verify"])).code, 3);
  assertEquals((await runIn(dir, ["verify", "--repair"])).code, 0);
  assertEquals(Deno.readFileSync(partIn(dir)), part);
  const name = quarantineName(before.length, "corrupt");
  assertEquals([...quarantined(dir)], [[name, encoder.encode(corrupt)]]);
  const again = await runIn(dir, ["verify"]);
  assertEquals(again.code, 0, again.stdout);
  const emitted = await runIn(dir, EMIT_AFTER);
  assertEquals(emitted.code, 0, emitted.stderr);
  const read = await runIn(dir, ["log"]);
  const ids = read.stdout.trimEnd().split("\n").map((line) => JSON.parse(line).event_id);
  assertEachOnce(ids, ["before", "behind", "after"], "the log");
});
