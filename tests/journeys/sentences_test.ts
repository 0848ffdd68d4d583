/**
 * Every command that the README names in the midst of a sentence, typed into a lab that has what they
 * speak of: as it stands, or completed with what the sentence leaves open.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { database, run, TABLES } from "../legacy/legacy_databases.ts";
import { PROJECT, tempFolder } from "../harness.ts";
import { Lab, OLD_DAY } from "./lab.ts";

/** What the sentences leave open. Whatever is not here is typed as it stands. */
const COMPLETED: Readonly<Record<string, string>> = {
  "ledger COMMAND --help": "ledger rebuild --help",
  "ledger help TOPIC": "ledger help log",
  "ledger runs": "ledger runs --help",
  "ledger watch": "ledger watch --once",
  "ledger schema register": `echo '{"type":"object"}' | ledger schema register desk.note -`,
  "ledger retain": "ledger retain --days 30 --dry-run",
  "ledger archive import FILE": `ledger archive import data/ledger/archive/ledger-${OLD_DAY}.tar`,
  [`ledger emit run.failed --run-id ID --error "died"`]:
    `ledger emit run.failed --run-id gone --error "died"`,
  [`runs finish ID --status failed --error "died"`]:
    `runs finish killed --status failed --error "died"`,
  // The lab's runs are of today.
  "runs compact --month 2026-01": `runs compact --month ${new Date().toISOString().slice(0, 7)}`,
  "runs prune": "runs prune --before 2025-06",
  "runs show": "runs show wide-stop",
  "ledger trace path": "ledger trace path e2",
};

/** Done, and done with something to tell. */
const GOOD_CODES = [0, 3];

const BT1 = [
  { event_id: "e1", event_type: "SIGNAL" },
  { event_id: "e2", event_type: "ORDER", causation_id: "e1" },
].map((event) => JSON.stringify({ ...event, correlation_id: "bt1", timestamp: 1769174319945000 }));

async function fill(lab: Lab): Promise<void> {
  await lab.must("ledger demo");
  await lab.must("ledger emit run.started --run-id gone");
  await lab.must(`printf '%s\\n' '${BT1.join("' '")}' | ledger trace ingest -`);
  await lab.must("LEDGER_DIR=boxes/node7/data/ledger ledger emit run.started --run-id n7");
  await lab.oldEvent("a");
  await lab.must("ledger rebuild && ledger retain --days 30 --archive data/ledger/archive");
  const legacy = lab.at("data/baseline_results.duckdb");
  await database(legacy, ...TABLES, ...run("early", Date.UTC(2026, 0, 10)));
}

Deno.test("every command that a sentence of the README names can be typed", async () => {
  const text = Deno.readTextFileSync(join(PROJECT, "README.md")).replaceAll(
    /```[\s\S]*?\n```/g,
    "",
  );
  const named = new Set([...text.matchAll(/`((?:ledger|runs) [^`]+)`/g)].map(([, line]) => line));
  assert(named.size > 10, "a README without command lines in it has not been found");
  named.delete("ledger demo");
  using folder = tempFolder();
  const lab = new Lab(folder.path);
  await fill(lab);
  const failed: string[] = [];
  for (const line of named) {
    const { code, text } = await lab.type(COMPLETED[line] ?? line);
    if (!GOOD_CODES.includes(code)) failed.push(`${line} (exit code ${code}):\n${text}`);
  }
  assertEquals(failed, []);
  const unused = Object.keys(COMPLETED).filter((line) => !named.has(line));
  assertEquals(unused, [], "what no sentence names any more");
});
