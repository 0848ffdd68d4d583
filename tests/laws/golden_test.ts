/**
 * What earlier versions wrote is read, verified, rebuilt, restored, imported and pulled by this one, from
 * source and by the executable. See `fixtures/golden/`.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "../binary/binary.ts";
import { ledger, PROJECT, tempFolder } from "../harness.ts";

const GOLDEN = join(PROJECT, "fixtures", "golden");
const versions = [...Deno.readDirSync(GOLDEN)].map(({ name }) => name).sort();

/** Runs a command line in a folder. */
type Run = (args: string[]) => Promise<{ code: number; stdout: string; stderr: string }>;

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/** A copy of a golden folder, laid out as its version had it. */
function layOut(version: string, folder: string): void {
  copyFolder(join(GOLDEN, version, "ledger"), join(folder, "data", "ledger"));
  copyFolder(join(GOLDEN, version, "runs"), join(folder, "runs"));
}

function linesOf(text: string): unknown[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function readBy(version: string, name: string): string {
  return Deno.readTextFileSync(join(GOLDEN, version, "read", name));
}

interface KnownRun {
  run_id: string;
  status: string;
  source: string;
}

/** Each step of a ledger's life that another version began. */
async function goThrough(version: string, run: Run): Promise<void> {
  const must = async (args: string[], code = 0) => {
    const ended = await run(args);
    assertEquals(ended.code, code, `${args.join(" ")}: ${ended.stdout}${ended.stderr}`);
    return ended.stdout;
  };
  // Read.
  const events = linesOf(await must(["log", "--format", "ndjson"]));
  assertEquals(events, linesOf(readBy(version, "log.ndjson")));
  const traces = linesOf(await must(["trace", "query", "--limit", "100", "--format", "ndjson"]));
  assertEquals(traces, linesOf(readBy(version, "traces.ndjson")));
  assertStringIncludes(await must(["schema", "show", "risk.breached"]), "severity");
  // Verify: its own damage is found, and nothing else. Its registry is not bound yet.
  const looked = JSON.parse(await must(["verify", "--deep", "--json"], 3));
  assertEquals(looked.findings.map(({ kind }: { kind: string }) => kind), ["corrupt"]);
  assertEquals(looked.proven.parts, 5);
  assertEquals(looked.notes.length, 1);
  assertMatch(looked.notes[0], /registry not bound yet/);
  await must(["verify", "--repair"]);
  assertStringIncludes(await must(["verify", "--deep"]), "note: registry not bound yet");
  await must(["runs", "verify", "--all", "--deep"]);
  // Rebuild.
  await must(["rebuild", "--full"]);
  const latest = await must([
    "query",
    "--json",
    "select run_id, run_type, status from latest_runs order by run_id",
  ]);
  assertEquals(JSON.parse(latest), JSON.parse(readBy(version, "latest_runs.json")));
  // A run is known by its folder, by the log, or by both; here each state has one folder.
  const known = JSON.parse(await must(["runs", "query", "--status", "any", "--json"]));
  const in_folders = known.filter(({ source }: KnownRun) => source !== "log");
  const folders = in_folders.map(({ run_id }: KnownRun) => run_id);
  for (const status of ["completed", "failed", "crashed", "unfinished"]) {
    const runs: KnownRun[] = JSON.parse(
      await must(["runs", "query", "--status", status, "--json"]),
    );
    assertEquals(runs.filter(({ source }) => source !== "log").length, 1, status);
    const logged = JSON.parse(latest)
      .filter((run: KnownRun) => run.status === status && !folders.includes(run.run_id));
    const ids = runs.filter(({ source }) => source === "log").map(({ run_id }) => run_id);
    assertEquals(ids.sort(), logged.map(({ run_id }: KnownRun) => run_id), status);
  }
  // Import and restore.
  await must(["archive", "import", join("data", "ledger", "archive", "ledger-2026-01-20.tar")]);
  for (const day of ["2026-01-20", "2026-01-21"]) await must(["restore", day]);
  const all = linesOf(await must(["log", "--format", "ndjson"]));
  assertEquals(all.length, events.length + 9);
  assertEquals(all.slice(9), events);
  // Sealing goes on where it stopped, and what 0.1 chained is proven by its own rule.
  await must(["seal", "--grace", "0s"]);
  const after = JSON.parse(await must(["verify", "--deep", "--lines", "--json"]));
  assertEquals([after.findings, after.notes], [[], []]);
  assert(after.head.number > looked.head.number);
  await must(["trace", "compact"]);
  assertEquals(
    linesOf(await must(["trace", "query", "--limit", "100", "--format", "ndjson"])),
    traces,
  );
  assertEquals((await run(["rebuild", "--full"])).code, 0);
}

/** Another ledger takes all of it in. */
async function pullInto(version: string, run: Run): Promise<void> {
  const from = join(GOLDEN, version);
  const pulled = await run([
    "pull",
    join(from, "ledger"),
    "--runs",
    join(from, "runs"),
    "--as",
    "old",
    "--json",
  ]);
  // Half a line stands there for good: it is taken as it is, and told.
  assertEquals(pulled.code, 3, pulled.stderr);
  const { findings, log } = JSON.parse(pulled.stdout);
  assertEquals(findings, []);
  const corrupt = log.taken.map((part: { corrupt: number }) => part.corrupt);
  assertEquals(corrupt.reduce((sum: number, count: number) => sum + count, 0), 1);
  const { code, stdout } = await run(["log", "--format", "ndjson"]);
  assertEquals(code, 0);
  const idsIn = (events: unknown[]) =>
    (events as { event_id: string }[]).map(({ event_id }) => event_id).sort();
  assertEquals(idsIn(linesOf(stdout)), idsIn(linesOf(readBy(version, "log.ndjson"))));
}

for (const version of versions) {
  const from_source = (folder: string): Run => (args) => ledger(args, { cwd: folder });

  Deno.test(`what ${version} wrote is read, verified, rebuilt, restored and sealed on`, async () => {
    using folder = tempFolder();
    layOut(version, folder.path);
    await goThrough(version, from_source(folder.path));
  });

  Deno.test(`what ${version} wrote is pulled`, async () => {
    using folder = tempFolder();
    await pullInto(version, from_source(folder.path));
  });

  binaryTest(
    `the executable reads, verifies, rebuilds, restores what ${version} wrote`,
    async (at) => {
      layOut(version, at.folder);
      await goThrough(version, (args) => at.ledger(args));
    },
  );

  binaryTest(`the executable pulls what ${version} wrote`, async (at) => {
    await pullInto(version, (args) => at.ledger(args));
  });
}
