/**
 * A small fleet, shown: an object store, three boxes with a lab each, one of them killed while it sends, a fold
 * job, and one question that several engines answer. Where Ceph is not installed, a store of the tests stands
 * in for it; engines of others whose packages are missing are left out.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../src/base/world.ts";
import { humanCount, shellWord } from "../src/base/format.ts";
import { countColumn, printTable, type Row } from "../src/cli/table.ts";
import { recordLab } from "../src/demo/lab.ts";
import { LAB_BEGAN_BEFORE_MS, planLab } from "../src/demo/plan.ts";
import type { TourLook } from "../src/demo/tour.ts";
import type { Engine } from "../src/fleet/engines.ts";
import { Ceph, HAS_CEPH } from "../tests/fleet/ceph.ts";
import { ask, ENGINES_BY_PIP, HAS_ENGINE } from "../tests/fleet/engines.ts";
import { FaultyProxy } from "../tests/fleet/proxy.ts";
import { STRICT_KEYS, StrictStore } from "../tests/fleet/strict_store.ts";

const BOXES = ["research-1", "research-2", "research-3"] as const;
const KILLED = BOXES[1];
/** A host that joins no fleet: it folds, and reads. */
const OTHER_HOST = "office";
const URL_OF_FLEET = "s3://lab/fleet";

/** The engines that start within seconds, and what they are called. */
const SHOWN = { clickhouse: "ClickHouse", duckdb: "DuckDB", polars: "Polars" } as const;
type Shown = keyof typeof SHOWN;

const POLICY_IN_DUCKDB =
  "select params->>'policy_id' as policy, count(*) as trials, round(avg((metrics->>'return_bps')::double), 2) as return_bps";
/** How a policy's trials went on all boxes, the best first; JSON is read by each engine in its own words. */
const QUESTIONS: Readonly<Record<Shown | "here", string>> = {
  here: `${POLICY_IN_DUCKDB} from trial_results group by policy order by return_bps desc`,
  duckdb: `${POLICY_IN_DUCKDB} from trials group by policy order by return_bps desc`,
  clickhouse:
    "select JSONExtractString(params, 'policy_id') as policy, toUInt32(count()) as trials, " +
    "round(avg(JSONExtractFloat(metrics, 'return_bps')), 2) as return_bps " +
    "from trials group by policy order by return_bps desc",
  polars: `tables["trials"].group_by(
    pl.col("params").str.json_path_match("$.policy_id").alias("policy")
).agg(
    pl.len().alias("trials"),
    pl.col("metrics").str.json_path_match("$.return_bps").cast(pl.Float64).mean().round(2).alias("return_bps"),
).sort("return_bps", descending=True).collect().to_dicts()`,
};

/** How many events of each box there are, and how many ids. */
const COUNT =
  "select box, count(*) as events, count(distinct event_id) as ids from events group by box order by box";
const COUNTS: Readonly<Record<Shown, string>> = {
  duckdb: COUNT,
  clickhouse: COUNT.replaceAll(/count\([^)]*\)/g, "toUInt32($&)"),
  polars: `fleet.execute("${COUNT}").collect().to_dicts()`,
};

const ANSWER = [
  { field: "policy" },
  countColumn("trials"),
  { field: "return_bps", right: true },
];

/** A store that runs, with the keys to it. */
interface DemoStore extends AsyncDisposable {
  endpoint: string;
  port: number;
  keys: Readonly<Record<string, string>>;
}

