/**
 * DuckDB is native code: what it throws where nothing catches it ends the process with SIGABRT. Here it
 * is denied files and descriptors, and each command has to end in a sentence; and where the process was
 * aborted all the same, the next start has to heal what it left.
 */
import { IS_FULL } from "../harness.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { runs } from "../crash/power/power.ts";
import { type Bench, binaryTest, type Outcome, runProgram } from "./binary.ts";

/** Commands that open databases to read, to build, and to copy. */
const COMMANDS = [
  ["query", "select count(*) from latest_runs"],
  ["query", "--db", "catalog", "select count(*) from trades"],
  ["rebuild", "--full"],
  ["runs", "sync", "--full"],
  ["runs", "compact", "--month", new Date().toISOString().slice(0, 7)],
  ["trace", "query", "--type", "FILL", "--limit", "1"],
];

let template: string | undefined;
globalThis.addEventListener("unload", () => {
  if (template !== undefined) Deno.removeSync(template, { recursive: true });
});

/** The demo's lab, which is made once. */
async function makeLab(bench: Bench): Promise<void> {
  if (template === undefined) {
    template = Deno.makeTempDirSync({ prefix: "ledger-lab-" });
    const { code, stderr } = await runProgram(bench.binary, ["demo"], template);
    assertEquals(code, 0, stderr);
  }
  assert(runs("cp", ["-r", `${template}/.`, bench.folder]));
}

/** What the system gives the executable; nothing else of ours reaches it. */
function runUnder(bench: Bench, program: string, args: string[]): Promise<Outcome> {
  const home = { HOME: bench.folder, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" };
  return runProgram(program, args, bench.folder, home);
}

/** Runs a command while strace does something to the files that it opens. */
function straced(bench: Bench, args: string[], command: string[]): Promise<Outcome> {
  const tracing = ["-f", "-o", "/dev/null", "-e", "trace=openat", ...args];
  return runUnder(bench, "strace", [...tracing, bench.binary, ...command]);
}

function assertToldInASentence({ code, stderr }: Outcome, what: string): void {
  assert([0, 1, 2, 3, 75].includes(code), `${what}: exit ${code}\n${stderr}`);
  if (code === 1) assertMatch(stderr, /^error: /m, what);
  assert(!/terminate called|panicked|^ +at /m.test(stderr), `${what}: ${stderr}`);
}

/** The limits that a control group may have on memory, which DuckDB would look at. */
function memoryLimits(): string[] {
  const groups = Deno.readTextFileSync("/proc/self/cgroup").trim().split("\n");
  return groups.flatMap((line) => {
    const [, controllers, path] = line.split(":");
    if (controllers === "") return [join("/sys/fs/cgroup", path, "memory.max")];
    return controllers.includes("memory")
      ? [join("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes")]
      : [];
  });
}

binaryTest(
  "where the control group cannot be read, DuckDB works and does not abort",
  async (bench) => {
    await makeLab(bench);
    const denied = ["/proc/self/cgroup", ...memoryLimits()].flatMap((path) => ["-P", path]);
    for (const command of COMMANDS) {
      for (const error of ["EACCES", "EMFILE"]) {
        const inject = `inject=openat:error=${error}`;
        const ended = await straced(bench, [...denied, "-e", inject], command);
        assertEquals(ended.code, 0, `${command.join(" ")}: ${ended.stderr}`);
      }
    }
  },
  { strace: true },
);

binaryTest("whichever file DuckDB cannot open, the command ends in a sentence", async (bench) => {
  await makeLab(bench);
  for (const [n, command] of COMMANDS.entries()) {
    // The first forty or so are the runtime's own. A few of the rest, others for each command.
    const all = Array.from(
      { length: IS_FULL ? 120 : 3 },
      (_, k) => 40 + (IS_FULL ? k : k * 7 + n),
    );
    for (const k of all) {
      for (const error of IS_FULL ? ["EACCES", "EMFILE", "EIO"] : ["EACCES"]) {
        const ended = await straced(
          bench,
          ["-e", `inject=openat:error=${error}:when=${k}`],
          command,
        );
        assertToldInASentence(ended, `${command.join(" ")}, ${error} at open ${k}`);
      }
    }
  }
}, { strace: true });

binaryTest(
  "a process that DuckDB aborts while it builds leaves what the next start heals",
  async (bench) => {
    await makeLab(bench);
    const index = join(bench.folder, "data/ledger/index");
    const before = await bench.ledger(["query", "--json", "from events order by event_id"]);
    const kills: [string, string][] = [
      [".ledger-building/building.duckdb", "rebuild"],
      [".ledger-building/building.duckdb.wal", "rebuild"],
      [".ledger-building/building.duckdb.wal", "runs sync"],
    ];
    for (const [file, command] of kills) {
      const words = [...command.split(" "), "--full"];
      const args = ["-P", join(index, file), "-e", "inject=openat:signal=SIGABRT"];
      const aborted = await straced(bench, args, words);
      assertEquals(aborted.code, 134, `${command} was not aborted at ${file}: ${aborted.stderr}`);
      // Who reads meanwhile has the last good index.
      const read = await bench.ledger(["query", "--json", "from events order by event_id"]);
      assertEquals([read.code, read.stdout], [0, before.stdout], read.stderr);
      const healed = await bench.ledger(words);
      assertEquals(healed.code, 0, healed.stderr);
      const names = [...Deno.readDirSync(index)].map(({ name }) => name);
      assertEquals(
        names.filter((name) => name.includes("building") || name.endsWith(".wal")),
        [],
      );
    }
    const after = await bench.ledger(["query", "--json", "from events order by event_id"]);
    assertEquals(after.stdout, before.stdout);
    assertEquals((await bench.ledger(["verify", "--deep"])).code, 0);
  },
  { strace: true },
);

binaryTest("with hardly a descriptor left, the command ends in a sentence", async (bench) => {
  await makeLab(bench);
  for (const [n, command] of COMMANDS.entries()) {
    // With less than these, the runtime itself does not start.
    for (let limit = 13 + (IS_FULL ? 0 : n % 3); limit <= 28; limit += IS_FULL ? 1 : 7) {
      const script = `ulimit -n ${limit}; exec "$0" "$@"`;
      const ended = await runUnder(bench, "sh", ["-c", script, bench.binary, ...command]);
      assertToldInASentence(ended, `${command.join(" ")} with ${limit} descriptors`);
    }
  }
});

binaryTest("logging to a place out of reach is refused, and does not abort", async (bench) => {
  await makeLab(bench);
  for (const path of ["/etc/ledger.log", "/proc/1/x", "/nowhere/x", "data/ledger/x"]) {
    const sql = `from enable_logging(storage = 'file', storage_path = '${path}')`;
    const { code, stdout, stderr } = await bench.ledger(["query", sql]);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, /a query may not call enable_logging: it writes files/);
  }
});
