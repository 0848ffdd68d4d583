import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { LedgerError } from "../../../src/base/error.ts";
import type { Files } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { open_days_max, unsynced_files_max } from "../../../src/base/limits.ts";
import { type Ledger, type LineAnswer, openLedger, type StreamOptions } from "../../../src/mod.ts";
import { seededTest } from "../../crash/kills/crash.ts";
import { Random } from "../../laws/random.ts";
import {
  inputOf,
  IS_PLAIN,
  linesOnDisk,
  memoryFolder,
  tempFolder,
  testWorld,
} from "../../harness.ts";
import { GOOD_LINE } from "../cases.ts";

const encoder = new TextEncoder();

function event(n: number, more = ""): string {
  return `{"event_id":"e${n}","event_type":"run.started","timestamp_ms":176917431${
    String(n).padStart(4, "0")
  },"run_id":"r${n}"${more}}`;
}

/** An input that comes in these pieces. */
function inPieces(pieces: readonly Uint8Array[]) {
  const left = pieces.filter(({ length }) => length > 0);
  return {
    read(buffer: Uint8Array): Promise<number | null> {
      const piece = left.shift();
      if (!piece) return Promise.resolve(null);
      const count = Math.min(piece.length, buffer.length);
      buffer.set(piece.subarray(0, count));
      if (count < piece.length) left.unshift(piece.subarray(count));
      return Promise.resolve(count);
    },
  };
}

async function withLedger(
  body: (ledger: Ledger, dir: string) => Promise<void>,
): Promise<void> {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await body(ledger, folder.path);
}

/** Skips bad lines and notes where they were. */
function noting(): { options: StreamOptions; bad: [number | undefined, string][] } {
  const bad: [number | undefined, string][] = [];
  const onBadLine = (error: LedgerError) => void bad.push([error.where?.line, error.message]);
  return { options: { on_error: "skip", onBadLine }, bad };
}

Deno.test("a stream's events are durable and its ids told in order", () =>
  withLedger(async (ledger, dir) => {
    const lines = Array.from({ length: 50 }, (_, n) => event(n));
    const ids: string[] = [];
    const report = await ledger.emitStream(inputOf(lines.join("\n") + "\n"), {
      onDurable: (some) => ids.push(...some),
    });
    assertEquals(report, { lines: 50, valid: 50, durable: 50, bad: 0 });
    assertEquals(ids, lines.map((_, n) => `e${n}`));
    assertEquals(linesOnDisk(dir), lines);
    assertEquals(ledger.counters.events, 50);
  }));

Deno.test("a stream is the same however its bytes come in", async () => {
  const text = [event(1, ',"note":"é漢😀"'), "", event(2), "not json", event(3)].join("\n");
  const bytes = encoder.encode(text);
  for (const size of [1, 2, 3, 7, 64, bytes.length]) {
    await withLedger(async (ledger, dir) => {
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, n) => bytes.subarray(n * size, (n + 1) * size),
      );
      const { options, bad } = noting();
      const report = await ledger.emitStream(inPieces(pieces), options);
      assertEquals(report, { lines: 5, valid: 3, durable: 3, bad: 1 });
      assertEquals(bad.map(([line]) => line), [4]);
      assertEquals(linesOnDisk(dir), [event(1, ',"note":"é漢😀"'), event(2), event(3)]);
    });
  }
});

Deno.test("at a bad line the stream stops: what came before is durable, the rest is not", () =>
  withLedger(async (ledger, dir) => {
    const text = `${event(1)}\n\n${event(2)}\n{"event_type":"run.started"}\n${event(3)}\n`;
    const error = await assertRejects(() => ledger.emitStream(inputOf(text)), LedgerError);
    assertEquals([error.code, error.where?.line, error.detail?.durable], ["invalid", 4, 2]);
    assertMatch(error.message, /run_id is missing.*\. 2 events are durable$/);
    assertEquals(linesOnDisk(dir), [event(1), event(2)]);
  }));

Deno.test("told to skip, each bad line is told with its number and the rest goes on", () =>
  withLedger(async (ledger, dir) => {
    const text = ["{", event(1), "[]", "", event(2), "x"].join("\n") + "\n";
    const { options, bad } = noting();
    const report = await ledger.emitStream(inputOf(text), options);
    assertEquals(report, { lines: 6, valid: 2, durable: 2, bad: 3 });
    assertEquals(bad.map(([line]) => line), [1, 3, 6]);
    assertEquals(linesOnDisk(dir), [event(1), event(2)]);
  }));

