/**
 * Every command that a document or a topic of help names in the midst of a sentence, typed into a lab
 * that has what it speaks of: as it stands, or completed with what the sentence leaves open.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { piecesOf } from "../../src/cli/topic.ts";
import { loadTopic, TOPIC_NAMES } from "../../src/cli/topics.ts";
import { database, run, TABLES } from "../legacy/legacy_databases.ts";
import { DOCUMENTS, IS_PLAIN, PROJECT, tempFolder } from "../harness.ts";
import { Lab, OLD_DAY } from "./lab.ts";

/** What the sentences leave open. Whatever is not here is typed as it stands. */
const COMPLETED: Readonly<Record<string, string>> = {
  "ledger help COMMAND": "ledger help emit",
  "ledger help TOPIC": "ledger help log",
  "ledger emit": "ledger emit run.started --run-id typed",
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
  "ledger runs compact --month 2026-01": `ledger runs compact --month ${
    new Date().toISOString().slice(0, 7)
  }`,
  "ledger --dir lab status": "ledger --dir data/ledger status",
  "ledger runs schema TYPE": "ledger runs schema trades",
  "ledger runs annotate": "ledger runs annotate wide-stop --tag typed",
  "ledger runs lineage RUN --uses OTHER --artifact TYPE":
    "ledger runs lineage wide-stop --uses tight-stop --artifact trades",
  "ledger runs query --input FILE": `ledger runs query --input ${"0".repeat(64)}`,
  "ledger runs verify --inputs": "ledger runs verify --all --inputs",
  "ledger runs write RUN metrics": "ledger runs write --help",
  "ledger schema register --artifact NAME FILE":
    `echo '{"columns":{"iv":{"kind":"number"}}}' | ledger schema register --artifact iv -`,
  "ledger runs show": "ledger runs show wide-stop",
  "runs annotate": "runs annotate wide-stop --tag typed",
  "runs create": "runs create --run-type policy",
  "runs show": "runs show wide-stop",
  "runs verify": "runs verify --all",
  "runs write": "runs write --help",
  "ledger trace publish": `ledger trace publish bt1 --metrics '{"trades":1}'`,
  "ledger trace path": "ledger trace path e2",
  // It asks nothing of the store; the others are typed beside one, in `tests/fleet/readme_test.ts`.
  "ledger fleet sql": "ledger fleet sql duckdb s3://lab/fleet --endpoint http://127.0.0.1:7480",
  "ledger fleet fold": "ledger fleet fold --help",
  "ledger fleet pull": "ledger fleet pull --help",
  "ledger ship": "ledger ship --help",
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

/** The prose of a topic: its paragraphs and its terms. */
async function proseOf(topic: string): Promise<string> {
  return piecesOf(await loadTopic(topic)!).flatMap((piece) => {
    if (typeof piece === "string") return piece;
    return "terms" in piece ? piece.terms.flat() : [];
  }).join("\n");
}

/** The sentences of documents and topics, without blocks of code and the table of all commands. */
async function sentences(): Promise<string> {
  const documents = DOCUMENTS.map((path) => Deno.readTextFileSync(join(PROJECT, path)))
    .map((text) => text.replaceAll(/```[^]*?\n```|<!-- commands -->[^]*?<!-- end of/g, ""));
  return [...documents, ...await Promise.all(TOPIC_NAMES.map(proseOf))].join("\n");
}

Deno.test("every command that a sentence of a document or a topic names can be typed", {
  ignore: IS_PLAIN,
}, async () => {
  const text = await sentences();
  const named = new Set([...text.matchAll(/`((?:ledger|runs) [^`]+)`/g)].map(([, line]) => line));
  assert(named.size > 30, "documents without command lines in them have not been found");
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
