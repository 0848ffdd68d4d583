/** All calls and who used them: after every change of the runs, and whatever became of the live file. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { ALERTS_VERSION } from "../../src/runs/catalog/alerts.ts";
import {
  assertSetAside,
  BLOCK_BYTES,
  damages,
  HEAD_BYTES,
  passForPublished,
  rot,
} from "../duckdb/databases.ts";
import { testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import { ask, inLab, type Lab, ledgerOf, MONTH, newLab, removeFrom, rowsOf } from "./runs.ts";

const ASKED = "select call_id, run_ids, run_count from alerts order by call_id";

Deno.test("alerts.duckdb has one row a call, with the runs that used it, also after changes", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  await finishRun(lab, "a", { calls: ["c1", "c2"] });
  await finishRun(lab, "b", { calls: ["c2"] });
  await runs.sync();
  assertEquals((await runs.syncAlerts()).added, 2);
  assertEquals(await ask(lab, ASKED, "alerts"), [["c1", ["a"], 1], ["c2", ["a", "b"], 2]]);
  assertEquals((await runs.syncAlerts()).added, 0);
  removeFrom(lab, MONTH, "run_id=a");
  await finishRun(lab, "c", { calls: ["c3"] });
  await runs.sync();
  const { added, removed } = await runs.syncAlerts();
  assertEquals([added, removed], [1, 1]);
  assertEquals(await ask(lab, ASKED, "alerts"), [["c2", ["b"], 1], ["c3", ["c"], 1]]);
});

Deno.test("an alerts file that cannot be read is named, and the others are taken in", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  const path = await finishRun(lab, "a");
  await finishRun(lab, "b", { calls: ["c2"] });
  await runs.sync();
  Deno.writeTextFileSync(join(lab.runs_dir, path, "inputs/alerts.parquet"), "no Parquet");
  const report = await runs.syncAlerts();
  assertEquals(report.problems.map(({ path }) => path), [`${path}/inputs/alerts.parquet`]);
  assertEquals(await ask(lab, "select call_id from alerts", "alerts"), [["c2"]]);
  assert(Deno.statSync(join(lab.dir, "index", "alerts.duckdb")).isFile);
});

function alertsOf(lab: Lab): string {
  return join(lab.dir, "index", "alerts.duckdb");
}

/** A lab whose alerts do not know its last run yet. */
async function takenIn(lab: Lab, calls = ["c1"]): Promise<string> {
  const { runs } = ledgerOf(lab);
  await finishRun(lab, "a", { calls });
  await runs.sync();
  await runs.syncAlerts();
  await finishRun(lab, "b", { calls: ["c1"] });
  await runs.sync();
  return alertsOf(lab);
}

async function syncAlerts(lab: Lab, world = testWorld()) {
  const notices: string[] = [];
  const report = await ledgerOf(lab, world).runs.syncAlerts({
    onNotice: (message) => notices.push(message),
  });
  return { ...report, notices };
}

for (const { what, damage } of damages(`update alerts_meta set version = ${ALERTS_VERSION - 1}`)) {
  Deno.test(`an index of alerts that is ${what} is set aside and built anew`, async () => {
    using lab = newLab();
    const path = await takenIn(lab);
    await damage(path);
    const synced = await inLab(lab, ["runs", "sync", "--alerts"]);
    assertSetAside(path, "the index of alerts", synced);
    assertStringIncludes(synced.stdout, "Added the alerts of 2 runs\n");
    assertEquals(await ask(lab, ASKED, "alerts"), [["c1", ["a", "b"], 2]]);
    const { notices, added } = await syncAlerts(lab);
    assertEquals([notices, added], [[], 0]);
  });
}

Deno.test("rebuild says the same of an index of alerts that it cannot use", async () => {
  using lab = newLab();
  const path = await takenIn(lab);
  Deno.truncateSync(path, 100);
  assertSetAside(path, "the index of alerts", await inLab(lab, ["rebuild"]));
});

Deno.test("an index of alerts whose rot shows only in the work is set aside and built anew", async () => {
  const calls = Array.from({ length: 2_000 }, (_, n) => `c${n}`);
  let was_set_aside = 0;
  using lab = newLab();
  const path = await takenIn(lab, calls);
  const whole = Deno.readFileSync(path);
  for (let from = HEAD_BYTES; from < whole.length; from += BLOCK_BYTES) {
    Deno.writeFileSync(path, whole);
    rot(path, from, from + BLOCK_BYTES);
    passForPublished(path);
    const { notices, problems } = await syncAlerts(lab);
    assertEquals(problems, []);
    if (notices.length > 0) was_set_aside++;
    const [{ calls: found }] = await rowsOf(path, "select count(*) as calls from alert_uses");
    assertEquals(found, calls.length + 1, `rot from ${from}`);
  }
  assert(was_set_aside > 0, "none of it showed");
});

Deno.test("an index of alerts that another program changes while it is copied is built anew", async () => {
  using lab = newLab();
  const path = await takenIn(lab);
  const files = systemFiles((operation) => {
    if (operation === "copy to") Deno.utimeSync(path, 0, 0);
  });
  const { notices, added } = await syncAlerts(lab, testWorld({ files }));
  assertEquals([notices.length, added], [1, 2]);
  assertMatch(notices[0], /anew: another program writes to it; the old file is kept as .*aside$/);
  assertEquals(await ask(lab, ASKED, "alerts"), [["c1", ["a", "b"], 2]]);
});
