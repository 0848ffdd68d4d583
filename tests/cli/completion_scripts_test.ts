/** Completion as the shells themselves do it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMPLETION_SCRIPTS } from "../../src/cli/commands/completions.ts";
import { installShim, IS_PLAIN, runIn, tempFolder } from "../harness.ts";
import { has_terminal, inTerminal, isInstalled } from "../terminal.ts";

type Shell = keyof typeof COMPLETION_SCRIPTS;
const SHELLS = Object.keys(COMPLETION_SCRIPTS) as Shell[];

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
      compadd() { shift 3; print -rl -- "$@" }
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

/** What a shell makes of each of these lines, in a folder with one file. */
async function completeIn(shell: Shell, lines: Line[]): Promise<string[][]> {
  using folder = tempFolder();
  installShim(folder.path, "shipped");
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
  const installed = isInstalled(shell);
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

/** How an interactive shell is started, and what loads the script. */
const TYPED: Record<Shell, { start: string; load: string }> = {
  bash: { start: "bash --norc --noprofile -i", load: "source <(ledger completions bash)" },
  zsh: {
    start: "zsh -f -i",
    load: "autoload -U compinit; compinit -u -D; source <(ledger completions zsh)",
  },
  fish: { start: "fish --no-config -i", load: "ledger completions fish | source" },
};

for (const shell of SHELLS) {
  Deno.test({
    name: `in ${shell}, the tab key completes a command, a type, a topic and a run`,
    ignore: IS_PLAIN || !isInstalled(shell) || !has_terminal,
    async fn() {
      using folder = tempFolder();
      installShim(folder.path, "shipped");
      const cwd = `${folder.path}/work`;
      Deno.mkdirSync(`${cwd}/runs/2026-01/run_id=one $(touch harm)`, { recursive: true });
      const { start, load } = TYPED[shell];
      const { text } = await inTerminal(start, {
        cwd,
        columns: 120,
        env: { PATH: `${folder.path}:${Deno.env.get("PATH")}`, HOME: folder.path, TERM: "xterm" },
        typed: [
          load,
          "ledger schema sho\trun.sta\t> schema.txt",
          "ledger help dura\t> topic.txt",
          // One word in the end, whatever is in it.
          "ledger runs show on\t 2> run.txt",
          "exit\n",
        ].join("\n"),
      });
      const written = (name: string) => Deno.readTextFileSync(`${cwd}/${name}`);
      assertStringIncludes(written("schema.txt"), '"$schema"', text);
      assertStringIncludes(written("topic.txt"), "durability: ", text);
      assertStringIncludes(written("run.txt"), "run one $(touch harm) has no run.json", text);
      assertEquals([...Deno.readDirSync(cwd)].some(({ name }) => name === "harm"), false, text);
    },
  });
}

Deno.test("a shell without a script is refused", async () => {
  assertEquals((await runIn("nowhere", ["completions", "powershell"])).code, 2);
  assertEquals((await runIn("nowhere", ["completions", "toString"])).code, 2);
});