Deno.test("CRLF, blank lines and a missing last newline are no bad lines", () =>
  withLedger(async (ledger, dir) => {
    const text = `\r\n${event(1)}\r\n  \r\n\n${event(2)}\r\n${event(3)}`;
    const report = await ledger.emitStream(inputOf(text));
    assertEquals(report, { lines: 6, valid: 3, durable: 3, bad: 0 });
    assertEquals(linesOnDisk(dir), [event(1), event(2), event(3)]);
  }));

Deno.test("nothing in, nothing done: not even a folder is made", () =>
  withLedger(async (ledger, dir) => {
    for (const nothing of ["", "\n\n", "  "]) {
      const { valid, durable, bad } = await ledger.emitStream(inputOf(nothing));
      assertEquals([valid, durable, bad], [0, 0, 0]);
    }
    assertEquals([...Deno.readDirSync(dir)], []);
  }));

Deno.test("a line that needs nothing is written byte for byte", async () => {
  const exact = [
    event(1, ',"a":1.50,"b":12345678901234567890,"c":-0,"d":1e400,"e":1E+2'),
    event(2, String.raw`,"s":"\u0041\/\ud83d\ude00","2":1,"1":2`),
    `{ "run_id" : "r",\t"timestamp_ms":1769174319945.0,"event_type":"run.started","event_id":"x" }`,
    event(3, ',"n":{"a":1,"a":2},"__proto__":{"x":1}'),
  ];
  await withLedger(async (ledger, dir) => {
    await ledger.emitStream(inputOf(exact.join("\n")));
    assertEquals(linesOnDisk(dir), exact);
    for (const line of exact) await ledger.emitLine(line);
    assertEquals(linesOnDisk(dir), [...exact, ...exact]);
  });
});

Deno.test("what is missing is added, and what is there stays byte for byte", () =>
  withLedger(async (ledger, dir) => {
    const line = `{"run_id":"r","x":1.50,"event_type":"run.started"  }`;
    const ids: string[] = [];
    await ledger.emitStream(inputOf(line), { onDurable: (some) => ids.push(...some) });
    const [written] = linesOnDisk(dir);
    assert(written.startsWith(`{"run_id":"r","x":1.50,"event_type":"run.started","timestamp_ms":`));
    assertEquals(JSON.parse(written).event_id, ids[0]);
  }));

Deno.test("an event of 50 MB is one bad line, with its length, and the next one is good", async () => {
  const size = 50 * 1024 * 1024;
  const large = new Uint8Array(size + 1).fill(120);
  large[size] = 10;
  await withLedger(async (ledger, dir) => {
    const { options, bad } = noting();
    const pieces = [encoder.encode(`${event(1)}\n`), large, encoder.encode(event(2))];
    const report = await ledger.emitStream(inPieces(pieces), options);
    assertEquals(report, { lines: 3, valid: 2, durable: 2, bad: 1 });
    assertEquals(bad[0][0], 2);
    assertMatch(bad[0][1], new RegExp(`${size} bytes long; an event has at most 8388608 bytes`));
    assertEquals(linesOnDisk(dir), [event(1), event(2)]);
  });
  await withLedger(async (ledger) => {
    const pieces = [encoder.encode(`${event(1)}\n`), large.subarray(0, size)];
    const error = await assertRejects(() => ledger.emitStream(inPieces(pieces)), LedgerError);
    assertEquals([error.where?.line, error.detail?.durable], [2, 1]);
    assertMatch(error.message, new RegExp(`${size} bytes long`));
  });
});

Deno.test("invalid UTF-8 spoils its own line only, and a BOM the first one", () =>
  withLedger(async (ledger, dir) => {
    const pieces = [
      encoder.encode(`\uFEFF${event(1)}\n${event(2, ',"note":"é"')}\n{"a":"`),
      new Uint8Array([0xc3, 0x28]),
      encoder.encode(`"}\n${event(3)}\n`),
    ];
    const { options, bad } = noting();
    const report = await ledger.emitStream(inPieces(pieces), options);
    assertEquals([report.durable, report.bad], [2, 2]);
    assertEquals(bad.map(([line]) => line), [1, 3]);
    assertMatch(bad[0][1], /a byte order mark/);
    assertMatch(bad[1][1], /not valid UTF-8/);
    assertEquals(linesOnDisk(dir), [event(2, ',"note":"é"'), event(3)]);
  }));

