/** The executable, which may run git alone: what it keeps of the code, and the commands that it prints. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { commitAll, git, GIT_ENV, putFiles } from "../runs/repositories.ts";
import { binaryTest, runProgram } from "./binary.ts";

binaryTest(
  "what was not committed is kept without secrets, and comes back by the printed commands",
  async (bench) => {
    const lab = join(bench.folder, "lab");
    Deno.mkdirSync(join(lab, "sub"), { recursive: true });
    await commitAll(lab, { "run.sh": "echo 1\n", "prices.csv": "ts_ms,close\n1,2\n" });
    await git(lab, "config", "core.fsmonitor", "touch ran; false");
    await git(lab, "config", "diff.external", "touch ran; false");
    putFiles(lab, {
      "run.sh": 'printf "%s $TZ" "$1" > out\n',
      "new.bin": "\0\x01",
      ".env": "KEY=x\n",
      "key.py": 'api_key = "AKIAIOSFODNN7EXAMPLE"\n',
    });
    const env = { HOME: bench.folder, PATH: Deno.env.get("PATH")!, ...GIT_ENV, TZ: "Asia/Tokyo" };
    const ledger = (...args: string[]) => runProgram(bench.binary, args, lab, env);
    const created = await ledger(
      ...["runs", "create", "--run-type", "policy", "--run-id", "r", "--input", "prices.csv"],
      ...["--json", "--", "sh", "run.sh", "it's"],
    );
    assertEquals(created.code, 0, created.stderr);
    assertEquals(created.stderr, "masked, since it looks like a secret: 1 line of the patch\n");
    const folder = join(lab, JSON.parse(created.stdout).folder);
    const patch = Deno.readTextFileSync(join(folder, "provenance", "diff.patch"));
    assert(!patch.includes("AKIA"), patch);
    assertEquals(Deno.statSync(join(folder, "provenance", "diff.patch")).mode! & 0o777, 0o600);
    const printed = await ledger("runs", "rerun", "r");
    assertEquals([printed.code, printed.stderr], [0, ""]);
    assertEquals(printed.stdout.split("\n").slice(0, 4), [
      "# not brought back of run r:",
      "# - .env (untracked): its name says that secrets are in it",
      "# - key.py: 1 line that looked like a secret, masked as [masked]",
      "set -e",
    ]);
    const fresh = join(bench.folder, "fresh");
    Deno.mkdirSync(fresh);
    const again = await runProgram("sh", ["-c", printed.stdout], fresh, env);
    assertEquals([again.code, again.stderr], [0, ""], printed.stdout);
    const back = (path: string) => Deno.readTextFileSync(join(fresh, "rerun-r", path));
    assertEquals(back("out"), "it's Asia/Tokyo");
    for (const path of ["run.sh", "new.bin", "prices.csv"]) {
      assertEquals(back(path), Deno.readTextFileSync(join(lab, path)), path);
    }
    assert(![...Deno.readDirSync(lab)].some(({ name }) => name === "ran"));
  },
);
