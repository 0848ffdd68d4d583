import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { manifestTime, parseManifest } from "../../src/runs/manifest/manifest.ts";
import { ledgerOf, manifestOf, MONTH, newLab, putRun, rowsOf, skippedIn, sync } from "./runs.ts";

/** A manifest of run `r`, and words of the reason for which it is none. */
const BAD: Record<string, [manifest: string | Record<string, unknown>, reason: string]> = {
  "empty": ["", "it is not JSON"],
  "cut off": ['{"run_id":"r"', "it is not JSON"],
  "with a mark of its byte order": ["\uFEFF{}", "it is not JSON"],
  "an array": ["[]", "it is not a JSON object"],
  "null": ["null", "it is not a JSON object"],
  "without anything": ["{}", "run_id is missing"],
  "of another run": [{ run_id: "s" }, 'run_id is "s", and its folder is that of r'],
  "with a run_id that leads elsewhere": [
    { run_id: "../r" },
    'run_id is "../r"; it has to be a run',
  ],
  "without a type": [{ run_type: undefined }, "run_type is missing"],
  "with a type that is empty": [{ run_type: "" }, 'run_type is ""; it has to be a text'],
  "without a time": [{ created_at: undefined }, "created_at is missing"],
  "with a time in words": [
    { created_at: "yesterday" },
    'created_at is "yesterday"; it has to be an',
  ],
  "with a year for a time": [{ started_at: "5" }, 'started_at is "5"; it has to be an ISO time'],
  "with a number for a time": [
    { completed_at: 17e11 },
    "completed_at is 1700000000000; it has to be",
  ],
  "with a day that there is not": [{ created_at: "2026-02-31T99:00:00Z" }, "created_at is"],
  "of an unknown status": [
    { status: "done" },
    'status is "done"; it has to be one of pending, runn',
  ],
  "without a status": [{ status: undefined }, "status is missing"],
  "with a number for a commit": [{ git_commit: 7 }, "git_commit is 7; it has to be a text"],
  "with words for a yes": [{ git_dirty: "no" }, 'git_dirty is "no"; it has to be true or false'],
  "with a text for a dataset": [
    { dataset: "x" },
    'dataset is "x"; it has to be an object with from',
  ],
  "with a half of a call": [{ dataset: { calls_count: 1.5 } }, 'dataset is {"calls_count":1.5}'],
  "with a list of parameters": [{ parameters: [1] }, "parameters is [1]; it has to be an object"],
  "with a list of artifacts": [{ artifacts: [] }, "artifacts is []; it has to be an object of art"],
  "with an artifact without rows": [
    { artifacts: { a: { path: "x" } } },
    'artifacts is {"a":{"path"',
  ],
  "with an artifact without a path": [
    { artifacts: { a: { rows: 1 } } },
    'artifacts is {"a":{"rows"',
  ],
  "with an artifact outside": [
    { artifacts: { a: { rows: 1, path: "../x" } } },
    'artifacts is {"a":{"rows":1,"path":"../x"}}; it has to be an object of artifacts, each with ' +
    "rows and a path below the run's folder",
  ],
  "with an artifact far outside": [
    { artifacts: { a: { rows: 1, path: "b/../../x" } } },
    "artifacts",
  ],
  "with an artifact anywhere": [
    { artifacts: { a: { rows: 1, path: "/etc/passwd" } } },
    "artifacts",
  ],
  "with fewer rows than none": [{ artifacts: { a: { rows: -1, path: "x" } } }, "artifacts is"],
  "with a word for a duration": [{ timing: { total_ms: "long" } }, 'timing is {"total_ms":"long"}'],
  "with a text for a summary": [{ summary: "good" }, 'summary is "good"; it has to be an object'],
  "with a number for an error": [{ error: 1 }, "error is 1; it has to be a text"],
  "with a word for a process": [{ owner: { pid: "me" } }, 'owner is {"pid":"me"}; it has to be an'],
  "with a text for logs": [{ logs: "stdout" }, 'logs is "stdout"; it has to be an object of paths'],
  "with a text for its version": [
    { schema_version: "2" },
    'schema_version is "2"; it has to be an',
  ],
  "of a version in words": [
    { schema_version: { manifest: "new" } },
    'schema_version.manifest is "new"; it has to be like 1.0.0',
  ],
  "of a later version": [
    { schema_version: { manifest: "2.0.0" } },
    'is of manifest version "2.0.0"; this program reads 1.x',
  ],
  "with half of a character": ['{"run_id":"r","x":"\\ud800"}', "it has a lone surrogate"],
  "of many levels": [
    `{"run_id":"r","x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
    "it is nested 50001 deep; a manifest at most 500",
  ],
  "that goes on and on": [
    `{"run_id":"r","x":"${"x".repeat(9_000_000)}"}`,
    "characters; a manifest",
  ],
};

Deno.test("every bad manifest is told with field and value, and keeps no other out", async () => {
  using lab = newLab();
  putRun(lab, "good");
  const folders = Object.keys(BAD).map((what, index) => {
    const run_id = `bad-${String(index).padStart(2, "0")}`;
    const [manifest] = BAD[what];
    const text = typeof manifest === "string"
      ? manifest.replace('"run_id":"r"', `"run_id":"${run_id}"`)
      : JSON.stringify({ ...manifestOf(run_id), ...manifest });
    return putRun(lab, run_id, text);
  });
  const report = await sync(lab);
  assertEquals([report.registered, report.skipped.length], [1, folders.length]);
  const reasons = await skippedIn(lab);
  Object.entries(BAD).forEach(([what, [, reason]], index) => {
    const run_id = `bad-${String(index).padStart(2, "0")}`;
    const wanted = reason.replace("that of r", `that of ${run_id}`);
    assertStringIncludes(reasons[folders[index]], wanted, what);
  });
  const again = await sync(lab);
  assertEquals([again.registered, again.updated], [0, 0]);
});

Deno.test("what is no manifest is told by its reader as well, with the path", () => {
  const text = JSON.stringify({ ...manifestOf("r"), status: "done" });
  const error = assertThrows(() => parseManifest(text, "runs/run.json", "r"), LedgerError);
  assertEquals(error.code, "invalid");
  assertStringIncludes(error.message, 'runs/run.json is no manifest: status is "done"');
});

Deno.test("a manifest of a later major version is refused by name, of a later minor one read", () => {
  const of = (manifest: unknown) =>
    JSON.stringify(manifestOf("r", { schema_version: { manifest } }));
  const error = assertThrows(() => parseManifest(of("2.0.0"), "run.json"), LedgerError);
  assertEquals([error.code, error.hint?.includes("newer version")], ["newer_format", true]);
  for (const version of ["1.0.0", "1.9.3", "1", 1, "0.9", null]) {
    assertEquals(parseManifest(of(version), "run.json").run_id, "r", `version ${version}`);
  }
});

Deno.test("what other programs leave out, or say null for, is read and catalogued", async () => {
  using lab = newLab();
  const nulls = [
    ...["started_at", "completed_at", "git_commit", "git_branch", "git_dirty", "dataset", "timing"],
    ...["data_fingerprint", "parameters", "artifacts", "summary", "error", "owner", "logs"],
    "schema_version",
  ];
  putRun(lab, "nulls", Object.fromEntries(nulls.map((name) => [name, null])));
  putRun(lab, "bare", Object.fromEntries(nulls.map((name) => [name, undefined])));
  assertEquals((await sync(lab)).skipped, []);
  const sql =
    "select run_id, summary, total_ms, completed_at from backtest_runs_catalog order by 1";
  assertEquals(await rowsOf(lab.catalog, sql), [
    { run_id: "bare", summary: null, total_ms: null, completed_at: null },
    { run_id: "nulls", summary: null, total_ms: null, completed_at: null },
  ]);
});

Deno.test("what is not known in a manifest, and digits past 2^53, stay when it is changed", async () => {
  using lab = newLab();
  const unknown = '"later":{"a":[1,null,{"__proto__":2}]},"seed":12345678901234567890123';
  const text = JSON.stringify(manifestOf("r", {
    schema_version: { manifest: "1.7.0", artifacts: "1.0.0", extra: true },
    status: "running",
  })).replace('"parameters":{}', `"parameters":{"n":9007199254740993,"e":1e999},${unknown}`);
  const path = putRun(lab, "r", text, { has_success: false });
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.find("r");
  await run.updateManifest((manifest) => {
    manifest.parameters.window = "1h";
  });
  const written = Deno.readTextFileSync(join(lab.runs_dir, path, "run.json"));
  const compact = written.replace(/\s/g, "");
  assertStringIncludes(compact, unknown);
  assertStringIncludes(compact, '"parameters":{"n":9007199254740993,"e":1e999,"window":"1h"}');
  assertStringIncludes(compact, '{"manifest":"1.7.0","artifacts":"1.0.0","extra":true}');
  await run.markSuccess({ summary: { big: 1 } });
  await sync(lab);
  const sql = "select cast(parameters as varchar) as parameters from backtest_runs_catalog";
  assertEquals(await rowsOf(lab.catalog, sql), [
    { parameters: '{"n":9007199254740993,"e":1e999,"window":"1h"}' },
  ]);
});

/** Elsewhere, until the end of the scope. */
function timeZone(name: string): Disposable {
  const before = Deno.env.get("TZ");
  Deno.env.set("TZ", name);
  return {
    [Symbol.dispose]: () =>
      before === undefined ? Deno.env.delete("TZ") : Deno.env.set("TZ", before),
  };
}

Deno.test("times are UTC unless they say otherwise, wherever they are read", () => {
  using _ = timeZone("Asia/Tokyo");
  assertEquals(new Date(2026, 0, 1).getTimezoneOffset(), -540, "the test itself");
  const noon_ms = Date.UTC(2026, 0, 17, 12);
  const same = [
    "2026-01-17T12:00:00Z",
    "2026-01-17T12:00:00.000+00:00",
    "2026-01-17T12:00:00",
    "2026-01-17 12:00",
    "2026-01-17T12:00:00.000000+0000",
    "2026-01-17T15:30:00+03:30",
  ];
  for (const text of same) assertEquals(manifestTime(text), noon_ms, text);
  assertEquals(manifestTime("2026-01-17"), Date.UTC(2026, 0, 17));
  for (const text of ["", "5", "2026", "noon", "2026-01-17T25:00:00Z", "17.1.2026"]) {
    assert(Number.isNaN(manifestTime(text)), text);
  }
});

Deno.test("a run in the catalog has the times and versions that its manifest says", async () => {
  using lab = newLab();
  putRun(lab, "r", {
    created_at: "2026-01-17T12:00:00.000+00:00",
    started_at: "2026-01-17T13:00:00+01:00",
    completed_at: "2026-01-17T12:00:01",
    timing: { plan_ms: 1.5, total_ms: 1000, unknown_ms: 3 },
  });
  await sync(lab);
  const times = ["created_at", "started_at", "completed_at"].map((name) => `epoch_ms(${name})`);
  const sql = `select ${times.join(", ")}, plan_ms, total_ms, slice_ms, manifest_version
    from backtest_runs_catalog`;
  const noon_ms = Date.UTC(2026, 0, 17, 12);
  assertEquals((await rowsOf(lab.catalog, sql)).map((row) => Object.values(row)), [
    [noon_ms, noon_ms, noon_ms + 1000, 1.5, 1000, null, "1.0.0"],
  ]);
});

Deno.test("a manifest that could not be read again is not written", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const refused = async (run: Promise<unknown>, words: string) => {
    const error = await assertRejects(() => run, LedgerError);
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, words);
  };
  const run_type = "policy";
  const dataset = { calls_count: -1 };
  await refused(
    ledger.runs.create({ run_type, dataset, run_id: "r" }),
    'dataset is {"calls_count":-1}',
  );
  assertEquals(ledger.runs.exists(), false);
  const run = await ledger.runs.create({ run_type, run_id: "r", git: false });
  const before = Deno.readTextFileSync(join(run.folder, "run.json"));
  await refused(
    run.updateManifest((manifest) => {
      manifest.timing = { total_ms: "long" as unknown as number };
    }),
    'timing is {"total_ms":"long"}',
  );
  assertEquals(Deno.readTextFileSync(join(run.folder, "run.json")), before);
  assertEquals(run.path.slice(0, MONTH.length).length, MONTH.length);
});