Deno.test("a dry run checks every line and writes none", () =>
  withLedger(async (ledger, dir) => {
    const { options, bad } = noting();
    const report = await ledger.emitStream(inputOf(`${event(1)}\n{\n${event(2)}`), {
      ...options,
      dry_run: true,
    });
    assertEquals(report, { lines: 3, valid: 2, durable: 0, bad: 1 });
    assertEquals([bad.length, [...Deno.readDirSync(dir)]], [1, []]);
  }));

Deno.test("each event goes to the day of its time", () =>
  withLedger(async (ledger, dir) => {
    const days = ["2026-01-02", "2026-01-01", "2025-06-30", "2026-01-02"];
    const lines = days.map((day, n) =>
      GOOD_LINE.replace("1769174319945", String(Date.parse(`${day}T12:00:00Z`) + n))
    );
    await ledger.emitStream(inputOf(lines.join("\n")));
    assertEquals(linesOnDisk(dir), [lines[2], lines[1], lines[0], lines[3]]);
  }));

/** An input that gives this, tells that it did, and then nothing more. */
function thatHangs(
  text: string,
): { read: (buffer: Uint8Array) => Promise<number | null>; hangs: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let given = false;
  return {
    hangs: promise,
    read(buffer) {
      if (given) {
        resolve();
        return new Promise(() => {});
      }
      given = true;
      buffer.set(encoder.encode(text));
      return Promise.resolve(encoder.encode(text).length);
    },
  };
}

Deno.test("interrupted while it waits, a stream makes durable what came as whole lines", async () => {
  for (const half of ["", '{"event_type":"run.sta', event(3)]) {
    await withLedger(async (ledger, dir) => {
      const input = thatHangs(`${event(1)}\n${event(2)}\n${half}`);
      const stop = new AbortController();
      const report = ledger.emitStream(input, { signal: stop.signal });
      await input.hangs;
      stop.abort();
      assertEquals(await report, { lines: 2, valid: 2, durable: 2, bad: 0 });
      assertEquals(linesOnDisk(dir), [event(1), event(2)]);
    });
  }
});

Deno.test("interrupted before it began, a stream does nothing", () =>
  withLedger(async (ledger, dir) => {
    const report = await ledger.emitStream(inputOf(event(1)), { signal: AbortSignal.abort() });
    assertEquals([report.durable, [...Deno.readDirSync(dir)]], [0, []]);
  }));

Deno.test("interrupted in the middle of a line that is too long, it is not called a bad one", () =>
  withLedger(async (ledger) => {
    const stop = new AbortController();
    let reads = 0;
    const input = {
      read(buffer: Uint8Array) {
        if (++reads === 40) stop.abort();
        return Promise.resolve(reads > 40 ? null : buffer.fill(120).length);
      },
    };
    const report = await ledger.emitStream(input, { signal: stop.signal });
    assertEquals([report.bad, report.durable], [0, 0]);
  }));

Deno.test("a stream of several blocks keeps the order of its lines and counts each once", () =>
  withLedger(async (ledger, dir) => {
    const lines = Array.from({ length: 9_000 }, (_, n) => event(n, `,"pad":"${"x".repeat(400)}"`));
    const ids: string[] = [];
    const report = await ledger.emitStream(inputOf(lines.join("\n")), {
      onDurable: (some) => ids.push(...some),
    });
    assertEquals([report.durable, ids.length, new Set(ids).size], [9_000, 9_000, 9_000]);
    assertEquals(linesOnDisk(dir), lines);
    assert(ledger.counters.syncs <= ledger.counters.writes);
  }));

Deno.test("a stream that fills several parts counts each of its events once", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path, part_bytes_max: 300 });
  const lines = Array.from({ length: 20 }, (_, n) => event(n));
  const ids: string[] = [];
  const { durable } = await ledger.emitStream(inputOf(lines.join("\n")), {
    onDurable: (some) => ids.push(...some),
  });
  assertEquals([durable, ids.length, linesOnDisk(folder.path)], [20, 20, lines]);
});

