/** What a run pays for evidence of its data: digests, rows and time ranges of gigabytes. */
import { join } from "@std/path";
import { runProcess } from "../build/process.ts";
import { type Bench, LeftOut, ratioAtMost } from "./bench.ts";
import { compileHello } from "./emit_process.ts";
import { buildIfMissing, EXECUTABLE, isCurrent, secondsOf } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const MB = 1_000_000;
const FILE_BYTES = 250 * MB;
const FILE_BYTES_QUICK = 50 * MB;
const FILES = 8;

/** Inputs are read again each time: what is kept of them would make it free. */
const CREATE = [EXECUTABLE, "runs", "create", "--run-type", "policy", "--rehash"];

/** The executable's `runs create` beside `sha256sum` of the same files. */
export const inputHash: Bench = {
  name: "input.hash",
  shows: "runs create --input of 2 GB in 8 files, whole process, beside sha256sum of them",
  async run({ folder, quick, rounds, say }) {
    needExecutable(say);
    const file_bytes = quick ? FILE_BYTES_QUICK : FILE_BYTES;
    const figures = [];
    for (const [name, fill] of [["input.hash", anyBytes], ["input.hash.csv", bars]] as const) {
      const files = putFiles(folder, FILES, name.endsWith("csv") ? "csv" : "bin", file_bytes, fill);
      const seconds = await inRounds(rounds, {
        ours: () => secondsOf([...CREATE, "--no-git", "--input", ...files], folder),
        beside: () => secondsOf(["sha256sum", ...files], folder),
      });
      figures.push(figure({ name, unit: "s", ...seconds, goal: ratioAtMost(0.6) }));
      for (const file of files) Deno.removeSync(join(folder, file));
    }
    return figures;
  },
};

/** A whole `runs create` in a repository beside the programs that it stands for. */
export const runsCreate: Bench = {
  name: "runs.create",
  shows: "runs create with git and 1 GB of inputs beside a compiled console.log + git status + " +
    "sha256sum, one after the other",
  async run({ folder, quick, rounds, say }) {
    needExecutable(say);
    const hello = compileHello(folder);
    const repository = join(folder, "repository");
    Deno.mkdirSync(repository);
    putRepository(repository);
    const file_bytes = quick ? FILE_BYTES_QUICK : FILE_BYTES;
    const files = putFiles(repository, 4, "bin", file_bytes, anyBytes);
    const seconds = await inRounds(rounds, {
      ours: () => secondsOf([...CREATE, "--input", ...files], repository),
      beside: async () => {
        let sum = 0;
        for (const command of [[hello], ["git", "status"], ["sha256sum", ...files]]) {
          sum += await secondsOf(command, repository);
        }
        return sum;
      },
    });
    return [figure({ name: "runs.create", unit: "s", ...seconds, goal: ratioAtMost(1.5) })];
  },
};

function needExecutable(say: (words: string) => void): void {
  const missing = buildIfMissing();
  if (missing) throw new LeftOut(`there is no executable, and the build says: ${missing}`);
  if (!isCurrent(EXECUTABLE)) say("the executable is older than the sources");
}

/** Files of a size; their names. */
function putFiles(
  folder: string,
  count: number,
  kind: string,
  file_bytes: number,
  fill: (at: number) => Uint8Array,
): string[] {
  return Array.from({ length: count }, (_, at) => {
    const name = `input-${at}.${kind}`;
    using file = Deno.openSync(join(folder, name), { write: true, create: true, truncate: true });
    for (let piece = 0, bytes = 0; bytes < file_bytes; piece++) {
      bytes += file.writeSync(fill(piece));
    }
    return name;
  });
}

const noise = new Uint8Array(1 << 20);
for (let at = 0; at < noise.length; at += 65_536) {
  crypto.getRandomValues(noise.subarray(at, at + 65_536));
}

function anyBytes(): Uint8Array {
  return noise;
}

/** Minute bars of symbols, as CSV. */
function bars(piece: number): Uint8Array {
  const rows = Array.from({ length: 10_000 }, (_, row) => {
    const close = (100 + (row % 977) / 100).toFixed(4);
    const ts_ms = 1_700_000_000_000 + (piece * 10_000 + row) * 60_000;
    return `${ts_ms},SYM${row % 50},${close},${close},${close},${close},${row * 7 % 5000}\n`;
  });
  const header = piece === 0 ? "ts_ms,symbol,open,high,low,close,volume\n" : "";
  return new TextEncoder().encode(header + rows.join(""));
}

/** A repository of the size of a lab's code, with one change. */
function putRepository(folder: string): void {
  for (let at = 0; at < 500; at++) {
    const path = join(folder, "src", `room-${at % 20}`);
    Deno.mkdirSync(path, { recursive: true });
    Deno.writeTextFileSync(join(path, `file-${at}.py`), `print(${at})\n`.repeat(50));
  }
  Deno.writeTextFileSync(join(folder, ".gitignore"), "*.bin\ndata/\nruns/\n");
  const git = (...args: string[]) => {
    const name = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    const { ok, stderr } = runProcess("git", [...name, ...args], { cwd: folder });
    if (!ok) throw new LeftOut(`there is no git to compare with: ${stderr.trim()}`);
  };
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "The lab");
  Deno.writeTextFileSync(join(folder, "src", "room-0", "file-0.py"), "print('changed')\n");
}
