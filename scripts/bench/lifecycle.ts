/** What a log costs over the years: sealed, compacted, proven, built from what was compacted. */
import { join } from "@std/path";
import { alone, type Bench, type Figure, LeftOut, published, ratioAtMost } from "./bench.ts";
import { writeLog } from "./index_load.ts";
import { script, secondsOf, theProgram, timed, timedWithPeak } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const EVENTS = 1_000_000;
const EVENTS_QUICK = 100_000;
const BEFORE = "2026-02-01";
const DAYS = Array.from({ length: 10 }, (_, day) => `2026-01-${10 + day}`);

function events(quick: boolean): number {
  return quick ? EVENTS_QUICK : EVENTS;
}

/** The files of one kind in all days of the log below a folder. */
function filesOf(folder: string, ending: string): string[] {
  return DAYS.flatMap((day) => {
    const path = join(folder, "data", "ledger", "events", `day=${day}`);
    return Array.from(Deno.readDirSync(path), ({ name }) => join(path, name))
      .filter((name) => name.endsWith(ending)).sort();
  });
}

function sizeOf(files: string[]): number {
  return files.reduce((sum, file) => sum + Deno.statSync(file).size, 0);
}

/** `ledger compact` of sealed parts, read back and all, beside DuckDB writing the same columns. */
export const compact: Bench = {
  name: "compact",
  shows: "compact of a million sealed events, read back, beside DuckDB's COPY of the same table",
  async run({ folder, quick, rounds, say }) {
    const parts = writeLog(folder, events(quick));
    const before_bytes = sizeOf(parts);
    const gzip_bytes = await gzipBytes(folder, parts);
    const { command, description } = theProgram();
    say(description);
    await timed([...command, "seal"], { cwd: folder });
    await timed([...command, "compact", "--before", BEFORE], { cwd: folder });
    const packed = filesOf(folder, ".parquet");
    const after_bytes = sizeOf(packed);
    const table = join(folder, "table.duckdb");
    await timed(script("bare_copy.ts", "load", table, ...packed), { cwd: folder });
    const restoreAll = async () => {
      for (const day of DAYS) await timed([...command, "restore", day], { cwd: folder });
    };
    await restoreAll();
    const durations = await inRounds(Math.min(rounds, 5), {
      async ours() {
        const taken = await secondsOf([...command, "compact", "--before", BEFORE], folder);
        await restoreAll();
        return taken;
      },
      beside: () => secondsOf(script("bare_copy.ts", "copy", table), folder),
    });
    return [
      figure({ name: "compact", unit: "s", ...durations, goal: ratioAtMost(2.5) }),
      {
        ...alone("compact.size", after_bytes / 1e6, "MB", published),
        beside: gzip_bytes / 1e6,
        ratio: after_bytes / gzip_bytes,
        goal: ratioAtMost(1).text,
        holds: after_bytes <= gzip_bytes,
        before_mb: before_bytes / 1e6,
      },
    ];
  },
};

async function gzipBytes(folder: string, files: string[]): Promise<number> {
  const shell = 'gzip -6 -c "$@" | wc -c';
  const { stdout } = await timed(["/bin/sh", "-c", shell, "sh", ...files], {
    cwd: folder,
    stdout: "piped",
  });
  return Number(stdout);
}

/** `ledger verify --deep` over sealed parts beside `sha256sum` of the same files. */
export const verifyDeep: Bench = {
  name: "verify.deep",
  shows: "verify --deep of a million sealed events beside sha256sum of the same files",
  async run({ folder, quick, rounds, say }) {
    const parts = writeLog(folder, events(quick));
    const bytes = sizeOf(parts);
    const { command, description } = theProgram();
    say(description);
    await timed([...command, "seal"], { cwd: folder });
    const durations = await inRounds(rounds, {
      ours: () => secondsOf([...command, "verify", "--deep"], folder),
      beside: () => secondsOf(["sha256sum", ...parts], folder),
    });
    const measured = figure({
      name: "verify.deep",
      unit: "s",
      ...durations,
      goal: ratioAtMost(1.5),
    });
    return [
      measured,
      alone("verify.deep.rate", bytes / 1e9 / measured.ours, "GB/s", published),
    ];
  },
};

/** A full rebuild from Parquet beside one from the lines themselves. */
export const rebuildCompacted: Bench = {
  name: "rebuild.compacted",
  shows: "rebuild --full of a million compacted events beside the same from their lines",
  async run({ folder, quick, rounds, say }) {
    const { command, description } = theProgram();
    say(description);
    const [packed, lines] = [join(folder, "packed"), join(folder, "lines")];
    for (const each of [packed, lines]) {
      Deno.mkdirSync(each);
      writeLog(each, events(quick));
    }
    await timed([...command, "compact", "--before", BEFORE], { cwd: packed });
    const durations = await inRounds(Math.min(rounds, 5), {
      ours: () => secondsOf([...command, "rebuild", "--full"], packed),
      beside: () => secondsOf([...command, "rebuild", "--full"], lines),
    });
    return [
      figure({ name: "rebuild.compacted", unit: "s", ...durations, goal: ratioAtMost(0.8) }),
    ];
  },
};

const SCALES = { "1M": 1_000_000, "3M": 3_000_000, "10M": 10_000_000 };
const STEPS: Readonly<Record<string, string[]>> = {
  status: ["status"],
  verify: ["verify"],
  rebuild: ["rebuild", "--full"],
  query: ["query", "select count(*), avg(recorded_at_ms) from trial_results"],
  seal: ["seal"],
  "verify.deep": ["verify", "--deep"],
  compact: ["compact", "--before", BEFORE],
  "rebuild.compacted": ["rebuild", "--full"],
  "status.compacted": ["status"],
};

/** One, three and ten million events: does time stay in proportion, and memory where it is? */
export const scale: Bench = {
  name: "scale",
  shows: "every step at one, three and ten million events: time beside its share, and memory",
  async run({ folder, quick, say }) {
    if (quick) throw new LeftOut("it takes many minutes");
    const { command, description } = theProgram();
    say(description);
    const figures: Figure[] = [];
    const first = new Map<string, number>();
    for (const [size, count] of Object.entries(SCALES)) {
      const at = join(folder, size);
      Deno.mkdirSync(at);
      const parts = writeLog(at, count);
      figures.push(alone(`scale.lines.${size}`, sizeOf(parts) / 1e6, "MB", published));
      for (const [step, args] of Object.entries(STEPS)) {
        const { duration_ms, peak_mb } = await timedWithPeak([...command, ...args], { cwd: at });
        const ours = duration_ms / 1000;
        const beside = (first.get(step) ?? ours) * count / SCALES["1M"];
        if (!first.has(step)) first.set(step, ours);
        figures.push({
          ...alone(`scale.${step}.${size}`, ours, "s", published),
          beside,
          ratio: ours / beside,
        });
        figures.push(alone(`scale.${step}.${size}.memory`, peak_mb, "MB", published));
      }
      const packed = sizeOf(filesOf(at, ".parquet"));
      figures.push(alone(`scale.parquet.${size}`, packed / 1e6, "MB", published));
      Deno.removeSync(at, { recursive: true });
    }
    return figures;
  },
};