/** Shows a fleet in a folder. Throws where it does not hold what its boxes acknowledged. */
export async function demoFleet(
  world: World,
  look: TourLook,
  folder: string,
  seed: number,
): Promise<void> {
  look.print(
    HAS_CEPH
      ? "A Ceph starts: an object store on this machine, with one copy, in memory."
      : "A store of the tests, in this process, takes its place, and other engines are left out.",
  );
  // What the store and the engines put somewhere goes with them.
  await using scrap = new AsyncDisposableStack();
  const scrap_folder = Deno.makeTempDirSync();
  scrap.defer(() => Deno.removeSync(scrap_folder, { recursive: true }));
  const store = scrap.use(await startStore(scrap_folder));
  const fleet = new DemoFleet(world, look, folder, scrap_folder, store);
  await fleet.ship(seed);
  await fleet.fold();
  await fleet.answer();
  look.print(`\n${look.words("The store ends here. The boxes, with their logs and runs, stay:")}`);
  look.print(`  ${look.command(`ls ${folder}`)}`);
  look.print(`  ${look.command("ledger help fleet")}`);
}

async function startStore(folder: string): Promise<DemoStore> {
  if (!HAS_CEPH) {
    const strict = new StrictStore();
    return {
      endpoint: strict.endpoint,
      port: Number(new URL(strict.endpoint).port),
      keys: STRICT_KEYS,
      [Symbol.asyncDispose]: () => strict[Symbol.asyncDispose](),
    };
  }
  return await Ceph.start({ folder, is_in_memory: true });
}

class DemoFleet {
  /** What each box has acknowledged. */
  readonly #acknowledged = new Map<string, string[]>();

  constructor(
    readonly world: World,
    readonly look: TourLook,
    readonly folder: string,
    readonly scrap_folder: string,
    readonly store: DemoStore,
  ) {
    for (const host of [...BOXES, OTHER_HOST]) Deno.mkdirSync(join(folder, host));
  }

  /** Boxes record a lab each, join, and send; one is killed meanwhile, and sends again. */
  async ship(seed: number): Promise<void> {
    this.#words("Once: a bucket becomes a fleet, if the store keeps the promises that it takes:");
    await this.#run(OTHER_HOST, ["fleet", "init", ...this.#address]);
    this.#words("Three boxes, folders here, record a lab each. Each joins by a name of its own:");
    const begins_ms = this.world.now_ms() - LAB_BEGAN_BEFORE_MS;
    await Promise.all(BOXES.map(async (box, n) => {
      const ids = await recordLab(this.#worldOf(box), planLab(seed + n, begins_ms));
      this.#acknowledged.set(box, ids);
    }));
    for (const box of BOXES) {
      await this.#run(box, ["fleet", "join", ...this.#address, "--as", box]);
    }
    this.#words("They send what is durable, each by itself: log, ended runs, traced events.");
    for (const box of BOXES) {
      await (box === KILLED ? this.#shipKilled() : this.#run(box, ["ship", "--once"]));
    }
    this.#words(
      `${KILLED} died when the store had its segment, before it heard so. Now it asks, and goes on:`,
    );
    await this.#run(KILLED, ["ship", "--once"]);
  }

  /** Ends a box's process when the store has its first segment, and has not told it. */
  async #shipKilled(): Promise<void> {
    using proxy = new FaultyProxy(this.store.port);
    const args = ["ship", "--once", "--endpoint", proxy.endpoint];
    this.#echo(KILLED, args);
    const child = this.#command(KILLED, args).spawn();
    proxy.plan = {
      mishapOf: () => undefined,
      kill: {
        isAt: ({ upload }) => upload === 1,
        moment: "after",
        end: () => child.kill("SIGKILL"),
      },
    };
    assertEquals((await child.status).signal, "SIGKILL", `${KILLED} was not killed`);
    this.look.print("(killed by SIGKILL)");
  }

  async fold(): Promise<void> {
    this.#words("One job, on any host, makes Delta Lake tables of what they have sent:");
    await this.#run(OTHER_HOST, ["fleet", "fold", ...this.#address]);
    this.#words("Every segment is read back, and compared with its digest:");
    await this.#run(OTHER_HOST, ["fleet", "verify", "--deep", ...this.#address]);
  }

