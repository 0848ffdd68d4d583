/** A run's manifest says which bytes it reads: digests, rows and time ranges of its inputs. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { dirname, join } from "@std/path";
import { createHash } from "node:crypto";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { World } from "../../src/base/world.ts";
import { writeParquet } from "../../src/parquet/mod.ts";
import type { NewRun } from "../../src/runs/directory/run_lifecycle.ts";
import { contentsOf, testWorld } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { ask, eventsOf, inLab, type Lab, ledgerOf, newLab, putRun, sync } from "./runs.ts";

const DAY = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const OLD = new Date(DAY);

const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");

/** Puts a file into the lab, which was written a while ago. */
function put(lab: Lab, name: string, content: string | Uint8Array): string {
  const path = join(lab.path, name);
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeFileSync(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  Deno.utimeSync(path, OLD, OLD);
  return path;
}

async function create(lab: Lab, run: Partial<NewRun>, world: World = testWorld()) {
  await using ledger = ledgerOf(lab, world);
  return (await ledger.runs.create({ run_type: "policy", git: false, ...run })).readManifest();
}

/** What the manifest says of one input. */
async function input(lab: Lab, name: string, content: string): Promise<Record<string, unknown>> {
  const path = put(lab, name, content);
  const { inputs } = await create(lab, { inputs: [path] });
  const [{ path: _, ...facts }] = inputs!;
  assertEquals([facts.bytes, facts.sha256], [
    new TextEncoder().encode(content).length,
    sha256(content),
  ]);
  const { bytes: __, sha256: ___, ...told } = facts;
  return told;
}

async function refused(doing: Promise<unknown>, code: string, words: string): Promise<void> {
  const error = await assertRejects(() => doing, LedgerError);
  assertStringIncludes(error.message, words);
  assertEquals(error.code, code);
}

Deno.test("a run's inputs are digests of its files, and its fingerprint is made of these, whatever their order", async () => {
  using lab = newLab();
  const [a, b] = [put(lab, "a.bin", "aaa"), put(lab, "b.bin", "bb")];
  const world = testWorld({ cwd: () => lab.path });
  const first = await create(lab, { run_id: "r1", inputs: ["b.bin", a, "./a.bin"] }, world);
  assertEquals(first.inputs, [
    { path: a, bytes: 3, sha256: sha256("aaa") },
    { path: b, bytes: 2, sha256: sha256("bb") },
  ]);
  const lines = [sha256("aaa"), sha256("bb")].sort().map((digest) => `${digest}\n`).join("");
  assertEquals(first.data_fingerprint, sha256(lines));
  assertEquals(eventsOf(lab, "r1")[0].data_fingerprint, first.data_fingerprint);
  put(lab, "elsewhere/b.bin", "bb");
  const moved = await create(lab, { inputs: ["elsewhere/b.bin", "a.bin"] }, world);
  assertEquals(moved.data_fingerprint, first.data_fingerprint);
  put(lab, "b.bin", "bB");
  const other = await create(lab, { inputs: ["a.bin", "b.bin"] }, world);
  assertEquals(other.data_fingerprint === first.data_fingerprint, false);
});

Deno.test("without inputs the fingerprint is what the caller says, or unknown: never a digest of nothing", async () => {
  using lab = newLab();
  assertEquals((await create(lab, {})).data_fingerprint, "unknown");
  assertEquals((await create(lab, { dataset: { interval: "5m" } })).data_fingerprint, "unknown");
  assertEquals((await create(lab, { inputs: [] })).data_fingerprint, "unknown");
  assertEquals((await create(lab, { data_fingerprint: "prices-1" })).data_fingerprint, "prices-1");
  const both = create(lab, { inputs: [put(lab, "a", "a")], data_fingerprint: "mine" });
  await refused(both, "invalid", 'the data fingerprint "mine"');
});

Deno.test("rows and times of a CSV are told whatever its dialect, and what is not sure is left out", async () => {
  using lab = newLab();
  const span = { from_ms: DAY, to_ms: DAY + 2 * MINUTE_MS };
  const times = [1, 0, 2].map((minute) => DAY + minute * MINUTE_MS);
  const iso = (ms: number) => new Date(ms).toISOString();
  const rows = (title: string, valueOf: (ms: number) => unknown, delimiter = ",") =>
    [
      `px${delimiter}${title}${delimiter}note`,
      ...times.map((ms) => [1.5, valueOf(ms), "x"].join(delimiter)),
    ]
      .join("\n");
  const cases: [title: string, text: string, told: Record<string, unknown>][] = [
    ["milliseconds", rows("ts_ms", (ms) => ms), { rows: 3, ...span }],
    ["seconds, by their size", rows("timestamp", (ms) => ms / 1000), { rows: 3, ...span }],
    ["seconds with a fraction", rows("time", (ms) => `${ms / 1000}.0`), { rows: 3, ...span }],
    ["nanoseconds", rows("open_time", (ms) => `${ms}000000`), { rows: 3, ...span }],
    ["ISO texts", rows("Datetime", iso), { rows: 3, ...span }],
    ["ISO texts without a zone", rows("date", (ms) => iso(ms).slice(0, -1).replace("T", " ")), {
      rows: 3,
      ...span,
    }],
    ["a zone in digits", rows("date", (ms) => iso(ms).replace("Z", "+00:00")), {
      rows: 3,
      ...span,
    }],
    ["texts of several lengths", rows("date", (ms) => ms === DAY ? "2026-01-01" : iso(ms)), {
      rows: 3,
      ...span,
    }],
    [
      "two zones",
      rows("date", (ms) => ms === DAY ? "2026-01-01 02:00+02:00" : `${iso(ms).slice(0, 16)}+00:00`),
      { rows: 3, ...span },
    ],
    ["days", "date;px\n20260102;1\n20260101;2\n", {
      rows: 2,
      from_ms: DAY,
      to_ms: DAY + 86_400_000,
    }],
    ["semicolons", rows("ts_ms", (ms) => ms, ";"), { rows: 3, ...span }],
    [
      "tabs and line ends of Windows",
      rows("ts_ms", (ms) => ms, "\t").replaceAll("\n", "\r\n") + "\r\n\r\n",
      { rows: 3, ...span },
    ],
    [
      "quoted fields with line breaks",
      `note,"ts_ms"\n"a ""b"",\nc","${DAY}"\n"x",${DAY + 2 * MINUTE_MS}\n`,
      { rows: 2, ...span },
    ],
    ["a mark in front", `\ufeffts_ms\n${DAY}\n${DAY + 2 * MINUTE_MS}`, { rows: 2, ...span }],
    ["missing times", `ts_ms,px\n,1\n${DAY},2\nNaN,3\n${DAY + 2 * MINUTE_MS}\n`, {
      rows: 4,
      ...span,
    }],
    ["no header", `${DAY},1.5\n${DAY + MINUTE_MS},1.6\n`, { rows: 2 }],
    ["no column with times", "symbol,px\nA,1\nB,2\n", { rows: 2 }],
    ["names alone", "symbol,px\n", { rows: 0 }],
    ["nothing", "", { rows: 0 }],
    ["a value that is no time", `ts_ms,px\n${DAY},1\nlater,2\n`, { rows: 2 }],
    ["a day that no month has", "date,px\n2026-01-01,1\n2026-13-01,2\n", { rows: 2 }],
    ["a quote that nothing ends", `ts_ms,px\n${DAY},"1\n${DAY},2\n`, {}],
    ["no text", "\0\u0001,\0\n\0\n", {}],
  ];
  for (const [title, text, told] of cases) {
    assertEquals([title, await input(lab, "data.csv", text)], [title, told]);
  }
  assertEquals(await input(lab, "data.txt", "ts_ms\n1\n"), {});
});

Deno.test("a CSV is counted alike however it is cut into pieces, with quotes or without", async () => {
  using lab = newLab();
  await withSeed(async (random) => {
    const count = 12_000;
    const plain = ["plain", "", "é".repeat(random.below(40)), "3.5", "-"];
    const quoted = ['"in, quotes"', '"two\nlines"', '"a ""word"""', 'inside"'];
    const layouts: [names: string, valueOf: (ms: number) => string][] = [
      ["ts,note,px", String],
      ["note,ts,px", (ms) => new Date(ms).toISOString()],
      ["note,px,ts", (ms) => `${ms}000000`],
    ];
    for (const notes of [plain, [...plain, ...quoted]]) {
      for (const [names, valueOf] of layouts) {
        const times = Array.from(
          { length: count },
          () => DAY + random.below(1_000_000) * MINUTE_MS,
        );
        const rows = times.map((ms) => {
          const values: Record<string, unknown> = { ts: valueOf(ms), px: random.below(1000) };
          return names.split(",").map((name) => values[name] ?? random.pick(notes));
        });
        const text = [names, ...rows].map((row) => `${row}\n`).join("");
        const told = await input(lab, "many.csv", text);
        const [from_ms, to_ms] = [Math.min(...times), Math.max(...times)];
        assertEquals([names, told], [names, { rows: count, from_ms, to_ms }]);
      }
    }
  });
});

Deno.test("rows and times of a Parquet file are those of its footer; a damaged one is told by its digest alone", async () => {
  using lab = newLab();
  const path = join(lab.path, "bars.parquet");
  const columns = [{ name: "symbol", type: "utf8" }, { name: "ts_ms", type: "int64" }] as const;
  const rows = Array.from({ length: 70_000 }, (_, at) => ({
    symbol: "A",
    ts_ms: DAY + (at + 7) % 70_000,
  }));
  await writeParquet(testWorld(), path, columns.map((each) => ({ ...each, nullable: false })), [
    rows,
  ]);
  const bytes = Deno.readFileSync(path);
  const whole = { path, bytes: bytes.length, sha256: sha256(bytes) };
  const { inputs } = await create(lab, { inputs: [path] });
  assertEquals(inputs, [{ ...whole, rows: 70_000, from_ms: DAY, to_ms: DAY + 69_999 }]);
  const cut = put(lab, "cut.parquet", bytes.subarray(0, bytes.length - 9));
  const found = (await create(lab, { inputs: [cut] })).inputs!;
  assertEquals(Object.keys(found[0]), ["path", "bytes", "sha256"]);
});

Deno.test("patterns stand for the files that fit them; what names none is refused, and nothing is made", async () => {
  using lab = newLab();
  for (const name of ["d/a.csv", "d/b.csv", "d/e/c.csv", "d/.hidden.csv", "d/[x].csv"]) {
    put(lab, name, `n\n${name}\n`);
  }
  Deno.symlinkSync("a.csv", join(lab.path, "d/link.csv"));
  Deno.symlinkSync(".", join(lab.path, "d/round"));
  const world = testWorld({ cwd: () => lab.path });
  const named = async (...inputs: string[]) =>
    (await create(lab, { inputs }, world)).inputs!.map(({ path }) =>
      path.slice(lab.path.length + 1)
    );
  assertEquals(await named("d/*.csv"), ["d/[x].csv", "d/a.csv", "d/b.csv", "d/link.csv"]);
  assertEquals(await named("d/**/*.csv", "d/a.csv"), [
    "d/[x].csv",
    "d/a.csv",
    "d/b.csv",
    "d/e/c.csv",
    "d/link.csv",
  ]);
  assertEquals(await named("d/**"), ["d/[x].csv", "d/a.csv", "d/b.csv", "d/e/c.csv", "d/link.csv"]);
  assertEquals(await named("d/{a,b}.csv"), ["d/a.csv", "d/b.csv"]);
  assertEquals(await named("d/[x].csv"), ["d/[x].csv"]);
  assertEquals(await named("d/.h*"), ["d/.hidden.csv"]);
  const before = contentsOf(lab.runs_dir);
  await refused(
    named("d/*.parquet"),
    "invalid",
    'cannot take "d/*.parquet" as an input: no file fits it',
  );
  await refused(named("d/none.csv"), "invalid", "there is no such file");
  await refused(named("d"), "invalid", "it is a folder");
  await refused(named(""), "invalid", "it names no file");
  await refused(named("/dev/zero"), "invalid", "/dev/zero");
  assertEquals(contentsOf(lab.runs_dir), before);
});

Deno.test("an input that changes while it is read, or while others are, is refused, and no run is made", async () => {
  using lab = newLab();
  const [small, large] = [put(lab, "small", "s"), put(lab, "large", "l".repeat(600_000))];
  const changes: Record<string, (path: string) => void> = {
    "grows": (path) => Deno.writeTextFileSync(path, "more", { append: true }),
    "is cut": (path) => Deno.truncateSync(path, 0),
    "has other bytes": (path) => Deno.writeTextFileSync(path, "L".repeat(600_000)),
    "gives way to another": (path) => {
      Deno.writeTextFileSync(`${path}.new`, "l".repeat(600_000));
      Deno.renameSync(`${path}.new`, path);
    },
    "is removed": (path) => Deno.removeSync(path),
  };
  for (const [how, change] of Object.entries(changes)) {
    // The largest is read first: it changes in the middle of that, or when its turn is over.
    for (const [read, times] of [[large, 2], [small, 1]] as const) {
      put(lab, "small", "s");
      put(lab, "large", "l".repeat(600_000));
      let reads = 0;
      const files = systemFiles((operation, path) => {
        if (operation === "read" && path === read && ++reads === times) change(large);
      });
      const creating = create(lab, { inputs: [small, large] }, testWorld({ files }));
      await refused(creating, "busy", `"${large}" as an input: it changed while it was read`);
      assertEquals([how, reads >= times], [how, true]);
    }
  }
  assertEquals(ledgerOf(lab).runs.exists(), false);
});

Deno.test("a run whose creator was killed is created again with the same inputs, and with no others", async () => {
  using lab = newLab();
  const path = put(lab, "a.csv", "n\n1\n");
  const killed = systemFiles((operation, on) => {
    if (operation === "write" && on.endsWith(".jsonl")) throw new Error("killed");
  });
  await create(lab, { run_id: "r", inputs: [path] }, testWorld({ files: killed })).catch(() => {});
  const other = put(lab, "b.csv", "n\n2\n");
  await refused(create(lab, { run_id: "r", inputs: [other] }), "invalid", "there is one already");
  await refused(create(lab, { run_id: "r" }), "invalid", "there is one already");
  const { status, inputs } = await create(lab, { run_id: "r", inputs: [path] });
  assertEquals([status, inputs!.length], ["running", 1]);
});

/** A file that is large enough for its digest to be kept. */
const LARGE = new Uint8Array(8 * 1024 * 1024).fill(7);

Deno.test("a large input is read once as long as its file stands as it did, and again where it is asked for", async () => {
  using lab = newLab();
  await create(lab, {});
  const path = put(lab, "large.bin", LARGE);
  let reads = 0;
  const files = systemFiles((operation, on) => {
    if (operation === "read" && on === path) reads++;
  });
  const world = testWorld({ files });
  const readsOf = async (run: Partial<NewRun> = {}) => {
    reads = 0;
    const { inputs } = await create(lab, { inputs: [path], ...run }, world);
    return { sha256: inputs![0].sha256, was_read: reads > 0 };
  };
  const digest = sha256(LARGE);
  assertEquals(await readsOf(), { sha256: digest, was_read: true });
  assertEquals(await readsOf(), { sha256: digest, was_read: false });
  assertEquals(await readsOf({ rehash: true }), { sha256: digest, was_read: true });
  // Other bytes under the old time: only reading tells.
  const other = LARGE.map((byte) => byte + 1);
  const file = Deno.openSync(path, { write: true });
  file.writeSync(other);
  file.close();
  Deno.utimeSync(path, OLD, OLD);
  assertEquals((await readsOf()).sha256, digest);
  const notices: string[] = [];
  const rehashed = await readsOf({ rehash: true, onNotice: (message) => notices.push(message) });
  assertEquals(rehashed, { sha256: sha256(other), was_read: true });
  assertMatch(notices.join(), /large.bin has other bytes than when it was last read/);
  assertEquals(await readsOf(), { sha256: sha256(other), was_read: false });
  // Its time, its size, another file of that name.
  Deno.utimeSync(path, OLD, new Date(DAY + 1000));
  assertEquals((await readsOf()).was_read, true);
  Deno.copyFileSync(path, `${path}.2`);
  Deno.utimeSync(`${path}.2`, OLD, new Date(DAY + 1000));
  Deno.renameSync(`${path}.2`, path);
  assertEquals((await readsOf()).was_read, true);
});

Deno.test("what is damaged in the cache of digests is read again, and one that was just written is never believed", async () => {
  using lab = newLab();
  await create(lab, {});
  const path = put(lab, "large.bin", LARGE);
  const digest = sha256(LARGE);
  const digestOf = async () => (await create(lab, { inputs: [path] })).inputs![0].sha256;
  assertEquals(await digestOf(), digest);
  const cache = join(lab.dir, "index", "input_digests.ndjson");
  const kept = Deno.readTextFileSync(cache);
  assertStringIncludes(kept, digest);
  for (
    const text of [
      kept.replace(digest, "0".repeat(64)),
      kept.slice(0, 90),
      "\n\0x",
      "{}\n",
      "null\n",
    ]
  ) {
    Deno.writeTextFileSync(cache, text);
    assertEquals(await digestOf(), digest);
  }
  Deno.removeSync(cache);
  Deno.mkdirSync(cache);
  assertEquals(await digestOf(), digest);
  Deno.removeSync(cache);
  const now = new Date();
  Deno.utimeSync(path, now, now);
  assertEquals(await digestOf(), digest);
  assertEquals([...Deno.readDirSync(join(lab.dir, "index"))].map(({ name }) => name), []);
});

Deno.test("whatever keeps digests from being kept, or cuts that short, a run has those of its bytes", async () => {
  using lab = newLab();
  await create(lab, {});
  const path = put(lab, "large.bin", LARGE);
  const digest = sha256(LARGE);
  for (let k = 1, was_reached = true; was_reached; k++) {
    let operations = 0;
    // Where less than all is written, what is there is the beginning of a record.
    for (const bytes of [undefined, 40]) {
      operations = 0;
      const files = systemFiles((operation, on) => {
        if (!/input_digests|index$/.test(on) || ++operations < k) return;
        if (operation === "write" && bytes !== undefined && operations === k) return bytes;
        throw new Error("killed");
      });
      const { inputs } = await create(lab, { inputs: [path] }, testWorld({ files }));
      assertEquals(inputs![0].sha256, digest);
      assertEquals((await create(lab, { inputs: [path] })).inputs, inputs);
      assertEquals((await create(lab, { inputs: [path] })).inputs, inputs);
      Deno.removeSync(join(lab.dir, "index"), { recursive: true });
    }
    was_reached = operations >= k;
  }
});

Deno.test("inputs that are read on threads are those that are read here", async () => {
  using lab = newLab();
  const names = ["a.bin", "b.csv", "c.bin", "d.csv", "e.bin"];
  const text = new TextEncoder().encode("ts_ms,px\n" + `${DAY},1.5\n`.repeat(450_000));
  const paths = names.map((name, at) =>
    put(lab, name, name.endsWith("csv") ? text : LARGE.subarray(0, 8_000_000 + at))
  );
  const beside = await create(lab, { inputs: paths });
  const here = await create(lab, { inputs: paths }, testWorld({ files: systemFiles() }));
  assertEquals(beside.inputs, here.inputs);
  assertEquals(beside.inputs!.map(({ rows }) => rows ?? null), [
    null,
    450_000,
    null,
    450_000,
    null,
  ]);
  Deno.chmodSync(paths[3], 0o000);
  Deno.removeSync(paths[0]);
  Deno.symlinkSync("nowhere", paths[0]);
  await refused(create(lab, { inputs: paths }), "invalid", "there is no such file");
});

Deno.test("runs create takes inputs as they are typed, and as a shell fills a pattern in", async () => {
  using lab = newLab();
  put(lab, "a.csv", "n\n1\n");
  put(lab, "b.csv", "n\n2\n");
  const run = (...args: string[]) =>
    inLab(lab, ["runs", "create", "--run-type", "policy", "--no-git", ...args], {
      cwd: () => lab.path,
    });
  const inputsOf = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, "--json");
    assertEquals(code, 0, stderr);
    const { folder } = JSON.parse(stdout);
    return JSON.parse(Deno.readTextFileSync(join(folder, "run.json"))).inputs.length;
  };
  assertEquals(await inputsOf("--input", "*.csv"), 2);
  assertEquals(await inputsOf("--input", "a.csv", "b.csv"), 2);
  assertEquals(await inputsOf("--input", "a.csv", "--input", "b.csv", "--rehash"), 2);
  const stray = await run("b.csv");
  assertEquals([stray.code, stray.stderr.includes('unexpected argument "b.csv"')], [2, true]);
  assertStringIncludes((await run("--rehash")).stderr, "--rehash goes with --input");
  const absent = await run("--input", "c.csv");
  assertEquals([absent.code, absent.stdout], [2, ""]);
  assertStringIncludes(absent.stderr, 'cannot take "c.csv" as an input: there is no such file');
  // What a pattern finds is there, also where it leads nowhere.
  Deno.symlinkSync("nowhere", join(lab.path, "z.csv"));
  const dangling = await run("--input", "*.csv");
  assertEquals([dangling.code, dangling.stdout], [2, ""]);
  const path = join(lab.path, "z.csv");
  assertStringIncludes(
    dangling.stderr,
    `cannot take "${path}" as an input: it is a link to nothing`,
  );
  assertStringIncludes(dangling.stderr, "no run was made");
});

