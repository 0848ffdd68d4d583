/** What people say of runs: of those that a folder knows, the log, or both; the last word counts. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import type { SaidOfRun } from "../../src/ledger/annotations.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun, sync } from "../runs/runs.ts";
import { linesOnDisk, testWorld } from "../harness.ts";

const NOW_MS = Date.UTC(2026, 0, 23, 12);
const at = (ms: number) => testWorld({ now_ms: () => NOW_MS + ms });

/** Three runs that have ended: in a folder, in the log, in both. */
async function threeRuns(lab: Lab): Promise<void> {
  await using ledger = ledgerOf(lab, at(0));
  putRun(lab, "folder-1");
  putRun(lab, "both-1");
  for (const run_id of ["log-1", "both-1"]) {
    await ledger.emitRunCreated({ run_id, run_type: "policy", config: {}, data_fingerprint: "" });
    await ledger.emitRunCompleted({ run_id, summary: { sharpe: 1 } });
  }
  await sync(lab, {}, at(0));
}

async function say(lab: Lab, run: string, said: SaidOfRun, ms = 1): Promise<string[]> {
  const notices: string[] = [];
  await using ledger = ledgerOf(lab, at(ms));
  await ledger.runs.annotate(run, said, (notice) => notices.push(notice));
  return notices;
}

/** Takes what was said into the index. */
const index = (lab: Lab) => ledgerOf(lab).sync();

const idsWhere = async (lab: Lab, where: string) =>
  (await ledgerOf(lab, at(9)).runs.query({ where, sort: "run_id" })).map(({ run_id }) => run_id);

Deno.test("what is said of a run is found by filters, whether its folder, the log or both know it", async () => {
  using lab = newLab();
  await threeRuns(lab);
  const manifest = Deno.readTextFileSync(`${lab.runs_dir}/2026-01/run_id=folder-1/run.json`);
  const ids = ["both-1", "folder-1", "log-1"];
  for (const run of ids) {
    await say(lab, run, { tags: ["best", run], group: "sweep7", note: `of ${run}`, pin: true });
  }
  await say(lab, "folder", { name: "flagship" }, 2);
  await index(lab);
  assertEquals(await idsWhere(lab, "'best' in tags and group = 'sweep7'"), ids);
  assertEquals(await idsWhere(lab, "'log-1' in tags and pin and notes like '%log%'"), ["log-1"]);
  assertEquals(await idsWhere(lab, "name = 'flagship' or group is null"), ["folder-1"]);
  assertEquals(
    Deno.readTextFileSync(`${lab.runs_dir}/2026-01/run_id=folder-1/run.json`),
    manifest,
    "the run itself stays as it is",
  );
  const [row] = await ledgerOf(lab).runs.query({ run_id: "flagship" });
  const { run_id, name, group, pin, tags } = row;
  assertEquals({ run_id, name, group, pin, tags }, {
    run_id: "folder-1",
    name: "flagship",
    group: "sweep7",
    pin: true,
    tags: ["best", "folder-1"],
  });
  const notices: string[] = [];
  const onNotice = (notice: string) => notices.push(notice);
  await ledgerOf(lab).runs.query({ where: "'bets' in tags or group = 'sweep'", onNotice });
  assertEquals(notices, [
    'no run has the tag "bets"; did you mean best?',
    'no run has the group "sweep"; did you mean sweep7?',
  ]);
  const asked = `select run_id from run_states where "group" = 'sweep7' order by 1`;
  for (const db of ["runs", "catalog"] as const) {
    assertEquals((await ledgerOf(lab).query(asked, { db })).map(({ run_id }) => run_id), ids, db);
  }
});

