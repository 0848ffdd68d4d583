import { assertEquals, assertRejects } from "@std/assert";
import { LedgerError } from "../../../src/base/error.ts";
import { surveyLog } from "../../../src/log/read/survey.ts";
import { tempFolder, testWorld, writePart } from "../../harness.ts";
import { GOOD_LINE } from "../cases.ts";

function at(timestamp_ms: number, id: string): string {
  return `${GOOD_LINE.replace("1769174319945", String(timestamp_ms)).replace('"e1"', `"${id}"`)}\n`;
}

Deno.test("the survey counts days, parts, lines and bytes", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [at(1, "a"), at(2, "b")]);
  writePart(folder.path, { day: "2026-01-01", number: 2, writer: "w" }, [at(3, "c")]);
  writePart(folder.path, { day: "2026-01-02", number: 1, writer: "" }, [at(4, "d"), "not json\n"]);
  const survey = await surveyLog(testWorld(), folder.path);
  const size = at(1, "a").length;
  assertEquals(survey.days, [
    {
      day: "2026-01-01",
      parts: 2,
      sealed: 0,
      events: 3,
      bytes: 3 * size,
      stored_bytes: 3 * size,
    },
    {
      day: "2026-01-02",
      parts: 1,
      sealed: 0,
      events: 2,
      bytes: size + 9,
      stored_bytes: size + 9,
    },
  ]);
  assertEquals([survey.parts, survey.events, survey.bytes], [3, 5, 4 * size + 9]);
  assertEquals(survey.torn, []);
});

Deno.test("the newest event is the one with the latest time, of the last lines of all parts", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [at(9, "late"), "{torn"]);
  writePart(folder.path, { day: "2026-01-02", number: 1, writer: "" }, [at(5, "backdated")]);
  writePart(folder.path, { day: "2026-01-03", number: 1, writer: "" }, [at(10, "x"), "bad\n"]);
  writePart(folder.path, { day: "2026-01-04", number: 1, writer: "" }, []);
  const { newest } = await surveyLog(testWorld(), folder.path);
  assertEquals(newest?.event_id, "late");
});

Deno.test("an event more than a day ahead is named, and is not the newest, wherever it stands", async () => {
  using folder = tempFolder();
  const now_ms = Date.parse("2026-01-23T12:00:00Z");
  const tomorrow_ms = now_ms + 86_400_000;
  const today = writePart(folder.path, { day: "2026-01-23", number: 1, writer: "" }, [
    at(now_ms, "now"),
  ]);
  writePart(folder.path, { day: "2026-01-24", number: 1, writer: "" }, [
    at(tomorrow_ms, "a day ahead"),
    "no event\n",
    at(tomorrow_ms + 1, "ahead"),
  ]);
  const far = [at(99_999_999_999_999, "far"), at(99_999_999_999_999, "far too")];
  writePart(folder.path, { day: "5138-11-16", number: 1, writer: "" }, far);
  const survey = await surveyLog(testWorld({ now_ms: () => now_ms }), folder.path);
  assertEquals([survey.newest?.event_id, survey.ahead], ["a day ahead", 3]);
  assertEquals(survey.ahead_events.map(({ part, event_id }) => [part, event_id]), [
    ["day=5138-11-16/part-000001.jsonl", "far"],
    ["day=5138-11-16/part-000001.jsonl", "far too"],
    ["day=2026-01-24/part-000001.jsonl", "ahead"],
  ]);
  // In the folder of another day, too.
  Deno.writeTextFileSync(today, far[0], { append: true });
  const misplaced = await surveyLog(testWorld({ now_ms: () => now_ms }), folder.path);
  assertEquals([misplaced.newest?.event_id, misplaced.ahead], ["a day ahead", 4]);
});

Deno.test("torn tails are told with their place and length", async () => {
  using folder = tempFolder();
  const whole = at(1, "a");
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [whole, "{half"]);
  writePart(folder.path, { day: "2026-01-01", number: 2, writer: "w" }, ["x".repeat(2_000_000)]);
  const { torn, events } = await surveyLog(testWorld(), folder.path);
  assertEquals(torn, [
    { part: "day=2026-01-01/part-000001.jsonl", offset: whole.length, size_bytes: 5 },
    { part: "day=2026-01-01/part-000002.w.jsonl", offset: 0, size_bytes: 2_000_000 },
  ]);
  assertEquals(events, 1);
});

Deno.test("an empty log has nothing, and no log is an error", async () => {
  using folder = tempFolder();
  await assertRejects(() => surveyLog(testWorld(), folder.path), LedgerError, "there is no ledger");
  Deno.mkdirSync(`${folder.path}/events`);
  assertEquals(await surveyLog(testWorld(), folder.path), {
    days: [],
    parts: 0,
    events: 0,
    bytes: 0,
    stored_bytes: 0,
    ahead: 0,
    ahead_events: [],
    torn: [],
  });
});
