/** Old months go, into archives that hold all of it; nothing goes that is not safe to go. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { prune } from "../../src/runs/upkeep/prune.ts";
import { FAILURES, FaultyDisk, operationsToFail } from "../crash/faults/faults.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import {
  assertLikeBuiltAnew,
  inLab,
  type Lab,
  ledgerOf,
  manifestOf,
  newLab,
  putFile,
  putRun,
  rowsOf,
  sync,
} from "./runs.ts";

const OLD = "2025-03-05T10:00:00Z";

function filesOf(folder: string, below = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) { for (const inner of filesOf(folder, path)) files.set(...inner); }
    else files.set(path, new TextDecoder("latin1").decode(Deno.readFileSync(join(folder, path))));
  }
  return files;
}

/** What the system's own tar takes out of an archive. */
async function untarred(archive: string): Promise<Map<string, string>> {
  using folder = tempFolder();
  const { success, stderr } = await new Deno.Command("tar", {
    args: ["-xzf", archive, "-C", folder.path],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return filesOf(folder.path);
}

function runsOf(lab: Lab, month: string): string[] {
  return [...Deno.readDirSync(join(lab.runs_dir, month))].map(({ name }) => name)
    .filter((name) => name.startsWith("run_id=")).sort();
}

Deno.test("an archived month holds every byte of its runs, and the catalog remembers them", async () => {
  using lab = newLab();
  const long = "x".repeat(190);
  await finishRun(lab, long, { created: OLD });
  await finishRun(lab, "wörk, 'quoted'", { created: OLD, failed: true });
  await finishRun(lab, "new");
  putFile(lab, `2025-03/run_id=${long}`, "logs/large.txt", "line\n".repeat(2_000_000));
  const before = filesOf(lab.runs_dir);
  const archive = join(lab.runs_dir, "archive");
  const args = ["runs", "prune", "--before", "2025-06", "--archive", archive, "--yes", "--json"];
  const { code, stdout, stderr } = await inLab(lab, args);
  assertEquals([code, stderr], [0, ""]);
  const [month] = JSON.parse(stdout);
  assertEquals(month.archive, join(archive, "runs-archive-2025-03.tar.gz"));
  const expected = new Map([...before].filter(([path]) => path.startsWith("2025-03/")));
  assertEquals(await untarred(month.archive), expected);
  assertEquals(runsOf(lab, "2025-03"), []);
  assertEquals(runsOf(lab, "2026-01"), ["run_id=new"]);
  const rows = await rowsOf(
    lab.catalog,
    "select run_id, presence, status from backtest_runs_catalog order by run_id",
  );
  assertEquals(rows.map(Object.values), [
    ["new", "present", "completed"],
    ["wörk, 'quoted'", "archived", "failed"],
    [long, "archived", "completed"],
  ]);
  await assertLikeBuiltAnew(lab);
});

Deno.test("an archived run keeps the digits of its numbers, in the catalog and where it is shown", async () => {
  using lab = newLab();
  const parameters = `{"seed":12345678901234567890,"nonce":9007199254740993,"limit":1e400}`;
  const text = JSON.stringify(manifestOf("r", { created_at: OLD }))
    .replace(`"parameters":{}`, `"parameters":${parameters}`);
  putRun(lab, "r", text, { month: "2025-03" });
  await ledgerOf(lab).runs.prune({ before: "2025-06" });
  await sync(lab);
  const sql = "select presence, parameters::varchar from backtest_runs_catalog";
  assertEquals((await rowsOf(lab.catalog, sql)).map(Object.values), [["archived", parameters]]);
  const { stdout } = await inLab(lab, ["runs", "show", "r", "--json"]);
  assertStringIncludes(stdout.replaceAll(/\s/g, ""), `"parameters":${parameters}`);
});

Deno.test("a dry run prints what the real run then does, and changes nothing", async () => {
  using lab = newLab();
  for (const run_id of ["a", "b"]) await finishRun(lab, run_id, { created: OLD });
  const before = filesOf(lab.runs_dir);
  const words = ["runs", "prune", "--before", "2025-06"];
  const dry = await inLab(lab, [...words, "--dry-run"]);
  assertEquals(filesOf(lab.runs_dir), before);
  const unsure = await inLab(lab, words);
  assertEquals(unsure.code, 2);
  assertStringIncludes(unsure.stderr, "--yes");
  assertEquals(filesOf(lab.runs_dir), before);
  const real = await inLab(lab, [...words, "--yes"]);
  assertEquals(dry.stdout.replace("would go", "deleted"), real.stdout);
  assertEquals(runsOf(lab, "2025-03"), []);
});

Deno.test("a run that runs stays, and so does one whose manifest cannot be read", async () => {
  using lab = newLab();
  const ended = { status: "running", completed_at: undefined };
  const created_at = OLD;
  putRun(lab, "dead", { ...ended, created_at, started_at: OLD }, {
    month: "2025-03",
    has_success: false,
  });
  putRun(lab, "odd", "{", { month: "2025-03" });
  putRun(lab, "newer", manifestOf("newer", { schema_version: { manifest: "2.0.0" } }), {
    month: "2025-03",
  });
  const world = testWorld({ now_ms: () => Date.parse(OLD) });
  const ledger = ledgerOf(lab, world);
  await using _run = await ledger.runs.create({
    run_type: "full",
    run_id: "alive",
    git: false,
    owned: true,
  });
  const months = await ledgerOf(lab).runs.prune({ before: "2025-06" });
  assertEquals(
    months[0].runs.map(({ run_path, kept }) => [run_path.slice(8), kept?.split(":")[0]]),
    [
      ["run_id=alive", "it is running"],
      ["run_id=dead", undefined],
      ["run_id=newer", months[0].runs[2].kept],
      ["run_id=odd", "it is not JSON"],
    ],
  );
  assertStringIncludes(months[0].runs[2].kept!, "2.0.0");
  assertEquals(runsOf(lab, "2025-03"), ["run_id=alive", "run_id=newer", "run_id=odd"]);
  await ledger.close();
});

Deno.test("a pinned run stays, also a moment after it was pinned, and goes once it is pinned no more", async () => {
  using lab = newLab();
  for (const run_id of ["a", "b"]) await finishRun(lab, run_id, { created: OLD });
  await using ledger = ledgerOf(lab);
  await ledger.sync();
  const words = ["runs", "prune", "--before", "2025-06"];
  const kept = "run_id=a stays: it is pinned (ledger runs annotate a --unpin)";
  await ledger.runs.annotate("a", { pin: true });
  const dry = await inLab(lab, [...words, "--dry-run"]);
  assertStringIncludes(dry.stdout, kept);
  assertStringIncludes(dry.stdout, "2025-03: 1 run (");
  const first = await inLab(lab, [...words, "--yes"]);
  assertEquals([first.code, first.stderr], [0, ""]);
  assertStringIncludes(first.stdout, kept);
  assertEquals(runsOf(lab, "2025-03"), ["run_id=a"]);
  // An index that is gone bad is made anew before it is believed.
  Deno.writeTextFileSync(join(lab.dir, "index", "runs.duckdb"), "no database");
  const again = await inLab(lab, [...words, "--yes"]);
  assertEquals(again.code, 0);
  assertStringIncludes(again.stderr, "building the index anew");
  assertStringIncludes(again.stdout, kept, "also where it is all that a month has");
  await ledger.runs.annotate("a", { pin: false });
  await ledgerOf(lab).runs.prune({ before: "2025-06" });
  assertEquals(runsOf(lab, "2025-03"), []);
});

Deno.test("whatever fails while pruning, every run is in its folder or in an archive that is whole", async () => {
  for (const name of ["EIO", "a full disk"]) {
    for (const k of operationsToFail()) {
      using lab = newLab();
      for (const run_id of ["a", "b"]) await finishRun(lab, run_id, { created: OLD });
      const before = filesOf(lab.runs_dir);
      const disk = new FaultyDisk(FAILURES[name], k);
      const request = { before: "2025-06", archive: join(lab.runs_dir, "archive") };
      let failed = false;
      try {
        await prune(disk.world, lab.runs_dir, request);
      } catch {
        failed = true;
      }
      const kept = filesOf(lab.runs_dir);
      for (const path of [...kept.keys()].filter((path) => path.endsWith(".tar.gz"))) {
        for (const [inner, content] of await untarred(join(lab.runs_dir, path))) {
          kept.set(inner, content);
        }
      }
      for (const [path, content] of before) {
        if (path.includes(".lock") || path === ".changes") continue;
        assertEquals(kept.get(path), content, `${path} is lost: ${name} at ${disk.failed}`);
      }
      // A run that lost a file is no run any more.
      for (const run of runsOf(lab, "2025-03")) {
        for (const path of before.keys()) {
          if (!path.startsWith(`2025-03/${run}/`)) continue;
          assert(Deno.statSync(join(lab.runs_dir, path)), `${name} at ${disk.failed}`);
        }
      }
      await prune(testWorld(), lab.runs_dir, request);
      assertEquals(runsOf(lab, "2025-03"), []);
      await sync(lab);
      const archived = await rowsOf(
        lab.catalog,
        "select run_id from backtest_runs_catalog where presence = 'archived' order by all",
      );
      assertEquals(archived.map(({ run_id }) => run_id), ["a", "b"], `${name} at ${disk.failed}`);
      if (!failed && !disk.was_reached) break;
    }
  }
});
