/** One table of lines against everything that reads lines: they have to agree on each. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { LedgerError } from "../../../src/base/error.ts";
import { type LogRecord, openLedger } from "../../../src/mod.ts";
import { partLabel } from "../../../src/log/format/layout.ts";
import { inputOf, linesOnDisk, tempFolder, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE, LINE_CASES, type LineCase, textOf } from "../cases.ts";

const encoder = new TextEncoder();
const sentinel = encoder.encode(`${GOOD_LINE}\n`);

/** A log with a part for each case: a good line, the case, and a good line again. */
function logOfCases(dir: string, end: "newline" | "torn"): Map<string, LineCase> {
  const cases = new Map<string, LineCase>();
  for (const [index, line] of LINE_CASES.entries()) {
    const part = { day: CASE_DAY, number: index + 1, writer: "" };
    const rest = end === "torn" ? [] : [10, ...sentinel];
    writePart(dir, part, [sentinel, line.bytes, new Uint8Array(rest)]);
    cases.set(partLabel(part), line);
  }
  return cases;
}

async function recordsByPart(
  records: AsyncIterable<LogRecord>,
): Promise<Map<string, LogRecord[]>> {
  const parts = new Map<string, LogRecord[]>();
  for await (const record of records) {
    parts.set(record.label, [...parts.get(record.label) ?? [], record]);
  }
  return parts;
}

/** Good line, verdict, good line: with offsets and sizes that name exactly the case's bytes. */
function assertVerdicts(cases: Map<string, LineCase>, read: Map<string, LogRecord[]>): void {
  for (const [label, line] of cases) {
    const [before, record, after] = read.get(label)!;
    const where = `${line.name} (${label})`;
    assertEquals(read.get(label)!.length, 3, where);
    assertEquals([before.kind, after.kind], ["event", "event"], where);
    assertEquals(record.kind, line.corrupt ? "corrupt" : "event", where);
    assertEquals([record.offset, record.size_bytes], [sentinel.length, line.bytes.length], where);
    assertEquals(after.offset, sentinel.length + line.bytes.length + 1, where);
    if (record.kind === "event") assertEquals(record.text, textOf(line), where);
    else assertMatch(record.reason, line.corrupt!, where);
  }
}

Deno.test("the reader gives each line of the table its verdict, with its place", async () => {
  using folder = tempFolder();
  const cases = logOfCases(folder.path, "newline");
  await using ledger = await openLedger({ dir: folder.path });
  assertVerdicts(cases, await recordsByPart(ledger.read()));
});

Deno.test("following gives each line of the table the same verdict", async () => {
  using folder = tempFolder();
  const cases = logOfCases(folder.path, "newline");
  await using ledger = await openLedger({ dir: folder.path });
  const stop = new AbortController();
  const expected = LINE_CASES.length * 3;
  let seen = 0;
  async function* untilAll() {
    for await (const record of ledger.follow(stop.signal)) {
      yield record;
      if (++seen === expected) stop.abort();
    }
  }
  assertVerdicts(cases, await recordsByPart(untilAll()));
});

Deno.test("verify finds what the reader calls corrupt, and nothing else", async () => {
  using folder = tempFolder();
  const cases = logOfCases(folder.path, "newline");
  await using ledger = await openLedger({ dir: folder.path });
  const report = await ledger.verify();
  const corrupt = [...cases].filter(([, line]) => line.corrupt);
  assertEquals(
    report.findings.map(({ kind, part, offset, size_bytes }) => [kind, part, offset, size_bytes]),
    corrupt.map(([label, { bytes }]) => ["corrupt", label, sentinel.length, bytes.length]),
  );
  report.findings.forEach(({ reason }, index) => assertMatch(reason, corrupt[index][1].corrupt!));
  assertEquals(report.events, 3 * cases.size - corrupt.length);
  assertEquals(report.parts, cases.size);
});

Deno.test("the survey takes an event for the newest, or for one that is ahead, and no corrupt line", async () => {
  for (const line of LINE_CASES) {
    using folder = tempFolder();
    writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [
      line.bytes,
      new Uint8Array([10]),
    ]);
    await using ledger = await openLedger({ dir: folder.path });
    const { events, newest, ahead } = await ledger.survey();
    assertEquals(events, 1, line.name);
    assertEquals(newest === undefined && ahead === 0, line.corrupt !== undefined, line.name);
  }
});

