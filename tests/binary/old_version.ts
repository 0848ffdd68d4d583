/** The executable of 0.1.0, built from the commit that it was released from. */
import { IS_FULL } from "../harness.ts";
import { join } from "@std/path";
import { type Bench, binaryTest, PROJECT, runProgram } from "./binary.ts";

/** The commit of 0.1.0. */
const COMMIT = "7a9c192";

/** An executable that is there already: LEDGER_OLD_BINARY. */
const named = Deno.env.get("LEDGER_OLD_BINARY");

function hasCommit(): boolean {
  const args = ["cat-file", "-e", `${COMMIT}^{commit}`];
  const options = { args, cwd: PROJECT, stdout: "null", stderr: "null" } as const;
  try {
    return new Deno.Command("git", options).outputSync().success;
  } catch {
    return false;
  }
}

/** A test of this version beside that one, which takes as long as a build: the full test's alone. */
export function oldVersionTest(name: string, body: (bench: Bench) => Promise<void>): void {
  if (named || IS_FULL && hasCommit()) binaryTest(name, body);
  else if (IS_FULL) console.log(`left out: "${name}", since this checkout lacks commit ${COMMIT}`);
}

/** Builds 0.1.0 in a folder; the path of its executable. */
export async function oldBinary(folder: string): Promise<string> {
  if (named) return named;
  const source = join(folder, "0.1.0");
  Deno.mkdirSync(join(source, "dist"), { recursive: true });
  const must = async (program: string, args: string[], cwd: string) => {
    const { code, stderr } = await runProgram(program, args, cwd);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  };
  const packed = join(folder, "0.1.0.tar");
  await must("git", ["archive", "--output", packed, COMMIT], PROJECT);
  await must("tar", ["xf", packed], source);
  // The library is the same: compressing it takes half a minute.
  const cache = join(PROJECT, "dist", ".cache");
  await runProgram("cp", ["-r", cache, join(source, "dist")], PROJECT);
  await must(Deno.execPath(), ["run", "-A", join(source, "scripts", "build.ts")], source);
  return join(source, "dist", "ledger");
}
