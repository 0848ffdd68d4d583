/** The benches' command line: what is chosen, what comes out. No test here measures anything. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bench, LeftOut, published, ratioAtMost } from "../../scripts/bench/bench.ts";
import {
  figuresIn,
  fleetTable,
  legendTable,
  readmeTable,
} from "../../scripts/bench/readme_table.ts";
import { figure, inRounds, largest, median, quantile } from "../../scripts/bench/rounds.ts";
import { runBenches } from "../../scripts/bench/run.ts";

/** A bench that measures nothing and notes that it was run. */
function trivial(name: string, ran: string[]): Bench {
  return {
    name,
    shows: "nothing",
    run({ folder, quick, rounds }) {
      ran.push(name);
      return Promise.resolve([
        figure({
          name: `${name} time`,
          unit: "ms",
          ours: [3, 1, 2],
          beside: [2, 1, 1],
          goal: ratioAtMost(1.5),
          extra: { is_folder: Deno.statSync(folder).isDirectory, quick, rounds },
        }),
        figure({ name: `${name} size`, unit: "B", ours: [1], beside: [4], goal: published }),
      ]);
    },
  };
}

async function runAll(args: string[], benches?: Bench[]) {
  const ran: string[] = [];
  const data: string[] = [];
  const words: string[] = [];
  const code = await runBenches(
    args,
    benches ?? [trivial("append.one", ran), trivial("log.two", ran)],
    { scale: trivial("scale", ran), "fleet-scale": trivial("scale.fleet", ran) },
    { data: (line) => data.push(line), words: (line) => words.push(line) },
  );
  return { code, ran, data, words: words.join("\n") };
}

Deno.test("without names all benches run, with names those that are named", async () => {
  assertEquals((await runAll([])).ran, ["append.one", "log.two"]);
  assertEquals((await runAll(["log.two", "--json"])).ran, ["log.two"]);
  assertEquals((await runAll(["log.two", "append.one"])).ran, ["append.one", "log.two"]);
  assertEquals((await runAll(["--scale"])).ran, ["scale"]);
  assertEquals((await runAll(["--fleet-scale"])).ran, ["scale.fleet"]);
});

Deno.test("an unknown name is a usage error, and the nearest is offered", async () => {
  const { code, ran, data, words } = await runAll(["log.tow"]);
  assertEquals({ code, ran, data }, { code: 2, ran: [], data: [] });
  assertStringIncludes(words, `"log.tow"`);
  assertStringIncludes(words, "did you mean log.two?");
  assertStringIncludes((await runAll(["zzzzzzzz"])).words, "there are: append.one, log.two");
  assertEquals((await runAll(["--fast"])).code, 2);
});

Deno.test("with --json every figure is one object a line, its fields in a fixed order", async () => {
  const { code, data } = await runAll(["append.one", "--json", "--quick"]);
  assertEquals(code, 0);
  assertEquals(data.map((line) => JSON.parse(line)), [
    {
      name: "append.one time",
      ours: 2,
      beside: 1,
      ratio: 1.5,
      unit: "ms",
      goal: "≤ 1.5×",
      holds: true,
      is_folder: true,
      quick: true,
      rounds: 3,
      shows: "nothing",
    },
    {
      name: "append.one size",
      ours: 1,
      beside: 4,
      ratio: 0.25,
      unit: "B",
      goal: "published",
      holds: null,
      shows: "nothing",
    },
  ]);
  const order = Object.keys(JSON.parse(data[0])).slice(0, 7);
  assertEquals(order, ["name", "ours", "beside", "ratio", "unit", "goal", "holds"]);
});

Deno.test("as a table there is a head, then a line for each figure", async () => {
  const { data } = await runAll(["append.one"]);
  assertEquals(data.length, 3);
  assertMatch(data[0], /^name +ours +beside +ratio +unit +goal +holds$/);
  assertMatch(data[1], /^append\.one time +2 +1 +1\.50× +ms +≤ 1\.5× +yes$/);
  assertMatch(data[2], /^append\.one size +1 +4 +0\.25× +B +published +–$/);
});

Deno.test("a bench that cannot run here is left out in one line; the others go on", async () => {
  const ran: string[] = [];
  const broken: Bench = {
    ...trivial("emit.none", ran),
    run: () => Promise.reject(new LeftOut("no executable")),
  };
  const { code, data, words } = await runAll(["--json"], [broken, trivial("log.two", ran)]);
  assertEquals({ code, ran, lines: data.length }, { code: 0, ran: ["log.two"], lines: 2 });
  assertStringIncludes(words, "emit.none: left out: no executable");
});

Deno.test("rounds take turns, and the first is not counted", async () => {
  const turns: string[] = [];
  const results = await inRounds(2, {
    ours: () => turns.push("ours"),
    beside: () => turns.push("beside"),
  });
  assertEquals(turns, ["ours", "beside", "ours", "beside", "ours", "beside"]);
  assertEquals(results, { ours: [3, 5], beside: [4, 6] });
});

Deno.test("medians, quantiles and extremes are what they are called", () => {
  assertEquals(median([5, 1, 3]), 3);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(quantile(Array.from({ length: 100 }, (_, k) => k), 0.99), 99);
  assertEquals(largest([1, 9, 4]), 9);
});

Deno.test("the documents' tables are made from figures as --json prints them", async () => {
  const { data } = await runAll(["append.one", "log.two", "--json"]);
  const figures = figuresIn(data.join("\n") + "\n");
  assertEquals(readmeTable(figures).split("\n"), [
    "| bench             | ours | beside it | ratio | goal      |",
    "| ----------------- | ---: | --------: | ----: | --------- |",
    "| `append.one time` | 2 ms |      1 ms | 1.50× | ≤ 1.5×    |",
    "| `append.one size` |  1 B |       4 B | 0.25× | published |",
    "| `log.two time`    | 2 ms |      1 ms | 1.50× | ≤ 1.5×    |",
    "| `log.two size`    |  1 B |       4 B | 0.25× | published |",
  ]);
  assertEquals(legendTable(figures).split("\n"), [
    "| from              | what is measured |",
    "| ----------------- | ---------------- |",
    "| `append.one time` | nothing          |",
  ]);
  const missed = { ...figuresIn(data[0])[0], holds: false, beside: null, ratio: null };
  assertStringIncludes(
    readmeTable(figuresIn(JSON.stringify(missed))),
    "| `append.one time` | 2 ms |           |       | ≤ 1.5×: **missed** |",
  );
});

Deno.test("figures of fleets stand in a table with a column for each fleet, a goal that is missed named", () => {
  const of = (table: string, row: string, column: string, facts: object) => {
    return JSON.stringify({ name: "scale.fleet", ours: 2, unit: "", table, row, column, ...facts });
  };
  const figures = figuresIn([
    of("day", "commits", "10 boxes", { ours: 1_234 }),
    of("growth", "requests", "10 → 20 boxes", { ours: 0.994, unit: "power", holds: false }),
    of("day", "commits", "20 boxes", { ours: 2, unit: "kB" }),
    of("growth", "files", "10 → 20 boxes", { ours: -0.001, unit: "power", holds: true }),
  ].join("\n"));
  assertEquals(fleetTable("day")(figures).split("\n"), [
    "|         | 10 boxes | 20 boxes |",
    "| ------- | -------: | -------: |",
    "| commits |    1,234 |     2 kB |",
  ]);
  assertEquals(fleetTable("growth")(figures).split("\n").slice(2), [
    "| requests | 0.99: **missed** |",
    "| files    |             0.00 |",
  ]);
});
