/** `emit --stdin --ack` on the executable: a client that waits for an answer to each line never hangs. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { event_bytes_max } from "../../src/base/limits.ts";
import { patience, Running } from "../crash/kills/crash.ts";
import { linesOnDisk } from "../harness.ts";
import { type Bench, binaryTest } from "./binary.ts";

const encoder = new TextEncoder();
const DAY_MS = 86_400_000;
const NOON_MS = Date.UTC(2026, 0, 23, 12);

/** An event, of another day with each number. */
const event = (n: number, more = {}) =>
  JSON.stringify({
    event_id: `e${n}`,
    event_type: "run.started",
    run_id: "r",
    timestamp_ms: NOON_MS + n * DAY_MS,
    ...more,
  });

/** A client of the executable, which sends bytes and waits for lines. */
class Client {
  readonly running: Running;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  constructor({ binary, folder }: Bench, args: string[]) {
    const child = new Deno.Command(binary, {
      args: ["emit", "--stdin", ...args],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: patience(),
    }).spawn();
    this.running = new Running(child);
    this.#input = child.stdin.getWriter();
  }

  async send(bytes: string | Uint8Array): Promise<void> {
    await this.#input.write(typeof bytes === "string" ? encoder.encode(bytes) : bytes);
  }

  /** Sends a line and waits for its answer. */
  async ask(line: string | Uint8Array): Promise<string | undefined> {
    await this.send(line);
    await this.send("\n");
    return await this.running.nextLine();
  }

  async end(): Promise<string[]> {
    await this.#input.close();
    return await this.running.linesUntil(() => false);
  }
}

const NOT_UTF8 = Uint8Array.from([123, 34, 97, 255, 34, 125]);
const OVER_LONG = new Uint8Array(event_bytes_max + 2_000_000).fill(120);

/** Lines, and what their answers begin with. */
const CASES: readonly (readonly [what: string, line: string | Uint8Array, answer: string])[] = [
  ["a good line", event(1), "e1"],
  ["no JSON", "{", "\t2\tinvalid\tcannot emit this event: not JSON"],
  ["a blank line", "", ""],
  ["a line of blanks", "  \t ", ""],
  ["an unknown type", event(5, { event_type: "unheard.of" }), "\t5\tinvalid\tcannot emit an event"],
  ["not UTF-8", NOT_UTF8, "\t6\tinvalid\tcannot emit this event: it is not valid UTF-8"],
  ["a line that is far too long", OVER_LONG, "\t7\tinvalid\tcannot emit this event: "],
  [
    "an id with a newline",
    event(8, { event_id: "a\nb" }),
    "\t8\tinvalid\tcannot emit this event: event_id",
  ],
  ["an id that begins with a TAB", event(9, { event_id: "\t1\tx" }), "\t9\tinvalid\t"],
  ["a line with a carriage return", `${event(10)}\r`, "e10"],
  ["a message that quotes the line", '{"a\u2028\u009b\u001b":', "\t11\tinvalid\t"],
  ["a good line after all that", event(12), "e12"],
];

binaryTest(
  "each line is answered by one line, in order, and none is waited for in vain",
  async (bench) => {
    const client = new Client(bench, ["--ack", "--on-error", "skip"]);
    for (const [what, line, answer] of CASES) {
      const got = await client.ask(line);
      assert(got !== undefined, `${what}: no answer`);
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(got), false, what);
      if (answer.startsWith("\t")) assertStringIncludes(got.slice(0, answer.length), answer, what);
      else assertEquals(got, answer, what);
    }
    await client.send(event(13));
    assertEquals(await client.end(), ["e13"], "a last line without a newline");
    const ids = linesOnDisk(join(bench.folder, "data/ledger")).map((line) =>
      JSON.parse(line).event_id
    );
    assertEquals(ids.toSorted(), ["e1", "e10", "e12", "e13"]);
  },
);

binaryTest("--ack=json answers each line with an object", async (bench) => {
  const client = new Client(bench, ["--ack=json", "--on-error", "skip"]);
  for (const [index, [what, line, answer]] of CASES.entries()) {
    const got = JSON.parse((await client.ask(line))!);
    assertEquals(got.line, index + 1, what);
    if (answer.startsWith("\t")) {
      assertEquals([got.event_id, got.error.code], [undefined, "invalid"], what);
      assert(got.error.message.length > 0);
    } else assertEquals(got, { line: index + 1, event_id: answer === "" ? null : answer }, what);
  }
  await client.send(event(13));
  assertEquals((await client.end()).map((line) => JSON.parse(line)), [{
    line: 13,
    event_id: "e13",
  }]);
});

