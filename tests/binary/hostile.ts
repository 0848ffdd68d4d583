/** What tests of hostile files share: the executable with little memory, and what it must never do. */
import { assert } from "@std/assert";
import { join } from "@std/path";
import type { Bench, Outcome } from "./binary.ts";

/** What the executable may take for its data, in KiB: it starts with some 500 MB, most of it V8's. */
const DATA_KIB_MAX = 1_000_000;
const PATIENCE_S = 60;

/** A shell in a bench's folder, with `$B` as the executable, which may take no more memory than this. */
export async function shell({ folder, binary }: Bench, script: string): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `ulimit -d ${DATA_KIB_MAX}; ${script}`],
    cwd: folder,
    env: { B: binary, HOME: folder, NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(2 * PATIENCE_S * 1000),
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs the executable on something hostile: it ends, with words of ours, whatever these are. */
export async function survives(bench: Bench, words: string): Promise<Outcome> {
  const outcome = await shell(bench, `timeout -k 5 ${PATIENCE_S} "$B" ${words}`);
  const { code, stdout, stderr } = outcome;
  const said = `${words}\n${stdout}${stderr}`;
  assert([0, 1, 2, 3].includes(code), `exit ${code}: ${said}`);
  assert(!/^\s+at .*(:\d+|native)/m.test(stderr) && !/Uncaught|panicked/.test(stderr), said);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(stdout + stderr), JSON.stringify(said));
  return outcome;
}

/** Files that are larger were made so; their sizes will do. */
const COMPARED_BYTES_MAX = 20_000_000;

/** All that stands below a folder, without what is no file: paths and contents. */
export function contentsOf(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) { for (const entry of contentsOf(path)) found.set(...entry); }
    else if (isFile) {
      const { size } = Deno.statSync(path);
      const is_small = size < COMPARED_BYTES_MAX;
      found.set(path, is_small ? Deno.readTextFileSync(path) : `${size} bytes`);
    }
  }
  return found;
}