/** Runs with inputs, and one whose manifest another program wrote; all of them catalogued. */
async function labOfInputs() {
  const lab = newLab();
  const [a, b] = [put(lab, "a.csv", "ts_ms\n1000000000000\n"), put(lab, "b.csv", "n\n1\n2\n")];
  await using ledger = ledgerOf(lab);
  for (const [run_id, inputs] of Object.entries({ one: [a], two: [a, b], open: [b], none: [] })) {
    const run = await ledger.runs.create({ run_type: "policy", run_id, git: false, inputs });
    if (run_id !== "open") await run.markSuccess();
  }
  await ledger.runs.sync();
  const idsOf = async (input: string, filter: Record<string, unknown> = { status: "any" }) =>
    (await ledger.runs.query({ input, sort: "run_id:asc", ...filter })).map(({ run_id }) => run_id);
  return { lab, a, b, idsOf, [Symbol.dispose]: () => lab[Symbol.dispose]() };
}

Deno.test("which runs read a file is asked by the file, by its bytes elsewhere, or by its digest", async () => {
  using inputs = await labOfInputs();
  const { lab, a, b, idsOf } = inputs;
  assertEquals(await idsOf(a), ["one", "two"]);
  assertEquals(await idsOf(b), ["open", "two"]);
  assertEquals(await idsOf(b, {}), ["two"]);
  assertEquals(await idsOf(put(lab, "copy", Deno.readFileSync(a))), ["one", "two"]);
  const digest = sha256(Deno.readFileSync(b));
  assertEquals(await idsOf(digest.toUpperCase()), ["open", "two"]);
  assertEquals(await idsOf(digest.slice(0, 8)), ["open", "two"]);
  assertEquals(
    await ask(lab, "select run_id, path, bytes, rows, from_ms from run_inputs order by all"),
    [
      ["one", a, 20, 1, 1_000_000_000_000],
      ["open", b, 6, 2, null],
      ["two", a, 20, 1, 1_000_000_000_000],
      ["two", b, 6, 2, null],
    ],
  );
  const query = async (...args: string[]) => {
    const { code, stdout, stderr } = await inLab(lab, ["runs", "query", ...args, "--json"]);
    return {
      code,
      ids: code === 0 ? JSON.parse(stdout).map((row: { run_id: string }) => row.run_id) : [],
      stderr,
    };
  };
  assertEquals((await query("--input", a, "--sort", "run_id:asc")).ids, ["one", "two"]);
  // What keeps them from being listed is not their input.
  const excluded = await query("--input", a, "--where", "artifacts > 5");
  assertEquals([excluded.ids, excluded.stderr], [[], ""]);
  const of_digest = await query("--input", digest, "--status", "failed");
  assertEquals([of_digest.ids, of_digest.stderr], [[], ""]);
  // The file has gone on: the runs read what it was.
  put(lab, "a.csv", "ts_ms\n1000000000001\n");
  const other = await query("--input", a);
  assertEquals(other.ids, []);
  assertStringIncludes(
    other.stderr,
    `2 runs read ${a} when it had other bytes: --input ${
      sha256("ts_ms\n1000000000000\n").slice(0, 12)
    }`,
  );
  Deno.removeSync(a);
  assertEquals((await query("--input", a, "--sort", "run_id:asc")).ids, ["one", "two"]);
  const absent = await query("--input", join(lab.path, "x.csv"));
  assertStringIncludes(absent.stderr, `no run read ${join(lab.path, "x.csv")}`);
  assertStringIncludes((await query("--input", "00000000")).stderr, "sha256 begins with 00000000");
  const folder = await query("--input", lab.path);
  assertEquals(folder.code, 2);
  assert(!folder.stderr.includes("no run was made"), folder.stderr);
  assertEquals((await query("--input", "")).code, 2);
});