Deno.test("whatever its bytes, a line without its newline is torn to every reader", async () => {
  using folder = tempFolder();
  const cases = [...logOfCases(folder.path, "torn")].filter(([, line]) => line.bytes.length > 0);
  await using ledger = await openLedger({ dir: folder.path });
  const expected = cases.map(([label, { bytes }]) => [label, sentinel.length, bytes.length]);
  const read = await recordsByPart(ledger.read());
  const torn = [...read.values()].map((records) => records.at(-1)!).filter(({ kind }) =>
    kind === "torn"
  );
  assertEquals(torn.map(({ label, offset, size_bytes }) => [label, offset, size_bytes]), expected);
  const { findings } = await ledger.verify();
  assertEquals(
    findings.map(({ kind, part, offset, size_bytes }) => [kind, part, offset, size_bytes]),
    expected.map((place) => ["torn", ...place]),
  );
  const survey = await ledger.survey();
  assertEquals(
    survey.torn.map(({ part, offset, size_bytes }) => [part, offset, size_bytes]),
    expected,
  );
});

Deno.test("a stream takes what may be emitted, and says why not of all else", async () => {
  for (const line of LINE_CASES) {
    using folder = tempFolder();
    await using ledger = await openLedger({ dir: folder.path });
    const problems: LedgerError[] = [];
    const report = await ledger.emitStream(inputOf(new Uint8Array([...line.bytes, 10])), {
      on_error: "skip",
      onBadLine: (error) => problems.push(error),
    });
    assertOutcome(line, folder.path, report.durable, problems[0]);
    assertEquals(report.bad, problems.length, line.name);
  }
});

Deno.test("emitLine() takes and refuses the same lines as a stream", async () => {
  for (const line of LINE_CASES) {
    const text = textOf(line);
    if (text === undefined || line.emit === "passed over") continue;
    using folder = tempFolder();
    await using ledger = await openLedger({ dir: folder.path });
    const outcome = await ledger.emitLine(text).catch((error) => error);
    const problem = outcome instanceof LedgerError ? outcome : undefined;
    assertOutcome(line, folder.path, problem ? 0 : 1, problem);
  }
});

function assertOutcome(line: LineCase, dir: string, durable: number, problem?: LedgerError): void {
  const refusal = line.emit instanceof RegExp ? line.emit : line.emit ? undefined : line.corrupt;
  const is_there = Array.from(Deno.readDirSync(dir)).length > 0;
  const lines = is_there ? linesOnDisk(dir) : [];
  if (refusal) {
    assertMatch(problem?.message ?? "accepted", refusal, line.name);
    assertEquals([problem!.code, durable, lines.length], ["invalid", 0, 0], line.name);
    return;
  }
  assertEquals(problem, undefined, `${line.name}: ${problem?.message}`);
  assertEquals(durable, line.emit === "passed over" ? 0 : 1, line.name);
  if (line.emit === "passed over") return;
  const text = textOf(line)!;
  if (line.emit === "completed") {
    assertNotEquals(lines[0], text, line.name);
    assert(lines[0].startsWith(text.slice(0, -1)), line.name);
    assertEquals(JSON.parse(lines[0]).run_id, "r1", line.name);
  } else assertEquals(lines, [text.trim().replaceAll("\r", " ")], line.name);
}

Deno.test("a verdict does not depend on the day, the registry or the neighbours", async () => {
  using here = tempFolder();
  using there = tempFolder();
  const small = LINE_CASES.filter(({ bytes }) => bytes.length < 10_000);
  const all = small.flatMap(({ bytes }) => [bytes, new Uint8Array([10])]);
  writePart(here.path, { day: CASE_DAY, number: 1, writer: "" }, all);
  writePart(there.path, { day: "1999-12-31", number: 77, writer: "w" }, [...all, ...all]);
  await using plain = await openLedger({ dir: here.path });
  await using other = await openLedger({ dir: there.path });
  await other.registerType("test.event", { required: ["nothing_has_this"] });
  const verdicts = (records: LogRecord[]) =>
    records.map((record) => record.kind === "event" ? record.text : record.reason);
  const [once] = [...(await recordsByPart(plain.read())).values()];
  const [twice] = [...(await recordsByPart(other.read())).values()];
  assertEquals(verdicts(twice), [...verdicts(once), ...verdicts(once)]);
  assertEquals(once.length, small.length);
});
