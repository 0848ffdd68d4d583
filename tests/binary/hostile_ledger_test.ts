/**
 * Pulling from a ledger that others made up: what they wrote stays theirs. Nothing outside of it is read,
 * nothing outside of the own ledger is written, and what is not taken is told.
 */
import { IS_FULL } from "../harness.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { type Bench, binaryTest, type Outcome } from "./binary.ts";
import { TEST_SEED } from "../laws/random.ts";
import { contentsOf, shell, survives } from "./hostile.ts";

const DAY = "day=2026-01-23";
const NOON_MS = Date.UTC(2026, 0, 23, 12);
const SECRET = "root:x:0:0:secret";

/** A box with a ledger of one part and one run, to be spoilt. */
interface Box extends Bench {
  path(...names: string[]): string;
  pull(words?: string): Promise<Outcome>;
}

function line(event_id: string, more = ""): string {
  return `{"event_id":"${event_id}","event_type":"run.started","run_id":"r1",` +
    `"timestamp_ms":${NOON_MS}${more}}\n`;
}

function put(path: string, text: string): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

function run(run_id: string): string {
  return JSON.stringify({
    run_id,
    run_type: "full",
    created_at: "2026-01-23T12:00:00Z",
    status: "failed",
    artifacts: {},
  });
}

interface Case {
  /** What is spoilt. */
  spoil: (box: Box) => void | Promise<void>;
  /** What has to be said about it. */
  told: string[];
  /** What of the box is taken all the same. */
  taken?: string[];
}

const link = (box: Box, ...names: string[]) => {
  const path = box.path(...names);
  Deno.removeSync(path, { recursive: true });
  Deno.symlinkSync("/etc/passwd", path);
};
const pipe = async (box: Box, ...names: string[]) => {
  const path = box.path(...names);
  await shell(box, `rm -rf '${path}'; mkfifo '${path}'`);
};
const record = (box: Box, hosts: unknown) =>
  put(box.path("events/_pulled.json"), JSON.stringify({ version: 1, hosts }));
const claim = (part: string, to: number) => ({
  parts: {
    [part]: { bytes: to, sha256: "0".repeat(64), here: [{ part, from: 0, to }], seen: {} },
  },
});
const PART = `${DAY}/part-000001.jsonl`;