Deno.test("the inputs in the catalog follow the runs: open, ended, archived, gone", async () => {
  using inputs = await labOfInputs();
  const { lab, b, idsOf } = inputs;
  await using ledger = ledgerOf(lab);
  await (await ledger.runs.find("open")).markFailed("x");
  await ledger.runs.sync();
  assertEquals(await idsOf(b, {}), ["open", "two"]);
  const rows = () => ask(lab, "select run_id, path, sha256, rows from run_inputs order by all");
  const before = await rows();
  await ledger.runs.sync({ full: true });
  assertEquals(await rows(), before);
  const archive = join(lab.path, "archive");
  await ledger.runs.prune({ before: "2999-01", archive });
  assertEquals(await rows(), before);
  await ledger.runs.sync({ full: true });
  assertEquals([await rows(), await idsOf(b, {})], [before, ["open", "two"]]);
  const run = await ledger.runs.create({
    run_type: "policy",
    run_id: "brief",
    git: false,
    inputs: [b],
  });
  await ledger.runs.sync();
  assertEquals(await idsOf(b), ["brief", "open", "two"]);
  Deno.removeSync(run.folder, { recursive: true });
  await ledger.runs.sync();
  assertEquals(await idsOf(b), ["open", "two"]);
});

Deno.test("verify says which inputs have changed since a run read them, and of which run", async () => {
  using inputs = await labOfInputs();
  const { lab, a, b } = inputs;
  const verify = async (...args: string[]) => {
    const { code, stdout } = await inLab(lab, ["runs", "verify", ...args, "--json"]);
    const { findings, inputs } = JSON.parse(stdout);
    return {
      code,
      inputs,
      found: findings.map((each: Record<string, string>) => [each.run_id, each.path, each.problem]),
    };
  };
  assertEquals(await verify("--all", "--inputs"), { code: 0, inputs: 4, found: [] });
  assertEquals((await verify("--all")).inputs, undefined);
  put(lab, "b.csv", "n\n1\n3\n");
  const [then, now] = ["n\n1\n2\n", "n\n1\n3\n"].map((text) => sha256(text).slice(0, 12));
  const of = (run_id: string) => [
    run_id,
    b,
    `an input of run ${run_id} has other bytes now: 6 B, 2 rows, sha256 ${now}; the run read 6 B, 2 rows, sha256 ${then}`,
  ];
  const all = await verify("--all", "--inputs");
  assertEquals([all.code, all.found.sort()], [3, [of("open"), of("two")]]);
  assertEquals((await verify("one", "--inputs")).code, 0);
  put(lab, "b.csv", "n\n1\n2\n3\n");
  Deno.removeSync(a);
  assertEquals((await verify("two", "--inputs")).found, [
    ["two", a, "an input of run two is not there any more"],
    [
      "two",
      b,
      `an input of run two has other bytes now: 8 B; the run read 6 B, 2 rows, sha256 ${then}`,
    ],
  ]);
  Deno.removeSync(b);
  Deno.mkdirSync(b);
  assertStringIncludes((await verify("open", "--inputs")).found[0][2], "an input of run open");
  const { code, stderr } = await inLab(lab, ["runs", "verify", "--all", "--rehash"]);
  assertEquals([code, stderr.includes("--rehash goes with --inputs")], [2, true]);
});

