/** The tables of a fleet asked by ClickHouse, beside the raw segments that they are made of. */
import { join } from "@std/path";
import { type Bench, LeftOut, published, ratioAtMost } from "./bench.ts";
import { shipPart } from "./fleet_box.ts";
import { startStore } from "./fleet_store.ts";
import { figure } from "./rounds.ts";

const EVENTS = 10_000_000;
const EVENTS_QUICK = 500_000;
const BOXES = 4;

/** What is asked of both: `FROM` is a table, or the segments. */
const QUESTIONS = {
  group: "SELECT event_type, count(), max(timestamp_ms) FROM {from} GROUP BY event_type",
  runs: "SELECT run_id, count() AS n FROM {from} GROUP BY run_id ORDER BY n DESC, run_id LIMIT 10",
} as const;

/** One process asks both sides in turns, and prints its seconds; the first round warms up. */
const CLIENT = `import json, sys, time
from chdb import session
asked = json.load(sys.stdin)
chdb = session.Session()
seconds = [[], []]
for turn in range(asked["rounds"] + 1):
    answers = []
    for side, question in enumerate(asked["questions"]):
        start = time.time()
        answers.append(str(chdb.query(question, "CSV")))
        if turn > 0: seconds[side].append(time.time() - start)
    if sorted(answers[0].split()) != sorted(answers[1].split()):
        sys.exit("the two sides answer differently: " + "\\n".join(answers))
print(json.dumps(seconds))
`;

/** ClickHouse over the table, beside ClickHouse over the segments. */
export const fleetQuery: Bench = {
  name: "fleet.query",
  shows: "ClickHouse grouping ten million events of the table, beside the raw segments",
  async run({ folder, quick, rounds, say }) {
    const { pythonWith } = await import("../../tests/fleet/engines.ts");
    const python = pythonWith("chdb");
    if (!python) throw new LeftOut("there is no ClickHouse (chdb of PyPI in LEDGER_TEST_ENGINES)");
    const count = quick ? EVENTS_QUICK : EVENTS;
    await using bench = await startStore(folder);
    const { fleet, endpoint } = bench;
    const of_box = count / BOXES;
    for (let n = 0; n < BOXES; n++) {
      await shipPart(bench, folder, `box-${n}`, { count: of_box, first: n * of_box });
    }
    const { tables } = await fleet.fold();
    say(`${tables[0].segments} segments, ${tables[0].files} files of the table`);
    const sides = [
      `deltaLake('${endpoint}/bench/fleet/lake/events/')`,
      `s3('${endpoint}/bench/fleet/log/box=*/*.parquet')`,
    ];
    const figures = [];
    for (const [name, question] of Object.entries(QUESTIONS)) {
      const questions = sides.map((from) => question.replace("{from}", from));
      const [ours, beside] = await askBoth(python, { rounds, questions }, bench.keys);
      const goal = name === "group" ? ratioAtMost(1) : published;
      figures.push(figure({ name: `fleet.query.${name}`, unit: "s", ours, beside, goal }));
    }
    return figures;
  },
};

/** The seconds of each round, of both sides. */
async function askBoth(
  python: string,
  asked: { rounds: number; questions: readonly string[] },
  env: Readonly<Record<string, string>>,
): Promise<[ours: number[], beside: number[]]> {
  const child = new Deno.Command(join(python, "bin/python3"), {
    args: ["-c", CLIENT],
    env: { ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(asked)));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("ClickHouse did not answer");
  return JSON.parse(new TextDecoder().decode(stdout));
}
