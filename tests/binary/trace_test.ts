/** Traces with the executable: processes that ingest the same events, SQL over them, and causes in a circle. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "./binary.ts";

const EVENTS = 2_000;

binaryTest(
  "processes that ingest one file at once store each of its events once",
  async (bench) => {
    const lines = Array.from({ length: EVENTS }, (_, at) =>
      JSON.stringify({
        event_id: `e${at}`,
        event_type: at % 2 === 0 ? "FILL" : "BAR",
        correlation_id: "bt1",
        created_at: "2026-01-23T12:00:00.000001Z",
        processed_at: "2026-01-23T12:00:00.000501Z",
        data: { slippage: at },
      }));
    Deno.writeTextFileSync(join(bench.folder, "in.ndjson"), `${lines.join("\n")}\n`);
    const ingest = () => bench.ledger(["trace", "ingest", "in.ndjson", "--json"]);
    const reports = (await Promise.all([ingest(), ingest(), ingest()]))
      .map(({ code, stdout, stderr }) => code === 0 ? JSON.parse(stdout) : stderr);
    assertEquals(reports.reduce((sum, { events }) => sum + events, 0), EVENTS);
    const once = await bench.ledger(["watch", "--once"]);
    assertEquals([once.code, once.stderr], [0, ""]);
    assertEquals(JSON.parse((await ingest()).stdout).duplicates, EVENTS);
    const sql = "select event_type, count(distinct event_id) as ids, count(*) as events, " +
      "max(latency_ms) as most_ms, max((data->>'slippage')::int) as worst " +
      "from trace_events group by all order by all";
    const { stdout, stderr } = await bench.ledger(["query", "--db", "traces", sql, "--json"]);
    const half = { ids: EVENTS / 2, events: EVENTS / 2, most_ms: 0.5 };
    assertEquals(JSON.parse(stdout || stderr), [
      { event_type: "BAR", ...half, worst: EVENTS - 1 },
      { event_type: "FILL", ...half, worst: EVENTS - 2 },
    ]);
  },
);

binaryTest(
  "a path whose causes form a circle is printed, said to be one, and ends in 3",
  async (bench) => {
    const event = (event_id: string, causation_id: string) =>
      `${JSON.stringify({ event_id, causation_id, event_type: "X", data: { symbol: "SOL" } })}\n`;
    Deno.writeTextFileSync(join(bench.folder, "in.ndjson"), event("a", "b") + event("b", "a"));
    assertEquals((await bench.ledger(["trace", "ingest", "in.ndjson"])).code, 0);
    const { code, stdout, stderr } = await bench.ledger(["trace", "path", "a"]);
    assertEquals(code, 3);
    assertStringIncludes(stdout, "symbol=SOL");
    assertStringIncludes(stderr, "form a cycle");
  },
);