Deno.test("an input of another box that is not here is a note, and one with other bytes says of which box", async () => {
  using inputs = await labOfInputs();
  const { lab, a, b } = inputs;
  Deno.removeSync(a);
  put(lab, "b.csv", "n\n1\n2\n3\n");
  const elsewhere = ledgerOf(lab, testWorld({ hostname: () => "box2" }));
  const { findings, notes } = await elsewhere.runs.verify({ run_id: "two", inputs: true });
  const box = testWorld().hostname();
  assertEquals(notes, [{
    run_id: "two",
    path: a,
    note: `an input of run two is of another box, ${box}: not compared`,
  }]);
  assertEquals(findings.map(({ path }) => path), [b]);
  assertMatch(findings[0].problem, new RegExp(`; the run read .* on ${box}, and this is box2$`));
});

Deno.test("how much is read of inputs is told, on threads and here, up to all of it", async () => {
  using lab = newLab();
  const paths = ["a.bin", "b.bin", "c.bin", "d.bin", "e.bin"].map((name) => put(lab, name, LARGE));
  for (const world of [testWorld(), testWorld({ files: systemFiles() })]) {
    const shown: [number, number][] = [];
    const onProgress = (...each: [number, number]) => void shown.push(each);
    await create(lab, { inputs: paths, rehash: true, onProgress }, world);
    assertEquals(new Set(shown.map(([, total]) => total)), new Set([5 * LARGE.length]));
    assertEquals(shown.map(([done]) => done), shown.map(([done]) => done).sort((a, b) => a - b));
  }
  const shown: number[] = [];
  const only = { inputs: paths.slice(0, 1), rehash: true };
  await create(lab, { ...only, onProgress: (done) => void shown.push(done) });
  assertEquals(shown.at(-1), LARGE.length);
});

