import { assert, assertEquals } from "@std/assert";
import { candidatesFor, completionScript, SHELLS } from "../../src/cli/complete.ts";
import { openLedger } from "../../src/mod.ts";
import { installShim, runIn, tempFolder, testWorld } from "../harness.ts";

async function candidates(...words: string[]): Promise<string[]> {
  return await candidatesFor(testWorld({ vars: { LEDGER_DIR: "nowhere" } }), words);
}

Deno.test("a word becomes a command, and a group of commands its members", async () => {
  assertEquals(await candidates("sch"), ["schema"]);
  assertEquals(await candidates("schema", ""), ["list", "show", "register", "migrate"]);
  assertEquals(await candidates("schema", "re"), ["register"]);
  assertEquals(await candidates("nonsense", ""), []);
  const all = await candidates("");
  assert(all.includes("emit") && all.includes("completions"));
  // Hidden commands work, and are not offered.
  assert(!all.includes("complete") && !all.includes("self-check"));
});

Deno.test("a dash becomes the flags that were not given yet", async () => {
  assertEquals(await candidates("emit", "--run"), ["--run-id", "--run-type"]);
  assertEquals(await candidates("emit", "--run-id", "r", "--run"), ["--run-type"]);
  assert((await candidates("log", "--type", "run.started", "--t")).includes("--type"));
  assert((await candidates("status", "--")).includes("--help"));
});

Deno.test("after a flag its values are offered, in one word or in two", async () => {
  assertEquals(await candidates("emit", "--on-error", ""), ["stop", "skip"]);
  assertEquals(await candidates("emit", "--on-error=s"), ["--on-error=stop", "--on-error=skip"]);
  assertEquals(await candidates("emit", "--on-error", "=", "sk"), ["skip"]);
  assertEquals(await candidates("emit", "--on-error", "="), ["stop", "skip"]);
  assertEquals(await candidates("emit", "--run-id", ""), []);
});

Deno.test("words are offered where they stand, whatever flags stand between", async () => {
  assertEquals(await candidates("completions", "b"), ["bash"]);
  assertEquals(await candidates("schema", "show", "run.c"), ["run.created", "run.completed"]);
  assertEquals(await candidates("artifacts", "put", "r1", "s"), ["summary"]);
  assertEquals(await candidates("artifacts", "put", "--dir", "x", "r1", "c"), ["config"]);
});

Deno.test("of runs, the ids that are there are offered, and the types of artifacts", async () => {
  using folder = tempFolder();
  for (const path of ["2026-01/run_id=alpha", "2026-02/run_id=beta", "2026-02/other"]) {
    Deno.mkdirSync(`${folder.path}/${path}`, { recursive: true });
  }
  const world = testWorld({ vars: { LEDGER_DIR: "nowhere", LEDGER_RUNS_DIR: folder.path } });
  const offered = async (...words: string[]) =>
    (await candidatesFor(world, ["runs", ...words])).filter((word) => !word.startsWith("-"));
  assertEquals(await offered("show", ""), ["beta", "alpha"]);
  assertEquals(await offered("diff", "alpha", "b"), ["beta"]);
  assertEquals((await offered("write", "alpha", "")).slice(0, 2), ["alerts", "paths"]);
  assertEquals(await offered("log", "alpha", ""), ["stdout", "stderr"]);
  assertEquals(await offered("query", "--artifact-type", "tr"), ["trades"]);
});

Deno.test("event types of one's own are offered too, and a broken ledger offers the others", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.registerType("risk.breached", {});
  const world = testWorld({ vars: { LEDGER_DIR: folder.path } });
  assertEquals(await candidatesFor(world, ["emit", "risk"]), ["risk.breached"]);
  assertEquals(await candidatesFor(world, ["log", "--type", "risk"]), ["risk.breached"]);
  Deno.writeTextFileSync(`${folder.path}/events/_schema.json`, "{");
  assertEquals(await candidatesFor(world, ["emit", "risk"]), []);
  const { code, stdout } = await runIn(folder.path, ["complete", "--", "sta"]);
  assertEquals([code, stdout], [0, "status\n"]);
});