  /** Asks one question in several ways, and counts the events of each box. */
  async answer(): Promise<void> {
    this.#words("Which policy did best on all boxes? Asked of what a host has pulled:");
    await this.#run(OTHER_HOST, ["fleet", "pull", ...this.#address]);
    const query = ["query", "--fleet"];
    await this.#run(OTHER_HOST, [...query, QUESTIONS.here]);
    const answer = await this.#rows([...query, QUESTIONS.here]);
    const of_logs = BOXES.map((box) => {
      const ids = this.#acknowledged.get(box)!;
      return { box, events: ids.length, ids: new Set(ids).size };
    });
    assertEquals(await this.#rows([...query, COUNT]), of_logs, "what was pulled");
    const engines = this.#engines();
    for (const engine of engines) {
      this.#words(`${SHOWN[engine]} is asked the same of the store's tables, by the lines of:`);
      const [found, counted] = await this.#ask(engine);
      printTable(this.world, found, ANSWER);
      assertEquals(found, answer, `${SHOWN[engine]} answers otherwise`);
      assertEquals(counted, of_logs, `${SHOWN[engine]} counts otherwise`);
    }
    const events = of_logs.reduce((sum, { events }) => sum + events, 0);
    const where = engines.length > 0 ? "the tables" : "what was pulled";
    const same = engines.length > 0
      ? `, and ${engines.length + 1} engines gave the same answer`
      : "";
    this.look.print(
      `\nAll ${
        humanCount(events)
      } acknowledged events of ${BOXES.length} boxes are in ${where}, each once${same}.`,
    );
  }

  #engines(): Shown[] {
    // The store of the tests answers whole objects; engines ask for ranges of them.
    if (!HAS_CEPH) return [];
    const engines = (Object.keys(SHOWN) as Shown[]).filter((engine) => HAS_ENGINE[engine]);
    if (engines.length < 2) {
      this.look.print(`left out: other engines, whose packages are missing (${ENGINES_BY_PIP})`);
    }
    return engines;
  }

  async #ask(engine: Shown): Promise<Row[][]> {
    const args = ["fleet", "sql", engine satisfies Engine, ...this.#address];
    this.#echo(OTHER_HOST, args);
    const lines = await this.#output(args);
    const folder = join(this.scrap_folder, engine);
    Deno.mkdirSync(folder);
    const env = this.store.keys;
    return await ask(engine, lines, [QUESTIONS[engine], COUNTS[engine]], {
      env,
      folder,
    }) as Row[][];
  }

  get #address(): string[] {
    return [URL_OF_FLEET, "--endpoint", this.store.endpoint];
  }

  #words(text: string): void {
    this.look.print(`\n${this.look.words(text)}`);
  }

  #echo(host: string, args: readonly string[]): void {
    this.look.print(this.look.command(`${host}$ ledger ${args.map(shellWord).join(" ")}`));
  }

  /** Runs a command on a host, and shows what it says. */
  async #run(host: string, args: readonly string[]): Promise<void> {
    this.#echo(host, args);
    const { success, code } = await this.#command(host, args).spawn().status;
    if (!success) throw new Error(`ledger ${args.join(" ")} ended with ${code}`);
  }

  async #rows(args: readonly string[]): Promise<Row[]> {
    return JSON.parse(await this.#output([...args, "--json"]));
  }

  async #output(args: readonly string[]): Promise<string> {
    const { success, stdout } = await this.#command(OTHER_HOST, args, "piped").output();
    if (!success) throw new Error(`ledger ${args.join(" ")} did not end well`);
    return new TextDecoder().decode(stdout);
  }

  #command(host: string, args: readonly string[], stdout: "inherit" | "piped" = "inherit") {
    const main = new URL("../main.ts", import.meta.url).pathname;
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", main, ...args],
      cwd: join(this.folder, host),
      env: this.store.keys,
      stdin: "null",
      stdout,
      stderr: "inherit",
    });
  }

  #worldOf(box: string): World {
    const vars: Readonly<Record<string, string>> = {
      LEDGER_DIR: join(this.folder, box, "data", "ledger"),
      LEDGER_RUNS_DIR: join(this.folder, box, "runs"),
    };
    return { ...this.world, env: (name) => vars[name] ?? this.world.env(name) };
  }
}
