import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runs } from "../crash/power/power.ts";
import { type Outcome, PROJECT, runBuild, runProgram } from "./binary.ts";

/**
 * Whether executables can be built here: without a download, or since one was built before. That one has
 * left its compressed library, which takes half a minute to make.
 */
const can_build = Deno.env.has("DENORT_BIN") || runs("ls", [join(PROJECT, "dist", ".cache")]);
if (!can_build) {
  console.log("left out: tests of the build (deno task compile, and they can be run)");
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "ledger-build-" });
  try {
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function assertToldClearly({ code, stderr }: Outcome, ...said: string[]): void {
  assertEquals(code, 1, stderr);
  for (const text of said) assertStringIncludes(stderr, text);
  assertEquals(/^\s+at /m.test(stderr), false, `a stack trace:\n${stderr}`);
}

const WRONG: { what: string; args?: string[]; env?: Record<string, string>; says: string[] }[] = [
  { what: "an unknown option", args: ["--leger", "x"], says: ["--leger", "[--ledger DIR]"] },
  { what: "an empty folder name", args: ["--ledger", ""], says: ["--ledger is empty"] },
  {
    what: "a runtime base that is not there",
    env: { DENORT_BIN: "/nowhere/denort" },
    says: ['DENORT_BIN is "/nowhere/denort", and no such file is there', "unset it"],
  },
  {
    what: "a compiler that is not there",
    env: { DENO_COMPILE: "/nowhere/deno" },
    says: ['DENO_COMPILE is "/nowhere/deno", and no such file is there', "unset it"],
  },
];

for (const { what, args = [], env = {}, says } of WRONG) {
  Deno.test(`the build tells ${what} without a stack trace`, () =>
    withFolder(async (out) => {
      assertToldClearly(await runBuild(["--out", out, ...args], env), ...says);
      assertEquals(Array.from(Deno.readDirSync(out)), []);
    }));
}

/** A compiler that fails, or makes something that does, as the real one has been seen to. */
const COMPILERS: { what: string; script: string; says: string[] }[] = [
  {
    what: "cannot download the runtime base",
    script: `cat >&2 <<'END'
error: Writing deno compile executable to temporary file 'x'

Caused by:
    1: error sending request for url (https://example.org/v2/denort-x86_64.zip): dns error

Stack backtrace:
   0: <unknown>
END
exit 1`,
    says: [
      "could not be downloaded from https://example.org/v2/denort-x86_64.zip",
      "set DENORT_BIN",
    ],
  },
  {
    what: "fails for a reason of its own",
    script: `printf 'error: no luck today\\n\\nStack backtrace:\\n   0: <unknown>\\n' >&2; exit 1`,
    says: ["no luck today", "matching versions"],
  },
  {
    what: "makes an executable that does not run",
    script: `while [ "$1" != --output ]; do shift; done
printf '#!/bin/sh\\necho no program in here >&2; exit 1\\n' >"$2"; chmod +x "$2"`,
    says: ["built but does not run: no program in here", "matching versions"],
  },
];

for (const { what, script, says } of COMPILERS) {
  Deno.test({
    name: `the build tells when the compiler ${what}, and leaves nothing behind`,
    ignore: !can_build,
    fn: () =>
      withFolder(async (folder) => {
        const compiler = join(folder, "compiler");
        Deno.writeTextFileSync(compiler, `#!/bin/sh\n${script}\n`);
        Deno.chmodSync(compiler, 0o755);
        const out = join(folder, "out");
        const told = await runBuild(["--out", out], { DENO_COMPILE: compiler });
        assertToldClearly(told, ...says);
        assertEquals(told.stderr.includes("backtrace"), false);
        assertEquals(Array.from(Deno.readDirSync(out)), []);
      }),
  });
}

Deno.test({
  name: "equal sources give equal executables, wherever and whenever they are built",
  ignore: !can_build,
  fn: () =>
    withFolder(async (folder) => {
      const digests: string[] = [];
      for (const name of ["one", "another"]) {
        const out = join(folder, name);
        assertEquals((await runBuild(["--out", out])).code, 0);
        const content = Deno.readFileSync(join(out, "ledger"));
        digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex());
      }
      assertEquals(digests[0], digests[1]);
    }),
});

Deno.test({
  name: "an executable built for other folders keeps its library there",
  ignore: !can_build,
  fn: () =>
    withFolder(async (folder) => {
      const ledger_dir = join(folder, "the lab, the ledger");
      const out = join(folder, "out");
      const built = await runBuild(["--ledger", ledger_dir, "--runs", "results", "--out", out]);
      assertEquals(built.code, 0, built.stderr);
      const empty = join(folder, "empty");
      Deno.mkdirSync(empty);
      const args = ["self-check", "--json"];
      const env = { PATH: "/usr/bin:/bin" };
      const { stdout, stderr } = await runProgram(join(out, "ledger"), args, empty, env);
      assertEquals(stderr, "");
      const check = JSON.parse(stdout);
      assertEquals(check.answer, 42);
      assertMatch(check.folder, /the lab, the ledger\/\.native\/\d+-[0-9a-f]{16}$/);
      assertEquals(Array.from(Deno.readDirSync(empty)), []);
    }),
});
