import { assertEquals } from "@std/assert";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { recentDays, recentRunIds } from "../../../src/log/mod.ts";
import { tempFolder, writePart } from "../../harness.ts";

const line = (run_id: string, more = "") =>
  `{"event_type":"run.started","run_id":${JSON.stringify(run_id)}${more}}\n`;

Deno.test("the runs of the newest part come first, the last one of it before the others", () => {
  using folder = tempFolder();
  writePart(folder.path, { day: "2026-01-22", number: 1, writer: "" }, [line("old"), line("b")]);
  writePart(folder.path, { day: "2026-01-23", number: 1, writer: "" }, [line("a"), line("b")]);
  writePart(folder.path, { day: "2026-01-23", number: 2, writer: "w" }, [line('q"uo\\te')]);
  assertEquals(recentRunIds(systemFiles(), folder.path), ['q"uo\\te', "b", "a", "old"]);
  assertEquals(recentDays(systemFiles(), folder.path), ["2026-01-23", "2026-01-22"]);
});

Deno.test("only the end of a large part is looked at", () => {
  using folder = tempFolder();
  const filling = `,"more":"${"x".repeat(1000)}"`;
  const lines = Array.from({ length: 200 }, (_, n) => line(`r${n}`, filling));
  writePart(folder.path, { day: "2026-01-23", number: 1, writer: "" }, lines);
  const run_ids = recentRunIds(systemFiles(), folder.path);
  assertEquals([run_ids[0], run_ids.includes("r0"), run_ids.length < 100], ["r199", false, true]);
});

Deno.test("where nothing is, nothing was", () => {
  assertEquals(recentRunIds(systemFiles(), "nowhere"), []);
  assertEquals(recentDays(systemFiles(), "nowhere"), []);
});