const CASES: Record<string, Case> = {
  "a host that is a path": {
    spoil: (box) => record(box, { "../../evil": claim(PART, 10) }),
    told: ["_pulled.json", "cannot write as"],
    taken: ["own"],
  },
  "a host with an escape": {
    spoil: (box) => record(box, { "\x1b[31mred\n": claim(PART, 10) }),
    told: ["_pulled.json"],
    taken: ["own"],
  },
  "a host that is the prototype": {
    spoil: (box) =>
      put(box.path("events/_pulled.json"), '{"version":1,"hosts":{"__proto__":{"parts":{}}}}'),
    told: ["_pulled.json"],
    taken: ["own"],
  },
  "a label that goes on": {
    spoil: (box) => record(box, { c: claim(`${PART}/../../../../../x`, 10) }),
    told: ["_pulled.json", "is not the name of a part"],
    taken: ["own"],
  },
  "stretches that are read again and again": {
    spoil: (box) => {
      const here = Array.from({ length: 1000 }, () => ({ part: PART, from: 0, to: 9 }));
      record(box, { c: { parts: { [PART]: { bytes: 9000, sha256: "", here, seen: {} } } } });
    },
    told: ["_pulled.json", "overlap"],
    taken: ["own"],
  },
  "a record of no kind": {
    spoil: (box) => put(box.path("events/_pulled.json"), "null"),
    told: ["_pulled.json"],
    taken: ["own"],
  },
  "a record that claims petabytes": {
    spoil: (box) => record(box, { c: claim(PART, 9e15) }),
    told: [PART, "9,000,000,000,000,000 bytes or more, from c, and it has"],
  },
  "a record that is a pipe": {
    spoil: async (box) => {
      record(box, {});
      await pipe(box, "events/_pulled.json");
    },
    told: ["_pulled.json", "it is a pipe"],
    taken: ["own"],
  },
  "a record that is a link": {
    spoil: (box) => {
      record(box, {});
      link(box, "events/_pulled.json");
    },
    told: ["_pulled.json", "links of others are not followed"],
    taken: ["own"],
  },
  "a part that is a link": {
    spoil: (box) => link(box, "events", PART),
    told: [PART, "links of others are not followed"],
  },
  "a part that is a pipe": {
    spoil: (box) => pipe(box, "events", PART),
    told: [PART, "it is a pipe: nothing was taken"],
  },
  "a day that is a link": {
    spoil: (box) => {
      Deno.renameSync(box.path("events", DAY), join(box.folder, "elsewhere"));
      Deno.symlinkSync(join(box.folder, "elsewhere"), box.path("events", DAY));
    },
    told: [DAY, "links of others are not followed"],
  },
  "a number after which there is none": {
    spoil: (box) => put(box.path("events", DAY, "part-999999999999999.jsonl"), line("last")),
    told: ["part-999999999999999.jsonl", "its number is larger than 999999999"],
    taken: ["own"],
  },
  "a file of a terabyte": {
    spoil: async (box) => void await shell(box, `truncate -s 1T '${box.path("events", PART)}'`),
    told: [PART, "it has 1.1 TB, and at most 69 GB are taken"],
  },
  "locks that are pipes": {
    spoil: async (box) => {
      for (const path of [`events/${DAY}/.lock`, "index/.lock"]) {
        put(box.path(path), "");
        await pipe(box, path);
      }
    },
    told: [],
    taken: ["own"],
  },
  "seals that claim petabytes, of a part that is packed": {
    spoil: async (box) => {
      const compact = `"$B" seal && "$B" compact --before 2026-02-01`;
      const { code, stderr } = await shell(box, `cd box && ${compact}`);
      assertEquals(code, 0, stderr);
      const path = box.path("events", DAY, "_sealed.json");
      const sealed = JSON.parse(Deno.readTextFileSync(path));
      sealed.parts["part-000001.jsonl"].bytes = 9e15;
      put(path, JSON.stringify(sealed));
    },
    told: [PART, "before it should"],
    taken: ["own"],
  },
  "seals that are a link": {
    spoil: (box) => {
      put(box.path("events", DAY, "_sealed.json"), "{}");
      Deno.renameSync(
        box.path("events", PART),
        box.path("events", PART).replace("jsonl", "parquet"),
      );
      link(box, "events", DAY, "_sealed.json");
    },
    told: [DAY, "links of others are not followed"],
  },
  "lines that are none": {
    spoil: (box) =>
      put(
        box.path("events", PART),
        `${line("own")}{"event_id":"x\n\x1b[2J\n${line("two")}${"[".repeat(9_000_000)}\n`,
      ),
    told: ["3 corrupt lines among these, copied as they are", "at byte", "9000000 bytes long"],
    taken: ["own", "two"],
  },
  "an event type that would take for ever": {
    spoil: (box) =>
      put(
        box.path("events/_schema.json"),
        JSON.stringify({
          registry_version: 1,
          event_types: {
            "risk.slow": {
              version: 1,
              schema: { properties: { a: { type: "string", pattern: "^(a)\\1+$" } } },
              migrations: [],
            },
            "risk.fine": {
              version: 1,
              schema: { properties: { a: { type: "string", pattern: "^(a+)+$" } } },
              migrations: [],
            },
          },
        }),
      ),
    told: ["type risk.slow", "refers back to a group", "not registered", "type risk.fine"],
    taken: ["own"],
  },
  "event types that nest deep, and that name what they may not": {
    spoil: (box) => {
      const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
      const type = (schema: string, more = "") =>
        `{"version":1,"schema":${schema},"migrations":[]${more}}`;
      put(
        box.path("events/_schema.json"),
        `{"registry_version":1,"event_types":{"d.deep":{"version":1,"schema":{},"migrations":` +
          `[{"version":1,"steps":[{"default":"a","value":${deep}}]}]},"__proto__":${
            type("{}")
          },"a\x7f[2J":${type("{}")},` +
          `"b.deep":${type("{}", `,"description":${deep}`)},"c.fine":${type("{}")}}}`,
      );
    },
    told: [
      "type __proto__",
      "type a\\u007f[2J",
      "type d.deep: it nests more than 500 levels deep: not registered",
    ],
    taken: ["own"],
  },
  "a registry that nests deep": {
    spoil: (box) => put(box.path("events/_schema.json"), "[".repeat(1_000_000)),
    told: ["_schema.json"],
    taken: ["own"],
  },
  "a registry that is a pipe": {
    spoil: async (box) => {
      put(box.path("events/_schema.json"), "{}");
      await pipe(box, "events/_schema.json");
    },
    told: ["_schema.json", "it is a pipe"],
    taken: ["own"],
  },
  "a chain that is a pipe": {
    spoil: async (box) => {
      put(box.path("events/_chain.jsonl"), "");
      await pipe(box, "events/_chain.jsonl");
    },
    told: [],
    taken: ["own"],
  },
  "runs whose manifests are links, pipes, too large, or lead out": {
    spoil: async (box) => {
      const folder = join(box.folder, "box/runs/2026-01");
      for (const name of ["link", "pipe", "large", "out", "deep", "null"]) {
        put(join(folder, `run_id=${name}`, "run.json"), run(name));
      }
      Deno.removeSync(join(folder, "run_id=link/run.json"));
      Deno.symlinkSync("/etc/passwd", join(folder, "run_id=link/run.json"));
      const pipe = join(folder, "run_id=pipe/run.json");
      await shell(box, `rm '${pipe}'; mkfifo '${pipe}'`);
      await shell(box, `truncate -s 4G '${join(folder, "run_id=large/run.json")}'`);
      const out = JSON.parse(run("out"));
      out.artifacts = { trades: { rows: 1, path: "../../../../etc/passwd" } };
      put(join(folder, "run_id=out/run.json"), JSON.stringify(out));
      const deep = run("deep").replace("{}", `{},"parameters":${"[".repeat(100_000)}`);
      put(join(folder, "run_id=deep/run.json"), deep);
      put(join(folder, "run_id=null/run.json"), "null");
    },
    told: [
      "run_id=link",
      "run_id=pipe",
      "run_id=large",
      "run_id=out",
      "run_id=deep",
      "run_id=null",
    ],
    taken: ["own"],
  },
  "files of runs that are links, and whose names move the cursor": {
    spoil: (box) => {
      const folder = join(box.folder, "box/runs/2026-01/run_id=good");
      put(join(folder, "run.json"), run("good"));
      put(join(folder, "a\n\x1b[2Jb"), "x");
      Deno.symlinkSync("/etc/passwd", join(folder, "secret\x1b[31m\n"));
      put(box.path("artifacts/runs/r1/sum\x1b[2J\nmary.json"), "{}");
      Deno.symlinkSync("/etc/passwd", box.path("artifacts/runs/r1/secret"));
      Deno.symlinkSync("/etc", box.path("artifacts/runs/r2"));
    },
    told: [
      "2026-01/run_id=good/secret\\u001b[31m\\u000a: it is a link",
      "artifacts/runs/r1/secret: it is a link",
      "artifacts/runs/r1/sum\\u001b[2J\\u000amary.json",
    ],
    taken: ["own"],
  },
};