Deno.test("verify tells of an input that changes while it is read, and keeps no digest of it", async () => {
  using lab = newLab();
  const path = put(lab, "large.bin", LARGE);
  await create(lab, { run_id: "r", inputs: [path] });
  Deno.removeSync(join(lab.dir, "index"), { recursive: true });
  let reads = 0;
  const files = systemFiles((operation, on) => {
    if (operation !== "read" || on !== path || ++reads !== 5) return;
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array([1]));
  });
  await using ledger = ledgerOf(lab, testWorld({ files }));
  const { findings } = await ledger.runs.verify({ run_id: "r", inputs: true });
  assertEquals(findings.length, 1);
  assertStringIncludes(findings[0].problem, "it changed while it was read");
  assertEquals(Deno.readDirSync(lab.dir).some(({ name }) => name === "index"), false);
});

Deno.test("verify believes what is kept of a large input, and with --rehash its bytes alone", async () => {
  using lab = newLab();
  await create(lab, {});
  const path = put(lab, "large.bin", LARGE);
  await create(lab, { run_id: "r", inputs: [path] });
  const file = Deno.openSync(path, { write: true });
  file.writeSync(new Uint8Array([1]));
  file.close();
  Deno.utimeSync(path, OLD, OLD);
  const verify = (...args: string[]) => inLab(lab, ["runs", "verify", "r", "--inputs", ...args]);
  assertEquals((await verify()).code, 0);
  const { code, stdout, stderr } = await verify("--rehash");
  assertEquals(code, 3);
  assertStringIncludes(stdout, "an input of run r has other bytes now");
  assertStringIncludes(
    stderr,
    "has other bytes than when it was last read, and the same size and time",
  );
  // That was noted too.
  assertEquals((await verify()).code, 3);
});

