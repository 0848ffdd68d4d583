/** Damage in a write-ahead file of traces, as the executable tells it: by every command that reads it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Bench, binaryTest } from "./binary.ts";

const IDS = ["s0", "s1", "s2", "s3", "s4"];
const NOON_US = Date.UTC(2026, 0, 23, 12) * 1000;

/** Takes events in, and gives the path of the write-ahead file that they wait in. */
async function ingested({ folder, ledger }: Bench): Promise<string> {
  const lines = IDS.map((event_id, n) =>
    JSON.stringify({
      event_id,
      event_type: "SIGNAL",
      correlation_id: "bt1",
      created_at: NOON_US + n,
      processed_at: NOON_US + n + 4,
    })
  );
  Deno.writeTextFileSync(join(folder, "in.ndjson"), `${lines.join("\n")}\n`);
  assertEquals((await ledger(["trace", "ingest", "in.ndjson"])).code, 0);
  const wal = join(folder, "data/ledger/traces/_wal");
  return join(wal, [...Deno.readDirSync(wal)].find(({ name }) => name.endsWith(".jsonl"))!.name);
}

/** Flips a bit of the record of `s1`, and says where that begins. */
function damage(path: string): { offset: number; line: string } {
  const bytes = Deno.readFileSync(path);
  const offset = bytes.indexOf(10) + 1;
  bytes[offset + 1] ^= 1;
  Deno.writeFileSync(path, bytes);
  return { offset, line: new TextDecoder().decode(bytes).split("\n")[1] };
}

binaryTest(
  "every command that reads a damaged write-ahead file says where, and what is missing",
  async (bench) => {
    const { ledger } = bench;
    const path = await ingested(bench);
    const { offset } = damage(path);
    const place = `${path.slice(bench.folder.length + 1)} at byte ${offset}: corrupt`;
    const asking = [
      ["query"],
      ["query", "--format", "ndjson"],
      ["stats"],
      ["path", "s2"],
      ["tree", "bt1"],
      ["latency", "bt1"],
      ["sample", "--rate", "1"],
      ["export", "--to", "chrome"],
      ["publish", "bt1"],
    ];
    const in_sql = ["query", "--db", "traces", "select count(*) from trace_events"];
    for (const args of [...asking.map((words) => ["trace", ...words]), in_sql]) {
      const { code, stderr } = await ledger(args);
      assertEquals(code, 0, args.join(" "));
      assertStringIncludes(stderr, place, args.join(" "));
      assertStringIncludes(
        stderr,
        "events in 1 damaged place of write-ahead files are missing from this answer",
      );
    }
    // The number of s1 was flipped into that of s0: neither s0 nor any other is lost.
    const { stdout } = await ledger(["trace", "query", "--format", "ndjson"]);
    const ids = stdout.trim().split("\n").map((line) => JSON.parse(line).event_id);
    assertEquals(ids, IDS.filter((id) => id !== "s1"));
    const stats = JSON.parse((await ledger(["trace", "stats", "--json"])).stdout);
    assertEquals([stats.events, stats.damaged, stats.unchecked], [4, 1, 0]);
    // A question for what the damage took says that there is damage.
    const absent = await ledger(["trace", "path", "s1"]);
    assertEquals(absent.code, 1);
    assertStringIncludes(absent.stderr, place);
  },
);

binaryTest(
  "verify and doctor find a damaged write-ahead file, compact sets it aside: exit code 3 each",
  async (bench) => {
    const { ledger, folder } = bench;
    assertEquals((await ledger(["emit", "run.started", "--run-id", "r1"])).code, 0);
    const { line, offset } = damage(await ingested(bench));
    const verified = await ledger(["verify", "--json"]);
    assertEquals(verified.code, 3);
    const [finding] = JSON.parse(verified.stdout).findings;
    assertEquals([finding.kind, finding.offset], ["corrupt_trace", offset]);
    const doctor = await ledger(["doctor", "--json"]);
    assertEquals(doctor.code, 3);
    const { checks } = JSON.parse(doctor.stdout);
    const check = checks.find(({ name }: { name: string }) => name === "traces");
    assertEquals(check.ok, false);
    assertStringIncludes(check.found, "4 events in write-ahead files; 1 damaged place");

    const compacted = await ledger(["trace", "compact", "--json"]);
    assertEquals(compacted.code, 3);
    const { recovered } = JSON.parse(compacted.stdout);
    assertEquals([recovered.events, recovered.quarantined], [4, 1]);
    const quarantine = join(folder, "data/ledger/traces/_quarantine");
    const [kept] = [...Deno.readDirSync(quarantine)];
    assertEquals(Deno.readTextFileSync(join(quarantine, kept.name)), line);

    const after = await ledger(["trace", "query", "--format", "ndjson"]);
    assertEquals([after.code, after.stderr], [0, ""]);
    assertEquals(after.stdout.trim().split("\n").length, 4);
    assertEquals((await ledger(["verify"])).code, 0);
    assertEquals((await ledger(["trace", "compact"])).code, 0);
  },
);