Deno.test("the last word counts: tags, a name, a group, a pin and links are taken back, notes stay", async () => {
  using lab = newLab();
  await threeRuns(lab);
  const state = async () => {
    const run = await ledgerOf(lab, at(9)).runs.look("log-1");
    const { name, group, pin, tags, notes, links } = run;
    return { name, group, pin, tags, notes: notes.map(({ note }) => note), links };
  };
  const retry = { kind: "retry-of", to: "folder" };
  await say(lab, "log-1", { tags: ["b", "a"], name: "one", group: "g", pin: true, note: "x" }, 1);
  await say(lab, "log-1", { links: [retry] }, 1);
  await say(lab, "log-1", { tags: ["c"], tags_removed: ["a"], note: "y\nz" }, 2);
  await index(lab);
  const link = { run_id: "log-1", kind: "retry-of", to_run_id: "folder-1" };
  const then = {
    ...{ name: "one", group: "g", pin: true, tags: ["b", "c"] },
    ...{ notes: ["x", "y\nz"], links: [link] },
  };
  assertEquals(await state(), then);
  assertEquals((await ledgerOf(lab, at(9)).runs.look("folder-1")).links, [link], "either side");
  await say(lab, "log-1", { tags_removed: ["b", "c"], name: "", group: "", pin: false }, 3);
  await say(lab, "log-1", { links: [{ ...retry, removed: true }] }, 3);
  await index(lab);
  assertEquals(await state(), {
    ...then,
    name: null,
    group: null,
    pin: false,
    tags: [],
    links: [],
  });
});

Deno.test("a group that a run is created in holds until another is said, also without an event of it", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab, at(0));
  for (const [run_id, events] of [["told", true], ["untold", false]] as const) {
    const new_run = { run_id, run_type: "policy", group: "sweep7", git: false } as const;
    const run = await ledger.runs.create(new_run, { events });
    assertEquals(run.readManifest().group, "sweep7");
    await run.markSuccess();
  }
  await ledger.sync();
  await sync(lab, {}, at(0));
  assertEquals(await idsWhere(lab, "group = 'sweep7'"), ["told", "untold"]);
  await say(lab, "told", { group: "sweep8" });
  await say(lab, "untold", { group: "" });
  await index(lab);
  assertEquals(await idsWhere(lab, "group = 'sweep7'"), []);
  assertEquals(await idsWhere(lab, "group = 'sweep8'"), ["told"]);
});

Deno.test("a name stands for its run where an id does, while no other run has it", async () => {
  using lab = newLab();
  await threeRuns(lab);
  await say(lab, "log-1", { name: "fol" });
  await index(lab);
  const { runs } = ledgerOf(lab);
  assertEquals((await runs.locate("fol")).run_id, "log-1", "a whole name goes before a beginning");
  assertEquals((await runs.locate("fold")).run_id, "folder-1");
  const [notice] = await say(lab, "both-1", { name: "fol" });
  assertStringIncludes(notice, 'the name "fol" is that of log-1 too');
  await index(lab);
  const error = await assertRejects(() => runs.locate("fol"), LedgerError);
  assertEquals([error.message, error.hint], [
    '2 runs have the name "fol"',
    "give an id: both-1, log-1",
  ]);
  const { stderr } = await inLab(lab, ["runs", "show", "flo"]);
  assertStringIncludes(stderr, "did you mean fol?");
  assertStringIncludes((await say(lab, "both-1", { name: "log-1" }))[0], "the id of another run");
  assertEquals((await runs.locate("log-1")).run_id, "log-1");
});

Deno.test("a name that went from one run to another stands for the latter at once, whatever the index has", async () => {
  using lab = newLab();
  await threeRuns(lab);
  await say(lab, "folder-1", { name: "champion" });
  await index(lab);
  await say(lab, "folder-1", { name: "" }, 2);
  assertEquals(await say(lab, "both-1", { name: "champion" }, 3), []);
  await say(lab, "champion", { tags: ["prod"] }, 4);
  await index(lab);
  assertEquals(await idsWhere(lab, "'prod' in tags"), ["both-1"]);
  // A name that was given a moment ago is known to be taken.
  await say(lab, "log-1", { name: "fresh" }, 5);
  const [notice] = await say(lab, "both-1", { name: "fresh" }, 6);
  assertStringIncludes(notice, 'the name "fresh" is that of log-1 too');
});

