/** Readers of what may come from anywhere, each with an input that is right, to be changed at random. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { openOwn, withOpenFile } from "../../../src/base/files/durable.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { tarMembers } from "../../../src/base/tar.ts";
import { EmitCheck } from "../../../src/log/event/emit_check.ts";
import { chainPath, readChain } from "../../../src/log/format/chain.ts";
import { BadLine, validate } from "../../../src/log/event/validate.ts";
import { ledgerPaths } from "../../../src/log/format/layout.ts";
import { LogCursor } from "../../../src/log/read/cursor.ts";
import {
  readReplicationState,
  replicationStatePath,
  writeReplicationState,
} from "../../../src/log/pull/replication_state.ts";
import { readRegistry, readRegistryFile } from "../../../src/log/event/registry.ts";
import { readSealed, sealedPath } from "../../../src/log/format/seal_manifest.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { ArtifactInput } from "../../../src/runs/artifacts/input.ts";
import { RowChecker } from "../../../src/runs/artifacts/row_checker.ts";
import { artifactDefinition } from "../../../src/runs/artifacts/definitions.ts";
import { listPath, readCompacted } from "../../../src/runs/catalog/month_files.ts";
import { MetricPoints } from "../../../src/runs/metrics/points.ts";
import { recordOf } from "../../../src/runs/metrics/record.ts";
import { manifestText, parseManifest } from "../../../src/runs/manifest/manifest.ts";
import { readSegment } from "../../../src/trace/store/wal_read.ts";
import type { Random } from "../../laws/random.ts";
import { linesOfRun, tracedLines } from "../every_kind.ts";
import { mutatedBytes, mutatedJson } from "./mutation.ts";
import { inputOf, memoryFolder, testWorld } from "../../harness.ts";

/** A reader under test. */
export interface FuzzTarget {
  /** An input of its kind, most often one that is wrong. */
  input(random: Random): Uint8Array;
  /** Reads it. What it throws has to be an error of ours. */
  read(bytes: Uint8Array): void | Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const DAY = "2026-01-23";
const METRICS_RECORD = '{"series":[["loss",3,[0,1],"AAAAAAAA4D8AAAAAAADQPwAAAAAAAMA/",' +
  '[null,1767225600000,1767225600250]],["lr",1,[7],"AAAAAAAA8D8="]],"total":4}';
const NOON_MS = Date.parse(`${DAY}T12:00:00Z`);
const PACKED_DAY = "2026-01-24";
const LINES_DAY = "2026-01-25";
const MONTH = "2026-01";

/** A ledger in memory whose files the targets break one at a time. */
export class FuzzLab implements Disposable {
  readonly #folder = memoryFolder();
  readonly world = testWorld({ now_ms: () => NOON_MS + 50 * 86_400_000 });
  readonly dir = join(this.#folder.path, "ledger");
  readonly runs_dir = join(this.#folder.path, "runs");

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  ledger(): Ledger {
    return new Ledger({ dir: this.dir, runs_dir: this.runs_dir, world: this.world });
  }

  /** An archived day, a packed one and a sealed one; a type of its own; a segment of traces. */
  async fill(): Promise<void> {
    await using ledger = this.ledger();
    await ledger.emitLines(linesOfRun("r1", NOON_MS).trimEnd().split("\n"));
    for (const day of [PACKED_DAY, LINES_DAY]) {
      const lines = linesOfRun(`r-${day}`, Date.parse(`${day}T12:00:00Z`));
      await ledger.emitLines(lines.trimEnd().split("\n"));
    }
    await ledger.registerType("risk.breached", {
      type: "object",
      required: ["level"],
      properties: { level: { type: "string", minLength: 1 } },
    });
    await ledger.migrateType("risk.breached", [{ rename: "level", to: "severity" }]);
    await ledger.emit({ event_type: "risk.breached", severity: "x", timestamp_ms: NOON_MS });
    await ledger.upkeep.seal();
    await ledger.upkeep.compact({ before_day: LINES_DAY, all: true });
    await ledger.upkeep.retain({ days: 49, archive: join(this.dir, "archive") });
    await ledger.traces.ingest(inputOf(tracedLines("c1", ["s1", "o1", "f1"])));
  }
}

/** Bytes of a file changed at random, or its JSON where it holds some. */
function changed(sample: Uint8Array, is_json = false): FuzzTarget["input"] {
  const value = is_json ? JSON.parse(decoder.decode(sample)) : undefined;
  return (random) => {
    if (!is_json || random.chance(0.5)) return mutatedBytes(random, sample);
    return encoder.encode(JSON.stringify(mutatedJson(random, value)) ?? "");
  };
}

/** One line of several, changed. */
function changedLine(sample: Uint8Array): FuzzTarget["input"] {
  const lines = decoder.decode(sample).trimEnd().split("\n");
  return (random) => {
    if (random.chance(0.5)) return mutatedBytes(random, sample);
    const at = random.below(lines.length);
    const line = JSON.stringify(mutatedJson(random, JSON.parse(lines[at])));
    return encoder.encode(lines.with(at, line).join("\n") + "\n");
  };
}

/** All targets, on a lab that is filled. */
export function fuzzTargets(lab: FuzzLab): Record<string, FuzzTarget> {
  const { world, dir } = lab;
  const { files } = world;
  const put = (path: string, bytes: Uint8Array) => {
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeFileSync(path, bytes);
  };
  /** Puts the input in the place of a file for as long as it is read. */
  const inPlace = (path: string, read: () => void | Promise<void>): FuzzTarget["read"] => {
    const before = files.facts(path) ? files.readBytes(path) : undefined;
    return async (bytes) => {
      put(path, bytes);
      try {
        await read();
      } finally {
        if (before) put(path, before);
        else Deno.removeSync(path);
      }
    };
  };
  const part = join(dir, "events", `day=${LINES_DAY}`, "part-000001.jsonl");
  const packed = join(dir, "events", `day=${PACKED_DAY}`, "part-000001.parquet");
  const archive = join(dir, "archive", `ledger-${DAY}.tar`);
  const registry = ledgerPaths(dir).schema;
  const check = new EmitCheck(world, readRegistry(world, dir));
  const verify = async () => {
    await using ledger = lab.ledger();
    await ledger.verify({ deep: true });
  };
  const sample_of = (path: string) => files.readBytes(path);
  const pulled = encoder.encode(JSON.stringify({
    version: 1,
    hosts: {
      box: {
        dir: "/box",
        named_by: "flag",
        parts: {
          [`day=${DAY}/part-000001.jsonl`]: {
            bytes: 10,
            sha256: "0".repeat(64),
            here: [{ part: `day=${DAY}/part-000001.box.jsonl`, from: 0, to: 10 }],
            seen: { box: "1:2 3 4" },
          },
        },
        files: { "artifacts/runs/a/config.json": "1:2 3 4" },
      },
    },
  }));
  const manifest = encoder.encode(JSON.stringify(MANIFEST));
  const manifest_path = "run.json";
  const segment = [...Deno.readDirSync(join(dir, "traces", "_wal"))]
    .map(({ name }) => join(dir, "traces", "_wal", name)).find((path) => path.endsWith(".jsonl"))!;
  const list = join(lab.runs_dir, listPath(MONTH));
  const list_text = encoder.encode(
    JSON.stringify({
      files: {
        trades: {
          path: "2026-01/_compacted/trades-1-ab.parquet",
          rows: 1,
          bytes: 9,
          sha256: "a",
          runs: { r1: "b" },
        },
      },
      previous: ["2026-01/_compacted/trades-1-aa.parquet"],
    }),
  );

  return {
    "a line": {
      input: changed(encoder.encode(LINE), true),
      read(bytes) {
        const text = decoder.decode(bytes);
        const judged = validate(text, bytes.length);
        if (judged instanceof BadLine) return;
        // What is valid stays so when another program writes it anew.
        const anew = JSON.stringify(judged);
        const again = validate(anew, encoder.encode(anew).length);
        assert(!(again instanceof BadLine), `${anew}: ${(again as BadLine).reason}`);
        assertEquals(again.event_id, judged.event_id);
      },
    },
    "a line to emit": {
      input: changed(encoder.encode(LINE), true),
      async read(bytes) {
        const ready = check.fromLine(decoder.decode(bytes));
        if (!ready.ok) throw await ready.explain();
        const judged = validate(ready.line, encoder.encode(ready.line).length);
        assert(!(judged instanceof BadLine), "what is written cannot be read");
        assertEquals(judged.event_id, ready.event_id);
      },
    },
    "lines of a part": {
      input: changedLine(sample_of(part)),
      read: inPlace(part, async () => {
        let bytes = 0;
        for await (const record of new LogCursor(world, dir).pass()) bytes += record.size_bytes;
        assert(bytes > 0);
      }),
    },
    "a packed part": {
      input: changed(sample_of(packed)),
      read: inPlace(packed, verify),
    },
    "the registry": {
      input: changed(sample_of(registry), true),
      read: inPlace(registry, () => {
        const read = readRegistry(world, dir);
        const event = { event_id: "e", event_type: "risk.breached", timestamp_ms: 1, level: "x" };
        read.problemOf(event);
        read.upcast(event);
        const file = readRegistryFile(world, dir);
        put(registry, encoder.encode(JSON.stringify(file)));
        assertEquals(readRegistryFile(world, dir), file);
      }),
    },
    "the chain": {
      input: changedLine(sample_of(chainPath(dir))),
      read: inPlace(chainPath(dir), async () => {
        readChain(world, dir);
        await verify();
      }),
    },
    "the seals of a day": {
      input: changed(sample_of(sealedPath(dir, LINES_DAY)), true),
      read: inPlace(sealedPath(dir, LINES_DAY), async () => {
        readSealed(files, dir, LINES_DAY);
        await verify();
      }),
    },
    "what was pulled": {
      input: changed(pulled, true),
      read: inPlace(replicationStatePath(dir), () => {
        const read = readReplicationState(files, dir);
        writeReplicationState(world, dir, read);
        assertEquals(readReplicationState(files, dir), read);
      }),
    },
    "an archive": {
      input: changed(sample_of(archive)),
      read: inPlace(archive, () => withOpenFile(files, archive, (file) => void tarMembers(file))),
    },
    "an archive that is imported": {
      input: changed(sample_of(archive)),
      read: inPlace(archive, async () => {
        await using ledger = lab.ledger();
        await ledger.upkeep.importArchive(archive);
      }),
    },
    "a manifest": {
      input: changed(manifest, true),
      read(bytes) {
        const read = parseManifest(decoder.decode(bytes), manifest_path);
        assertEquals(parseManifest(manifestText(read, manifest_path), manifest_path), read);
      },
    },
    "a segment of traces": {
      input: changedLine(sample_of(segment)),
      read: inPlace(segment, () => {
        const file = openOwn(world.files, segment);
        try {
          readSegment(file, new Map());
        } finally {
          file.close();
        }
      }),
    },
    "a record of metrics": {
      input: changed(encoder.encode(METRICS_RECORD), true),
      read(bytes) {
        const points = new MetricPoints();
        for (
          const { name, steps, values, ts_ms } of recordOf(decoder.decode(bytes))?.series ?? []
        ) {
          assertEquals([values.length, ts_ms?.length ?? steps.length], [
            steps.length,
            steps.length,
          ]);
          points.addSeries({ name, steps, values, ts_ms });
        }
        points.sorted();
      },
    },
    "the list of a compacted month": {
      input: changed(list_text, true),
      read: inPlace(list, () => {
        const { files: named, previous } = readCompacted(world, lab.runs_dir, MONTH);
        for (const { path, rows, bytes, sha256, runs } of Object.values(named)) {
          assertEquals([typeof path, typeof rows, typeof bytes], ["string", "number", "number"]);
          assertEquals([typeof sha256, typeof runs], ["string", "object"]);
          for (const digest of Object.values(runs)) assertEquals(typeof digest, "string");
        }
        for (const name of previous) assertEquals(typeof name, "string");
      }),
    },
    "rows as CSV": rowsTarget("csv", TRADES_CSV),
    "rows as NDJSON": rowsTarget("ndjson", TRADES_NDJSON),
    "rows as JSON": rowsTarget("json", `[${TRADES_NDJSON.trimEnd()}]`),
  };
}

function rowsTarget(format: "csv" | "ndjson" | "json", sample: string): FuzzTarget {
  const definition = artifactDefinition("trades");
  const context = { definition, run_id: "r1", source: "standard input" };
  const is_json = format === "json";
  const read = async (stdin: Uint8Array) => {
    const world = testWorld({ stdin, files: systemFiles() });
    const checker = new RowChecker(context);
    const rows: unknown[] = [];
    await using input = await ArtifactInput.open(
      world,
      { stdin: true, format },
      context,
      "no file",
    );
    for await (const batch of input.rows()) {
      rows.push(...checker.check(batch));
    }
    return rows;
  };
  return {
    input: changed(encoder.encode(sample), is_json),
    async read(bytes) {
      const rows = await read(bytes);
      if (format === "csv" || rows.length === 0) return;
      // What was taken is taken again as it is stored.
      const anew = rows.map((row) => JSON.stringify(row, bigintsAsNumbers)).join(
        is_json ? "," : "\n",
      );
      assertEquals(
        (await read(encoder.encode(is_json ? `[${anew}]` : `${anew}\n`))).length,
        rows.length,
      );
    },
  };
}

function bigintsAsNumbers(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

const LINE =
  '{"event_type":"trial.recorded","run_id":"r1","trial_id":"t","params":{"a":[1.5,null]},' +
  `"metrics":{"b":"é😀"},"event_id":"e1","timestamp_ms":${NOON_MS}}`;
const TRADES_CSV =
  "call_id,entry_ts_ms,entry_px,exit_ts_ms,exit_px,exit_reason,realized_return_bps,stop_out," +
  "max_adverse_excursion_bps,time_exposed_ms,tail_capture\n" +
  'c1,1704067260000,1.0,1704070860000,1.5,"tar""get",5000,false,120,3600000,0.5\n' +
  "c2,1704067260001,1.0,1704070860000,1.5,stop,-5,true,120,3600000,\r\n";
const TRADES_NDJSON =
  '{"call_id":"c1","entry_ts_ms":1704067260000,"entry_px":1.0,"exit_ts_ms":1704070860000,' +
  '"exit_px":1.5,"exit_reason":"stop","realized_return_bps":5000,"stop_out":true,' +
  '"max_adverse_excursion_bps":120,"time_exposed_ms":3600000,"tail_capture":null}\n';
const MANIFEST = {
  run_id: "r1",
  run_type: "policy",
  created_at: "2026-01-17T15:52:24.273Z",
  completed_at: "2026-01-17T15:52:24.539Z",
  status: "completed",
  git_dirty: false,
  dataset: { from: "a", interval: "1m", calls_count: 3 },
  parameters: { policy: { kind: "stop", bps: [1, 2] } },
  schema_version: { manifest: "1.0.0", artifacts: "1.0.0" },
  artifacts: { trades: { rows: 1, path: "policy/trades.parquet", bytes: 9, sha256: "a" } },
  timing: { plan_ms: 1, total_ms: 2 },
  logs: { stdout: "logs/stdout.txt" },
  owner: { host: "h", pid: 1 },
  summary: { a: 1 },
};