Deno.test("a manifest of others may name anything as an input: nothing hangs, all is told", async () => {
  using lab = newLab();
  const named = [
    "/dev/zero",
    "/dev/stdin",
    "",
    "\u0000",
    "a".repeat(5000),
    "/proc/self/mem",
    "../x",
    "/",
  ];
  putRun(lab, "odd", {
    inputs: named.map((path) => ({ path, bytes: 0, sha256: "0".repeat(64) })),
  });
  const { code, stdout } = await inLab(lab, ["runs", "verify", "odd", "--inputs", "--json"]);
  assertEquals([code, JSON.parse(stdout).findings.length], [3, named.length]);
  assertEquals((await sync(lab)).registered, 1);
  // What was any member before is kept, and nothing of it is taken for ours.
  const others = [[{ path: "a", bytes: 1 }], ["a", null], {}, "a", null, 7, [{
    path: "a",
    bytes: -1,
    sha256: "b",
  }]];
  for (const [at, inputs] of others.entries()) {
    putRun(lab, `other-${at}`, { inputs });
    const verified = await inLab(lab, ["runs", "verify", `other-${at}`, "--inputs", "--json"]);
    const report = JSON.parse(verified.stdout);
    assertEquals([report.inputs, report.findings], [0, []]);
    assertEquals((await inLab(lab, ["runs", "show", `other-${at}`])).code, 0);
  }
  assertEquals((await sync(lab)).registered, others.length);
  assertEquals(await ask(lab, "select distinct run_id from run_inputs"), [["odd"]]);
});

