/** Lineage: which runs read whose artifacts, up and down, and whether these are still what was read. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import type { LineageRun } from "../../src/ledger/run_lineage.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun, sync } from "../runs/runs.ts";
import { linesOnDisk, testWorld } from "../harness.ts";

const NOW_MS = Date.UTC(2026, 0, 23, 12);
const at = (ms: number) => testWorld({ now_ms: () => NOW_MS + ms });
const digest = (letter: string) => letter.repeat(64);

function putWith(lab: Lab, run_id: string, digests: Record<string, string>): void {
  const artifacts = Object.entries(digests).map(([type, letter]) => [
    type,
    { rows: 1, path: `results/${type}.parquet`, bytes: 4, sha256: digest(letter) },
  ]);
  putRun(lab, run_id, { artifacts: Object.fromEntries(artifacts) });
}

/** `signals` feeds `sizing`, both feed `book`, which `report` reads; `report` is of the log alone. */
async function pipeline(): Promise<Lab> {
  const lab = newLab();
  putWith(lab, "signals", { trades: "a" });
  putWith(lab, "sizing", { equity: "b", trades: "c" });
  putWith(lab, "book", { equity: "d" });
  await using ledger = ledgerOf(lab, at(0));
  const created = { run_type: "policy", config: {}, data_fingerprint: "" };
  await ledger.emitRunCreated({ run_id: "report", ...created });
  await ledger.sync();
  const { runs } = ledger;
  await runs.noteUse("sizing", "signals");
  await runs.noteUse("book", "sizing", "equity");
  await runs.noteUse("book", "sizing", "trades");
  await runs.noteUse("book", "signals");
  await runs.noteUse("report", "book");
  await runs.annotate("report", { links: [{ kind: "replaces", to: "signals" }] });
  await ledger.sync();
  await sync(lab, {}, at(1));
  return lab;
}

/** A tree as lines: depth, run, what there is between. */
const drawn = (runs: readonly LineageRun[]) =>
  runs.map(({ depth, run_id, by, is_repeated }) =>
    `${depth} ${run_id}: ${by.map(({ what }) => what).join("+")}${is_repeated ? " again" : ""}`
  );

Deno.test("a run's lineage goes up to what it read and down to what read it, each once, and marks what has changed", async () => {
  using lab = await pipeline();
  const { runs } = ledgerOf(lab, at(2));
  const of_report = await runs.lineage("rep");
  assertEquals([of_report.run_id, of_report.status], ["report", "pending"]);
  assertEquals(drawn(of_report.up), [
    "1 book: equity",
    "2 signals: trades",
    "2 sizing: equity+trades",
    "3 signals: trades again",
    "1 signals: replaces again",
  ]);
  assertEquals(of_report.down, []);
  const of_signals = await runs.lineage("signals");
  assertEquals(drawn(of_signals.down), [
    "1 book: trades",
    "2 report: equity",
    "1 report: replaces again",
    "1 sizing: trades",
    "2 book: equity+trades again",
  ]);
  assertEquals(of_signals.down[0].by, [
    { what: "trades", is_link: false, sha256: digest("a"), is_changed: false },
  ]);

  // Written anew after it was read.
  putWith(lab, "signals", { trades: "z" });
  await sync(lab);
  const { code, stdout, stderr } = await inLab(lab, ["runs", "lineage", "sizing"]);
  assertEquals([code, stdout.split("\n").slice(0, 3)], [0, [
    "sizing  completed",
    "up: what it used, or is linked to",
    "└─ signals  completed  trades aaaaaaaaaaaa (changed since)",
  ]]);
  assertStringIncludes(stderr, "written anew after it was read");
});

Deno.test("a circle of uses ends where it closes, and a run that is not known here is named", async () => {
  using lab = await pipeline();
  await using ledger = ledgerOf(lab, at(3));
  const use = { artifact_type: "trades", sha256: "" };
  await ledger.emitArtifactUsed({ run_id: "signals", used_run_id: "report", ...use });
  await ledger.emitArtifactUsed({ run_id: "signals", used_run_id: "elsewhere", ...use });
  await ledger.sync();
  const { up } = await ledger.runs.lineage("signals");
  assertEquals(drawn(up), [
    "1 elsewhere: trades",
    "1 report: trades",
    "2 book: equity",
    "3 signals: trades again",
    "3 sizing: equity+trades",
    "4 signals: trades again",
    "2 signals: replaces again",
  ]);
  assertEquals(up[0].status, null);
});

Deno.test("the same use noted twice counts once; one that cannot be is refused, and nothing is written", async () => {
  using lab = await pipeline();
  const { runs } = ledgerOf(lab, at(4));
  const before = linesOnDisk(lab.dir).length;
  const cases: [string, string, string | undefined, string, string][] = [
    ["book", "sizing", undefined, "usage", "has several artifacts"],
    ["book", "sizing", "policy", "not_found", 'that has no "policy"'],
    ["book", "report", undefined, "not_found", "that has no artifacts"],
    ["book", "book", undefined, "invalid", "the other run is the same"],
    ["book", "nowhere", undefined, "not_found", "there is no run"],
  ];
  for (const [run, used, type, code, message] of cases) {
    const error = await assertRejects(() => runs.noteUse(run, used, type), LedgerError);
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, message);
  }
  assertEquals(linesOnDisk(lab.dir).length, before);
  const noted = ["runs", "lineage", "book", "--uses", "sizing", "--artifact", "equity", "--json"];
  const { code, stdout } = await inLab(lab, noted);
  assertEquals(code, 0);
  assertEquals(drawn(JSON.parse(stdout).up).filter((line) => line.startsWith("1 sizing")), [
    "1 sizing: equity+trades",
  ]);
  assertEquals((await inLab(lab, ["runs", "lineage", "book", "--artifact", "equity"])).code, 2);
});
