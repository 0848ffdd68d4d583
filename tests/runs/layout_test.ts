import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import {
  checkRunId,
  idOfPath,
  isMonth,
  monthOf,
  pathOfRun,
  wholeRunId,
} from "../../src/runs/manifest/layout.ts";
import { type Lab, newLab, putFile, putRun, removeFrom } from "./runs.ts";

Deno.test("a run belongs to the month of its creation, in UTC", () => {
  assertEquals(monthOf(Date.parse("2025-12-31T23:59:59.999Z")), "2025-12");
  assertEquals(monthOf(Date.parse("2026-01-01T01:00:00+02:00")), "2025-12");
  for (const name of ["2026-00", "2026-13", "2026-1", "26-01", "2026-01 ", "x2026-01"]) {
    assertEquals(isMonth(name), false, name);
  }
});

Deno.test("what leads out of its folder, or names none, is no run id", () => {
  for (const run_id of ["..", ".", "", "../r", "a/b", "a\\b", "a\nb", "a\0", "x".repeat(201)]) {
    const error = assertThrows(() => checkRunId(run_id), LedgerError);
    assertEquals(error.code, "invalid", run_id);
    assertEquals(idOfPath(`run_id=${run_id}`), undefined, run_id);
  }
  for (const run_id of ["r", "...", "a b", "é漢😀", "a:b", "run_id=x", "x".repeat(200)]) {
    checkRunId(run_id);
    assertEquals(idOfPath(`run_id=${run_id}`), run_id);
  }
});

function find(lab: Lab, beginning: string): string | undefined {
  const files = systemFiles();
  const { runs_dir } = lab;
  return pathOfRun(files, runs_dir, beginning) ??
    pathOfRun(files, runs_dir, wholeRunId(files, runs_dir, beginning));
}

function problemOf(lab: Lab, run_id: string): LedgerError {
  return assertThrows(() => find(lab, run_id), LedgerError);
}

Deno.test("a run is found by its id, or by a beginning that no other has", () => {
  using lab = newLab();
  const path = putRun(lab, "fixed-stop-1");
  const longer = putRun(lab, "fixed-stop-10", {}, { month: "2026-02" });
  putRun(lab, "other");
  assertEquals(find(lab, "fixed-stop-1"), path);
  assertEquals(find(lab, "fixed-stop-10"), longer);
  assertEquals(find(lab, "oth"), "2026-01/run_id=other");
  const ambiguous = problemOf(lab, "fixed");
  assertEquals(ambiguous.message, '2 runs have ids that begin with "fixed"');
  assertEquals(ambiguous.hint, "give more of it: fixed-stop-1, fixed-stop-10");
  const unknown = problemOf(lab, "othor");
  assertEquals([unknown.code, unknown.hint], ["not_found", "did you mean other?"]);
  assertEquals(problemOf(lab, "something else").code, "not_found");
  assertEquals(problemOf(lab, "../other").code, "invalid");
  for (let n = 0; n < 4; n++) putRun(lab, `many-${n}`);
  assertStringIncludes(problemOf(lab, "many").hint!, "many-0, many-1, many-2, …");
});

Deno.test("a run that is there twice is found by its beginning too, and the first one counts", () => {
  using lab = newLab();
  putRun(lab, "doubled", {}, { month: "2026-02" });
  const first = putRun(lab, "doubled", {}, { month: "2025-12" });
  assertEquals([find(lab, "doubled"), find(lab, "doub")], [first, first]);
});

Deno.test("an empty folder of an earlier month does not hide the run that was made after it", () => {
  using lab = newLab();
  const empty = putRun(lab, "again", {}, { month: "2026-01", has_success: false });
  removeFrom(lab, empty, "run.json");
  assertEquals(find(lab, "again"), empty);
  const path = putRun(lab, "again", {}, { month: "2026-02" });
  assertEquals([find(lab, "again"), find(lab, "ag")], [path, path]);
});

Deno.test("what is no run's folder is not found", () => {
  using lab = newLab();
  assertEquals(problemOf(lab, "r").code, "not_found");
  putFile(lab, "2026-01", "run_id=file", "");
  putFile(lab, "not-a-month", "run_id=r/run.json", "{}");
  for (const run_id of ["file", "r"]) {
    assertEquals(problemOf(lab, run_id).code, "not_found", run_id);
  }
});
