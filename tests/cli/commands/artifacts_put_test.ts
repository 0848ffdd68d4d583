import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { linesOnDisk, runIn, tempFolder } from "../../harness.ts";

/** A folder of a ledger that knows the run r1. */
async function folderWithRun() {
  const folder = tempFolder();
  await runIn(folder.path, ["emit", "run.started", "--run-id", "r1"]);
  return folder;
}

Deno.test("an artifact of a run that neither log nor folder knows is refused, and the nearest named", async () => {
  using folder = await folderWithRun();
  for (const kind of ["summary", "config", "trades"]) {
    const put = ["artifacts", "put", "r2", kind, "-"];
    const { code, stderr } = await runIn(folder.path, put, { stdin: "{}" });
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'there is no run "r2"');
    assertStringIncludes(stderr, "did you mean r1?");
  }
  assertEquals([...Deno.readDirSync(folder.path)].some(({ name }) => name === "artifacts"), false);
  assertEquals(linesOnDisk(folder.path).length, 1);
});

Deno.test("an artifact is stored as it was given, and the log says so", async () => {
  using folder = await folderWithRun();
  const stdin = '{"trades": 12, "avg": 1.50}';
  const put = ["artifacts", "put", "r1"];
  const { code, stdout } = await runIn(folder.path, [...put, "summary", "-"], { stdin });
  const path = join(folder.path, "artifacts", "runs", "r1", "summary.json");
  assertEquals([code, stdout], [0, `${path}\n`]);
  assertEquals(Deno.readTextFileSync(path), `${stdin}\n`);
  const { event_type, run_id, artifact_type, artifact_path, size_bytes } = JSON.parse(
    linesOnDisk(folder.path)[1],
  );
  assertEquals([event_type, run_id, artifact_type], ["artifact.created", "r1", "summary"]);
  assertEquals(
    [artifact_path, size_bytes],
    ["artifacts/runs/r1/summary.json", stdin.length + 1],
  );
});

Deno.test("storing again replaces the whole file, and leaves no other behind", async () => {
  using folder = await folderWithRun();
  for (const stdin of ['{"long":"content that is longer"}', "{}"]) {
    await runIn(folder.path, ["artifacts", "put", "r1", "config", "-"], { stdin });
  }
  const runs = join(folder.path, "artifacts", "runs", "r1");
  assertEquals(Array.from(Deno.readDirSync(runs), ({ name }) => name), ["config.json"]);
  assertEquals(Deno.readTextFileSync(join(runs, "config.json")), "{}\n");
  assertEquals(linesOnDisk(folder.path).length, 3);
});

Deno.test("what is no JSON object is not stored, and no run id leads out of the folder", async () => {
  using folder = await folderWithRun();
  for (const [run, stdin] of [["r1", "[1]"], ["r1", "{"], ["..", "{}"], ["a/../../x", "{}"]]) {
    const { code } = await runIn(folder.path, ["artifacts", "put", run, "summary", "-"], { stdin });
    assertEquals(code, 2, `${run} ${stdin}`);
  }
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["events"]);
});