type Shell = (typeof SHELLS)[number];

/** What comes between the answers to two lines. */
const MARK = "--next--";

/** A line as words; the cursor stands at the end of the last of `typed`. */
interface Line {
  typed: string[];
  after?: string[];
}

/** A shell's own words for: load the script, then ask it for each line in turn. */
const DRIVERS: Record<Shell, { flags: string[]; load: string; ask: (line: Line) => string }> = {
  bash: {
    flags: ["--norc"],
    load: "source <(ledger completions bash); complete -p ledger >/dev/null || exit 1",
    ask: ({ typed, after = [] }) =>
      `COMP_WORDS=(${[...typed, ...after].map(quoted).join(" ")})
      COMP_CWORD=${typed.length - 1}; COMPREPLY=()
      _ledger
      printf '%s\\n' "\${COMPREPLY[@]}"`,
  },
  zsh: {
    flags: ["-f"],
    load: `autoload -U compinit; compinit -u -D
      source <(ledger completions zsh)
      [[ $_comps[ledger] == _ledger ]] || exit 1
      compadd() { shift; print -rl -- "$@" }
      _files() { print -rl -- * }`,
    ask: ({ typed, after = [] }) =>
      `words=(${[...typed, ...after].map(quoted).join(" ")}); CURRENT=${typed.length}
      _ledger`,
  },
  fish: {
    flags: ["--no-config"],
    load: "source (ledger completions fish | psub)",
    // Asked this way, fish takes the end of the text for the cursor.
    ask: ({ typed }) => `complete -C ${quoted(typed.join(" "))}`,
  },
};

function quoted(word: string): string {
  return `'${word}'`;
}

async function isInstalled(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["-c", "exit 0"] }).output()).success;
  } catch {
    return false;
  }
}

/** What a shell makes of each of these lines, in a folder with one file. */
async function completeIn(shell: Shell, lines: Line[]): Promise<string[][]> {
  using folder = tempFolder();
  installShim(folder.path);
  const cwd = `${folder.path}/work`;
  Deno.mkdirSync(cwd);
  Deno.writeTextFileSync(`${cwd}/config.json`, "{}");
  const { flags, load, ask } = DRIVERS[shell];
  const script = [load, ...lines.flatMap((line) => [ask(line), `echo ${MARK}`])].join("\n");
  const { stdout, stderr } = await new Deno.Command(shell, {
    args: [...flags, "-c", script],
    cwd,
    env: { PATH: `${folder.path}:${Deno.env.get("PATH")}`, HOME: folder.path },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const answers = new TextDecoder().decode(stdout).split(`${MARK}\n`).slice(0, -1);
  return answers.map((answer) => answer.split("\n").filter((line) => line !== "").sort());
}

for (const shell of SHELLS) {
  const installed = await isInstalled(shell);
  if (!installed) {
    console.log(`left out: ${shell} is not installed, so its completion was not tried`);
  }
  Deno.test({
    name: `${shell} itself completes commands, flags and values`,
    ignore: !installed,
    async fn() {
      const answers = await completeIn(shell, [
        { typed: ["ledger", "sch"] },
        { typed: ["ledger", "schema", ""] },
        { typed: ["ledger", "emit", "--run"] },
        { typed: ["ledger", "emit", "--on-error", "st"] },
        { typed: ["ledger", "sch"], after: ["list", "--json"] },
        { typed: ["ledger", "schema", "register", "my.type", "con"] },
      ]);
      assertEquals(answers.slice(0, 5), [
        ["schema"],
        ["list", "migrate", "register", "show"],
        ["--run-id", "--run-type"],
        ["stop"],
        ["schema"],
      ]);
      // Where there is nothing to offer, the shell offers files; bash does so by itself, afterwards.
      assertEquals(answers[5], shell === "bash" ? [] : ["config.json"]);
    },
  });
}

Deno.test("a shell nobody wrote a script for has none", () => {
  assertEquals(completionScript("powershell"), undefined);
  assertEquals(completionScript("toString"), undefined);
});