binaryTest(
  "lines that are sent at once, of many days, good and bad, are answered in their order",
  async (bench) => {
    const client = new Client(bench, ["--ack", "--on-error", "skip"]);
    const lines = Array.from(
      { length: 3_001 },
      (_, n) => n % 7 === 3 ? "" : n % 5 === 2 ? "{" : event(n % 4, { event_id: `e${n}` }),
    );
    const sent = client.send(lines.join("\n")).then(() => client.end());
    const answers = await sent;
    const expected = lines.map((line, n) =>
      line === "" ? "" : line === "{" ? `\t${n + 1}\tinvalid` : `e${n}`
    );
    assertEquals(answers.map((answer) => answer.split("\t", 3).join("\t")), expected);
  },
);

binaryTest(
  "at a refused line the stream ends, with an answer to it and to all before it",
  async (bench) => {
    for (const form of ["--ack", "--ack=json"]) {
      const client = new Client(bench, [form]);
      await client.ask(event(1));
      await client.ask("");
      const refused = await client.ask("{");
      if (form === "--ack") assertStringIncludes(refused!, "\t3\tinvalid\tcannot emit this event");
      else assertEquals(JSON.parse(refused!).error.code, "invalid");
      assertEquals(await client.running.nextLine(), undefined);
      assertEquals((await client.running.child.status).code, 2);
    }
  },
);

binaryTest("refusals are told to those who read answers, and nowhere else", async (bench) => {
  // Standard error is a pipe without a reader: more words than it holds would stop the program.
  const client = new Client(bench, ["--ack", "--on-error", "skip"]);
  const lines = 3_000;
  const long_type = "x".repeat(100);
  for (let n = 0; n < lines; n += 100) {
    await client.send(`${event(n, { event_type: long_type })}\n`.repeat(100));
    for (let of_block = 0; of_block < 100; of_block++) await client.running.nextLine();
  }
  assertEquals(await client.end(), []);
});

binaryTest("--ack takes json after an equals sign, and nothing else", async ({ ledger }) => {
  const wrong = await ledger(["emit", "--stdin", "--ack=xml"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, 'ledger emit: --ack is "xml"; it has to be json, or nothing');
  const dry = await ledger(["emit", "--stdin", "--ack", "--dry-run"]);
  assertEquals(dry.code, 2);
  assertStringIncludes(dry.stderr, "--ack does not go with --dry-run");
  const single = await ledger(["emit", "run.started", "--run-id", "r", "--ack=json"]);
  assertStringIncludes(single.stderr, "--ack goes with --stdin");
});

binaryTest(
  "an id with control characters is refused at emit; one of an older log is kept, noted and shown escaped",
  async (bench) => {
    const { ledger, folder } = bench;
    for (const id of ["a\nb", "\u001b[31mred", "\u007f", "\u009b2J", "a\u2028b", "\t"]) {
      const { code, stdout, stderr } = await ledger([
        "emit",
        "run.started",
        "--run-id",
        "r",
        "--event-id",
        id,
      ]);
      assertEquals([code, stdout], [2, ""], JSON.stringify(id));
      assertStringIncludes(stderr, "control character");
      // deno-lint-ignore no-control-regex
      assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(stderr), false);
    }
    assertEquals(
      (await ledger(["emit", "run.started", "--run-id", "r", "--event-id", "ä b/c"])).code,
      0,
    );
    const [day] = [...Deno.readDirSync(join(folder, "data/ledger/events"))].filter(({ name }) =>
      name.startsWith("day=")
    );
    const part = join(folder, "data/ledger/events", day.name, "part-000001.jsonl");
    const old = Deno.readTextFileSync(part).replace("ä b/c", String.raw`\u001b[31mold\n`);
    Deno.writeTextFileSync(part, old);
    const verified = await ledger(["verify"]);
    assertEquals(verified.code, 0, verified.stdout);
    assertStringIncludes(
      verified.stdout,
      "1 event whose id has control characters, shown escaped",
    );
    assertEquals(
      JSON.parse((await ledger(["verify", "--json"])).stdout).ids_with_control_characters,
      1,
    );
    const { stdout } = await ledger(["status"]);
    assertStringIncludes(stdout, String.raw`\u001b[31mold`);
    assertEquals((await ledger(["log"])).stdout, old);
  },
);