async function makeBox(bench: Bench): Promise<Box> {
  const box: Box = {
    ...bench,
    path: (...names) => join(bench.folder, "box/data/ledger", ...names),
    pull: (words = "") => survives(bench, `pull box --as box ${words}`),
  };
  put(box.path("events", PART), line("own"));
  put(join(bench.folder, "own.ndjson"), line("here"));
  const { code, stderr } = await shell(box, `"$B" emit --stdin < own.ndjson`);
  assertEquals(code, 0, stderr);
  return box;
}

async function idsOf(box: Box): Promise<string[]> {
  const { code, stdout, stderr } = await shell(box, `"$B" log --format ndjson`);
  assert(code === 0 || code === 3, stderr);
  return stdout.split("\n").filter(Boolean).map((text) => JSON.parse(text).event_id).sort();
}

/** All of them take a minute; which are taken in a plain run, the seed says. */
const SAMPLE = 7;

function casesToTry(): [string, Case][] {
  const cases = Object.entries(CASES);
  if (IS_FULL) return cases;
  const first = TEST_SEED % cases.length;
  return Array.from({ length: SAMPLE }, (_, nth) => cases[(first + 4 * nth) % cases.length]);
}

for (const [name, { spoil, told, taken = [] }] of casesToTry()) {
  binaryTest(`pull survives ${name}`, async (bench) => {
    const box = await makeBox(bench);
    await spoil(box);
    const theirs = contentsOf(join(box.folder, "box"));
    const dry = await box.pull("--dry-run");
    const { code, stdout, stderr } = await box.pull();
    assertEquals(code, told.length === 0 ? 0 : 3, stdout + stderr);
    assertEquals(dry.code, code);
    for (const text of told) assertStringIncludes(stdout, text);
    assertEquals(await idsOf(box), ["here", ...taken].sort());
    assertEquals(contentsOf(join(box.folder, "box")), theirs);
    const own = contentsOf(box.folder);
    assert(![...own.values()].some((text) => text.includes("root:x:0:0")), SECRET);
    // Only the two folders of ours were written to.
    const places = [...Deno.readDirSync(box.folder)].map(({ name }) => name);
    const expected = ["box", "data", "elsewhere", "own.ndjson", "runs"];
    assertEquals(places.filter((place) => !expected.includes(place)), []);
    // What was taken is whole, and another writer goes on after it.
    const after = await shell(box, `"$B" emit run.started --run-id r2`);
    assertEquals(after.code, 0, after.stderr);
    assertEquals((await idsOf(box)).length, taken.length + 2);
  });
}
