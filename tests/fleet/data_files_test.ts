/** Data files of a table, and commits: what its log says of a file is exact, and no commit comes too late. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lake_commit_ms_max } from "../../src/base/limits.ts";
import { openDatabase } from "../../src/duckdb/connection.ts";
import { putDataFiles } from "../../src/fleet/lake/data_files.ts";
import { lakeTable } from "../../src/fleet/lake/lake.ts";
import { DeltaTable, type LakeTable } from "../../src/fleet/lake/table.ts";
import { openStore, withBoxes, worldBeside } from "./fleets.ts";
import { snapshotOf } from "./lab.ts";

Deno.test("the statistics of a file are those of its rows to the last digit; none where a value has no order, or is long", async () => {
  await withBoxes(1, async ({ strict, folder }) => {
    using store = openStore(strict);
    await using database = await openDatabase(store.world, {
      path: ":memory:",
      access: "write",
      folders: [folder],
      temp_folder: join(folder, "spill"),
    });
    const values = {
      large: ["long", "9007199254740993 + n"],
      none: ["long", "null"],
      third: ["double", "n / 3 - 1"],
      tiny: ["double", "if(n = 1, 5e-324, null)"],
      nan: ["double", "if(n = 1, 'nan'::double, n)"],
      endless: ["double", "if(n = 1, '-inf'::double, n)"],
      is_odd: ["boolean", "n % 2 = 1"],
      text: ["string", "'ä\"' || n"],
      text_32: ["string", "repeat('x', 32)"],
      text_33: ["string", "repeat('x', 31 + n)"],
    } as const;
    const table: LakeTable = {
      name: "some",
      order: "large desc",
      columns: [
        ...Object.entries(values).map(([name, [type]]) => ({ name, type, nullable: true })),
        { name: "log_day", type: "date", nullable: false },
      ],
    };
    const selected = Object.entries(values).map(([name, [type, sql]]) => {
      const cast =
        { long: "bigint", double: "double", boolean: "boolean", string: "varchar" }[type];
      return `(${sql})::${cast} as ${name}`;
    });
    const relation =
      `(select ${selected}, '2026-01-01' as log_day from (select range::double as n from range(3)))`
        .replace("31 + n", "31 + n::int").replace("993 + n", "993 + n::bigint")
        .replace("|| n", "|| n::int");
    const [{ stats }] = await putDataFiles(store, database, table, relation, folder);
    const ranges = (large: string, third: string, text: string, x: string) =>
      `{"large":${large},"third":${third},"tiny":5e-324,"text":${
        JSON.stringify(text)
      },"text_32":"${x}"}`;
    const x = "x".repeat(32);
    const nulls = { large: 0, none: 3, third: 0, tiny: 2, nan: 0, endless: 0 };
    assertEquals(
      stats,
      `{"numRecords":3,"minValues":${ranges("9007199254740993", "-1.0", 'ä"0', x)},` +
        `"maxValues":${ranges("9007199254740995", "-0.33333333333333337", 'ä"2', x)},` +
        `"nullCount":${JSON.stringify({ ...nulls, text: 0, text_32: 0, text_33: 0 })}}`,
    );
  });
});

Deno.test("a commit is not sent by a job that slept before it tried again; one that went through is known", async () => {
  await withBoxes(1, async (lab) => {
    const { options, requests } = lab.strict;
    const pause = () => Promise.resolve(lab.wait(2 * lake_commit_ms_max));
    using store = openStore(lab.strict, { ...worldBeside(lab.strict), pause });
    const table = new DeltaTable(store, lakeTable("runs"));
    const snapshot = await table.refresh();
    await table.create(snapshot);
    const tryAfterSleep = async (fault: "503" | "lost", seq: number) => {
      options.faultOf = ({ method }) => method === "PUT" ? fault : undefined;
      const change = {
        watermarks: new Map([["box=a", seq]]),
        is_data_change: true,
        operation: "WRITE",
      };
      const before = requests.length;
      const is_done = await table.commitWhile(await table.refresh(), change, () => true);
      options.faultOf = undefined;
      const puts = requests.slice(before).filter(({ method }) => method === "PUT").length;
      const { version, watermarks } = await snapshotOf(lab, "runs");
      return { is_done, puts, version, taken: watermarks.get("box=a") };
    };
    assertEquals(await tryAfterSleep("lost", 1), { is_done: true, puts: 1, version: 1, taken: 1 });
    const late = { is_done: false, puts: 1, version: 1, taken: 1 };
    assertEquals(await tryAfterSleep("503", 2), late);
    // What was read before the sleep is not the end of the log, however often it is read on.
    await table.refresh(snapshot);
    const change = { is_data_change: true, operation: "WRITE" };
    assertEquals(await table.commitWhile(snapshot, change, () => true), false);
  });
});