Deno.test("what cannot be said is refused before anything is written", async () => {
  using lab = newLab();
  await threeRuns(lab);
  const before = linesOnDisk(lab.dir).length;
  const cases: [SaidOfRun, string, string][] = [
    [{}, "usage", "nothing is said of it"],
    [{ tags: [] }, "usage", "nothing is said of it"],
    [{ tags: [" "] }, "invalid", 'tags " " says nothing'],
    [{ tags: ["a,b"] }, "invalid", 'tags "a,b" has a comma'],
    [{ tags: ["a"], tags_removed: ["a"] }, "invalid", "is put on and taken off at once"],
    [{ group: "a\nb" }, "invalid", "has a control character"],
    [{ group: "x".repeat(101) }, "invalid", "has more than 100 characters"],
    [{ name: "a/b" }, "invalid", 'name "a/b" has a slash'],
    [{ note: " \n" }, "invalid", "says nothing"],
    [{ note: "x".repeat(10_001) }, "invalid", "has 10001 characters"],
    [{ tags: ["ok"], links: [{ kind: "No Kind", to: "log-1" }] }, "invalid", "no kind of link"],
    [{ tags: ["ok"], links: [{ kind: "x", to: "nowhere" }] }, "not_found", "no run"],
    [
      { tags: ["ok"], links: [{ kind: "x", to: "both-1" }] },
      "invalid",
      "the other run is the same",
    ],
  ];
  for (const [said, code, message] of cases) {
    const error = await assertRejects(() => say(lab, "both-1", said), LedgerError);
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, message);
  }
  await assertRejects(() => say(lab, "nobody", { tags: ["a"] }), LedgerError, "there is no run");
  assertEquals(linesOnDisk(lab.dir).length, before);
});

Deno.test("what is said of a run is no sign that it lives", async () => {
  using lab = newLab();
  const hour_ms = 3_600_000;
  await using ledger = ledgerOf(lab, at(0));
  await ledger.emitRunStarted({ run_id: "dead" });
  await ledger.sync();
  await say(lab, "dead", { tags: ["odd"] }, hour_ms);
  await index(lab);
  const [run] = await ledgerOf(lab, at(hour_ms + 1)).runs.query({
    where: "'odd' in tags",
    status: "any",
  });
  assertEquals(run.status, "stale");
});

Deno.test("runs annotate and runs tag say it, print the run's id, and what has been said", async () => {
  using lab = newLab();
  await threeRuns(lab);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await inLab(lab, ["runs", ...args]);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  assertEquals(await run("tag", "log", "best", "q3"), "log-1\n");
  const args = ["--name", "one", "--group", "g", "--pin", "--note", "it holds"];
  assertEquals(await run("annotate", "log-1", ...args, "--link", "retry-of=both-1"), "log-1\n");
  const said = await run("annotate", "one");
  assertEquals(
    said.replace(/\d{4}-.*Z|\d{4}-\S+ \S+/, "TIME").split("\n").slice(0, 5),
    ["name   one", "group  g", "tags   best, q3", "pinned", "link   log-1 is retry-of both-1"],
  );
  assertStringIncludes(said, "it holds");
  const shown = await run("show", "one", "--as-is");
  for (const text of ["log-1  one", "group      g", "best, q3", "retry-of   both-1", "it holds"]) {
    assertStringIncludes(shown, text);
  }
  const json = JSON.parse(await run("query", "--where", "'q3' in tags", "--json"));
  assertEquals(json.map((row: Record<string, unknown>) => [row.name, row.group, row.tags]), [
    ["one", "g", ["best", "q3"]],
  ]);
  assertStringIncludes(await run("query"), "best, q3");
  for (const bad of [["--link", "x"], ["--pin", "--unpin"], ["--tag", ""]]) {
    assertEquals((await inLab(lab, ["runs", "annotate", "log-1", ...bad])).code, 2, bad.join(" "));
  }
});
