/** The executable of 0.1.0, built from the commit that it was released from. */
import { IS_FULL } from "../harness.ts";
import { join } from "@std/path";
import { can_compile, PROJECT, runProgram } from "./binary.ts";

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

/** Why there is none here; undefined where there is one. */
export function lacksOldBinary(): string | undefined {
  if (named) return undefined;
  if (!IS_FULL) return "it runs with deno task test --full";
  if (!can_compile) return "DENO_COMPILE and DENORT_BIN are not set";
  return hasCommit() ? undefined : `this checkout does not have commit ${COMMIT}`;
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
