import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { ledger, systemError, tempFolder } from "../../harness.ts";
import { inLab, newLab } from "../../runs/runs.ts";
import { fillLab, MADE_MS } from "../../report/labs.ts";

const now_ms = () => MADE_MS;
/** A report that another version made. */
const OLDER = '<!DOCTYPE html>\n<meta name="generator" content="ledger 0.1.0">';

Deno.test("a report goes to standard output, and its words nowhere", async () => {
  using lab = newLab();
  await fillLab(lab);
  const { code, stdout, stderr } = await inLab(lab, ["report"], { now_ms });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^<!DOCTYPE html>\n/);
  assertMatch(stdout, /<\/html>\n$/);
});

Deno.test("--out puts the same page into a file, whole, and says how large it is", async () => {
  using lab = newLab();
  await fillLab(lab);
  const out = join(lab.path, "report.html");
  Deno.writeTextFileSync(out, OLDER);
  const { stdout: page } = await inLab(lab, ["report", "tight-1", "wide"], { now_ms });
  const { code, stdout, stderr } = await inLab(
    lab,
    ["report", "tight-1", "wide", "--out", out],
    { now_ms },
  );
  assertEquals([code, stdout], [0, ""]);
  assertMatch(stderr, /^2 known runs, \d+ kB: \/.*report\.html\n$/);
  assertEquals(Deno.readTextFileSync(out), page);
  assertEquals([...Deno.readDirSync(lab.path)].filter(({ name }) => name.endsWith(".tmp")), []);
});

Deno.test("report --json is what the page shows, and beside it --out still has the page", async () => {
  using lab = newLab();
  await fillLab(lab);
  const out = join(lab.path, "report.html");
  Deno.writeTextFileSync(join(lab.dir, "artifacts/runs/killed-1/trades.parquet"), "no Parquet");
  const { code, stdout } = await inLab(lab, ["report", "--json", "--out", out], { now_ms });
  assertEquals(code, 3);
  const told = JSON.parse(stdout);
  assertEquals(told.runs.value.runs.length, 7);
  assertEquals(told.runs.value.listed.length, 7);
  assertEquals(told.trades.kind, "unreadable");
  assertEquals([told.out, told.problems], [out, [told.trades.problem]]);
  assertMatch(Deno.readTextFileSync(out), /<\/html>\n$/);
  const alone = await inLab(lab, ["report", "--json"], { now_ms });
  assertEquals({ ...JSON.parse(alone.stdout), out }, told);
});

Deno.test("a report that cannot be made or written leaves the file that was there", async () => {
  using lab = newLab();
  await fillLab(lab);
  const out = join(lab.path, "report.html");
  Deno.writeTextFileSync(out, OLDER);
  const unknown = await inLab(lab, ["report", "nobody", "--out", out], { now_ms });
  assertEquals(unknown.code, 1);
  assertMatch(unknown.stderr, /there is no run "nobody"/);
  const files = systemFiles((operation, path) => {
    if (operation === "write" && path.startsWith(out)) throw systemError("ENOSPC", "No space left");
  });
  const full = await inLab(lab, ["report", "--out", out], { now_ms, files });
  assertEquals(full.code, 1);
  assertMatch(full.stderr, /no space left/i);
  assertEquals(Deno.readTextFileSync(out), OLDER);
  assertEquals([...Deno.readDirSync(lab.path)].filter(({ name }) => name.endsWith(".tmp")), []);
});

Deno.test("what could not be read is told beside the page, and the exit code says that there is something", async () => {
  using lab = newLab();
  await fillLab(lab);
  Deno.writeTextFileSync(join(lab.dir, "artifacts/runs/killed-1/trades.parquet"), "no Parquet");
  const { code, stdout, stderr } = await inLab(lab, ["report"], { now_ms });
  assertEquals(code, 3);
  assertMatch(stderr, /^could not be read: .*trades\.parquet.*\n$/s);
  assertMatch(stdout, /<\/html>\n$/);
});

Deno.test("where nothing ever was there is no report, but an error that says what to do", async () => {
  using lab = newLab();
  const { code, stdout, stderr } = await inLab(lab, ["report"]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /there is no ledger at .*\n.*the first `ledger emit` makes one/);
  const typo = await inLab(lab, ["report", "--runs-dir", join(lab.path, "rnus")]);
  assertEquals(typo.code, 1);
  assertMatch(typo.stderr, /there is no folder of runs/);
});

Deno.test("with the permissions of the executable a report is made, and written only inside the scope", async () => {
  using folder = tempFolder();
  const cwd = folder.path;
  const permissions = [
    ...["--allow-read", "--allow-write=data/ledger,runs", "--allow-env", "--allow-sys"],
    ...["--allow-run=git", "--allow-net=127.0.0.1,localhost", "--allow-ffi"],
  ];
  const say = (...args: string[]) => ledger(args, { cwd, permissions });
  assertEquals((await say("emit", "run.started", "--run-id", "r1")).code, 0);
  assertEquals((await say("rebuild")).code, 0);
  const inside = await say("report", "--out", "data/ledger/report.html");
  assertEquals(inside.code, 0, inside.stderr);
  assertMatch(Deno.readTextFileSync(join(cwd, "data/ledger/report.html")), /<code[^>]*><bdi>r1</);
  const outside = await say("report", "--out", "report.html");
  assertEquals([outside.code, outside.stdout], [1, ""]);
  assertMatch(outside.stderr, /report\.html.*lies outside what this program is allowed to touch/);
});