Deno.test("a run is shown with what it read", async () => {
  using inputs = await labOfInputs();
  const { stdout } = await inLab(inputs.lab, ["runs", "show", "two"], { columns: 300 });
  const line = stdout.split("\n").find((line) => line.includes("a.csv"))!;
  assertMatch(line, /a\.csv +1 +20 B +2001-09-09 01:46:40\.000Z +2001-09-09 .+[0-9a-f]{12}/);
  const json = JSON.parse((await inLab(inputs.lab, ["runs", "show", "two", "--json"])).stdout);
  assertEquals(json.manifest.inputs.length, 2);
});

Deno.test("two runs of whose data nothing is known do not agree in it", async () => {
  using inputs = await labOfInputs();
  const diff = async (...ids: string[]) => {
    const { stdout } = await inLab(inputs.lab, ["runs", "diff", ...ids, "--all", "--json"]);
    return JSON.parse(stdout).filter((row: { name: string }) => row.name === "data_fingerprint")
      .map((row: Record<string, unknown>) => [row.baseline, row.value]);
  };
  const other = await create(inputs.lab, { run_id: "none-2" });
  assertEquals(other.data_fingerprint, "unknown");
  await sync(inputs.lab);
  assertEquals(await diff("none", "none-2"), []);
  const [{ data_fingerprint }] = await ledgerOf(inputs.lab).runs.list({
    run_id: "one",
    columns: "data_fingerprint",
  }).then(({ rows }) => rows);
  assertEquals(await diff("one", "none"), [[data_fingerprint, undefined]]);
});
