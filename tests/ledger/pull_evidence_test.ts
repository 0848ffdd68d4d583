/** All that a box knows of its runs comes over in one pull, and is asked for here as it is there. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { boxes } from "../boxes.ts";
import { runIn } from "../harness.ts";
import { commitAll, putFiles, worldIn } from "../runs/repositories.ts";

const TIME_MS = 1_704_067_200_000;

Deno.test("a pull brings types, files, evidence, metrics, annotations and claims, and each question has the same answer", async () => {
  using lab = boxes("a", "b");
  const [here, there] = lab.all;
  const repository = join(there.dir, "repository");
  Deno.mkdirSync(repository);
  await commitAll(repository, { "run.py": "1\n", "uv.lock": "v1\n" });
  putFiles(repository, {
    "run.py": "2\n",
    "new.py": "3\n",
    "data/prices.csv": `ts_ms\n${TIME_MS}\n`,
  });
  let now_ms = TIME_MS + 1;
  const world = worldIn(repository, { hostname: () => "b", now_ms: () => now_ms++ });
  await using theirs = there.open(world);
  await theirs.registerArtifactType("greeks", {
    columns: { ts_ms: { kind: "time", required: true }, iv: { kind: "number" } },
    key: ["ts_ms"],
  });
  const claim = {
    hypothesis: "it pays",
    metric: "sharpe",
    direction: "higher",
    trials_planned: 2,
    holdout: "2025-01-01..2025-02-01",
    falsified_if: "sharpe < 0",
  } as const;
  await theirs.runs.claim({ group: "sweep7" }, claim);
  for (const [run_id, sharpe] of [["r1", 1], ["r2", 3], ["r3", 2]] as const) {
    const run = await theirs.runs.create({
      ...{ run_type: "momentum", run_id, group: run_id === "r3" ? undefined : "sweep7" },
      parameters: { lookback: sharpe * 10 },
      inputs: ["data/*.csv"],
      argv: ["python", "run.py", run_id],
    });
    await run.writeArtifact("greeks", [{ ts_ms: TIME_MS, iv: sharpe / 10 }]);
    await run.writeArtifact("equity", [{ ts_ms: TIME_MS, equity: 100 * sharpe }]);
    for (let step = 0; step < 3; step++) {
      await run.logMetrics({ loss: sharpe / (step + 1) }, { step });
    }
    await run.attachFile({ bytes: new TextEncoder().encode(`a plot of ${run_id}`) }, {
      as: "plots/p.txt",
      kind: "plot",
    });
    await run.markSuccess({ summary: { sharpe } });
  }
  await theirs.migrateArtifactType("greeks", [{ rename: "iv", to: "implied" }]);
  await theirs.runs.annotate("r2", {
    ...{ name: "flagship", tags: ["best"], note: "survives doubled costs", pin: true },
    links: [{ kind: "derived-from", to: "r1" }],
  });
  await theirs.runs.annotate("r3", { group: "sweep7" });
  await theirs.runs.noteUse("r2", "r1", "equity");
  const report = await here.pull(there);
  assertEquals(report.findings, []);
  assertEquals([report.artifact_types, report.runs.taken.length], [["greeks"], 3]);

  const at = { now_ms: () => now_ms + 86_400_000 };
  await using ours = here.open(at);
  await using other = there.open(at);
  for (const ledger of [ours, other]) {
    await ledger.sync();
    await ledger.runs.sync();
    assertEquals((await ledger.runs.verify({ deep: true })).findings, []);
    assertEquals((await ledger.verify({ deep: true })).findings, []);
  }
  const catalog = [
    "select run_id, path, sha256, rows, from_ms from run_inputs order by all",
    "select run_id, artifact_type, rows, sha256, is_missing from backtest_artifacts_catalog order by all",
    "select run_id, implied from greeks order by all",
    "select run_id, name, step, value from metrics order by all",
    "select run_id, equity from equity order by all",
    `select run_id, name, "group", pin, tags, notes, params, summary, data_fingerprint, git_commit
     from run_states order by all`,
  ];
  for (const sql of catalog) {
    const rows = await ours.query(sql, { db: "catalog" });
    assertEquals(rows, await other.query(sql, { db: "catalog" }), sql);
    assertEquals(rows.length >= 3, true, sql);
  }
  const asked = async (ledger: typeof ours) => {
    const { runs } = ledger;
    const { directory: _, notes, links, claims, manifest, ...known } = await runs.look("flagship");
    return {
      known,
      notes,
      links,
      manifest,
      claims: claims.map(({ order: _, ...claim }) => claim),
      where: (await runs.query({ where: "'best' in tags and group = 'sweep7'" }))
        .map(({ run_id }) => run_id),
      group: await runs.group({ group: "sweep7", by: "run_type", metric: "sharpe" }),
      best: (await runs.rank({ by: "sharpe", per: "group" })).map(({ run_id }) => run_id),
      lineage: await runs.lineage("flagship"),
      diff: await runs.compared({ run_ids: ["r1", "r3"] }),
      steps: (await runs.planRerun("r2")).steps.map(({ title }) => title),
    };
  };
  const answers = await asked(ours);
  assertEquals(answers, await asked(other));
  assertEquals([answers.where, answers.best], [["r2"], ["r2"]]);
  const shown = await runIn(here.ledger_dir, [
    "runs",
    "show",
    "flagship",
    "--runs-dir",
    here.runs_dir,
  ]);
  for (const said of ["1 changed file", "plots/p.txt", "prices.csv", "loss", "best", "it pays"]) {
    assertStringIncludes(shown.stdout, said);
  }
  assertEquals(
    [...await ours.runs.planPrune({ before: "2030-01" })].flatMap(({ runs }) =>
      runs.map(({ kept }) => kept !== undefined)
    ),
    [false, true, false],
    "the pin counts here too",
  );
  const again = await here.pull(there);
  assertEquals([again.runs.same, again.runs.taken, again.artifact_types, again.log.taken], [
    3,
    [],
    [],
    [],
  ]);
});