Deno.test(
  "a stream into thousands of days keeps few files open, and takes memory for its lines alone",
  { ignore: IS_PLAIN },
  async () => {
    using folder = memoryFolder();
    const files = systemFiles();
    let open = 0;
    let most_open = 0;
    const counting: Files = {
      ...files,
      open(path, mode) {
        const file = files.open(path, mode);
        most_open = Math.max(most_open, ++open);
        const close = file.close.bind(file);
        return Object.assign(file, {
          close: () => {
            open--;
            close();
          },
        });
      },
    };
    await using ledger = await openLedger({
      dir: folder.path,
      world: testWorld({ files: counting }),
    });
    const day_ms = 86_400_000;
    const lines = Array.from(
      { length: 3_000 },
      (_, n) =>
        JSON.stringify({
          event_type: "run.started",
          run_id: "r",
          timestamp_ms: (5_000 + n) * day_ms,
        }),
    );
    const before_bytes = Deno.memoryUsage().external;
    let most_bytes = 0;
    const report = await ledger.emitStream(inputOf(lines.join("\n") + "\n"), {
      onDurable: () => most_bytes = Math.max(most_bytes, Deno.memoryUsage().external),
    });
    assertEquals(report.durable, lines.length);
    // Each open day has its lock and its part; of what is synced and what will be, each has its parts.
    assert(most_open < 2 * open_days_max + 2 * unsynced_files_max + 8, `${most_open} open`);
    assert(most_bytes - before_bytes < 200_000_000, `${most_bytes - before_bytes} bytes`);
  },
);
seededTest(
  "every line has one answer, in the order of the lines, whatever comes in whatever pieces",
  (seed) =>
    withLedger(async (ledger, dir) => {
      const random = new Random(seed.seed);
      await ledger.emit({ event_type: "run.started", run_id: "r" });
      for (let round = 0; round < 20; round++) {
        const kinds = random.times(
          1 + random.below(60),
          () => random.pick(["good", "bad", "blank"]),
        );
        const lines = kinds.map((kind, n) =>
          kind === "blank" ? random.pick(["", "  ", "\r"]) : kind === "bad" ? "{" : JSON.stringify({
            event_id: `${round}-${n}`,
            event_type: "run.started",
            run_id: "r",
            timestamp_ms: 1_769_174_319_945 + random.below(3) * 86_400_000,
          })
        );
        const pieces: Uint8Array[] = [];
        for (let left = encoder.encode(`${lines.join("\n")}\n`); left.length > 0;) {
          const size = 1 + random.below(400);
          pieces.push(left.slice(0, size));
          left = left.slice(size);
        }
        const answers: LineAnswer[] = [];
        await ledger.emitStream(inPieces(pieces), {
          on_error: "skip",
          onAnswers(some) {
            // An answer is given when what it says is true: the line is in the log.
            const on_disk = new Set(linesOnDisk(dir).map((line) => JSON.parse(line).event_id));
            for (const { event_id } of some) if (event_id) assert(on_disk.has(event_id));
            answers.push(...some);
          },
        });
        assertEquals(answers.map(({ line }) => line), lines.map((_, n) => n + 1));
        assertEquals(
          answers.map(({ event_id, error }) => error?.code ?? event_id),
          kinds.map((kind, n) =>
            kind === "good" ? `${round}-${n}` : kind === "bad" ? "invalid" : null
          ),
        );
      }
    }),
);

Deno.test("a refused line that is the first one is answered as well", () =>
  withLedger(async (ledger) => {
    const answers: LineAnswer[] = [];
    const stream = ledger.emitStream(inputOf("{"), { onAnswers: (some) => answers.push(...some) });
    await assertRejects(() => stream, LedgerError, "0 events are durable");
    assertEquals(answers.map(({ line, error }) => [line, error?.code]), [[1, "invalid"]]);
  }));

Deno.test("at a refused line the stream ends with its answer, and none follows", () =>
  withLedger(async (ledger) => {
    const answers: LineAnswer[] = [];
    const text = [event(1), "", "{", event(2)].join("\n");
    const stream = ledger.emitStream(inputOf(text), { onAnswers: (some) => answers.push(...some) });
    await assertRejects(() => stream, LedgerError, "1 event is durable");
    assertEquals(answers.map(({ event_id, error }) => error?.code ?? event_id), [
      "e1",
      null,
      "invalid",
    ]);
  }));
