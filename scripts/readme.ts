/**
 * Keeps the README true: every `console` block in it is run, in order, by the program itself, and
 * its output is put below each command. With --check, nothing is written and a difference fails.
 *
 * The program runs in this process on a ledger of its own, with a clock that begins at a fixed time
 * and ids that count up, so that the same README comes out every time.
 */
import { join } from "@std/path";
import { systemWorld, type World } from "../src/base/world.ts";
import { run } from "../src/cli/run.ts";
import { splitCommandLine } from "./console.ts";

const README = new URL("../README.md", import.meta.url).pathname;
const START_MS = Date.UTC(2026, 0, 23, 13, 18, 39, 945);

const FOLDERS: Readonly<Record<string, string>> = {
  LEDGER_DIR: "data/ledger",
  LEDGER_RUNS_DIR: "runs",
};

/** Runs the commands of one README, all on the same ledger. */
class Transcriber {
  #now_ms = START_MS;
  #random = 0x8e7b925a;
  readonly #folder = Deno.makeTempDirSync({ prefix: "ledger-readme-" });

  async replay(block: string): Promise<string> {
    const lines: string[] = [];
    for (const command of commandsOf(block)) {
      lines.push(...command.split("\n").map((line, index) => (index === 0 ? `$ ${line}` : line)));
      const output = await this.#runPipe(command.replaceAll("\\\n", " "));
      if (output !== "") lines.push(...output.trimEnd().split("\n"));
    }
    return lines.join("\n");
  }

  /** `ledger …`, or `echo '…' | ledger …`, and `ls` and `cat` inside the ledger. */
  async #runPipe(command: string): Promise<string> {
    const [, input, line] = /^(?:(echo .*?|printf .*?) \| )?([\s\S]*)$/.exec(command)!;
    const [program, ...args] = splitCommandLine(line.replace(/ \|\| true$/, ""));
    if (program === "cat" || program === "ls") return this.#look(program, args);
    if (program === "runs") args.unshift("runs");
    else if (program !== "ledger") {
      throw new Error(`the README runs ${program}; it cannot be replayed`);
    }
    let printed = "";
    const output = { write: (text: string | Uint8Array) => void (printed += text), columns: 96 };
    const world: World = {
      ...systemWorld(),
      now_ms: () => this.#now_ms++,
      elapsed_ms: () => this.#now_ms,
      random_uint32: () => this.#random++,
      // The checkout that this runs in is nobody's business.
      runProgram: () => Promise.resolve(undefined),
      env: (name) => FOLDERS[name] && join(this.#folder, FOLDERS[name]),
      stdin: inputOf(input),
      stdout: { ...output, is_terminal: false },
      stderr: { ...output, is_terminal: false },
    };
    this.#now_ms += 1_000;
    await run(args, world);
    return printed.replaceAll(`${this.#folder}/`, "");
  }

  #look(program: "cat" | "ls", [path]: string[]): string {
    const found = join(this.#folder, path);
    if (program === "cat") return Deno.readTextFileSync(found);
    return [...Deno.readDirSync(found)].map(({ name }) => name).sort().join("\n");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** The commands in a block: each begins with `$ ` and goes on while lines end in a backslash. */
function commandsOf(block: string): string[] {
  const commands: string[] = [];
  let open = false;
  for (const line of block.split("\n")) {
    if (open) commands.push(`${commands.pop()}\n${line}`);
    else if (line.startsWith("$ ")) commands.push(line.slice(2));
    else continue;
    open = line.endsWith("\\");
  }
  return commands;
}

function inputOf(echo: string | undefined): World["stdin"] {
  const [program, ...words] = echo === undefined ? [] : splitCommandLine(echo);
  const text = words.join(" ").replaceAll("\\n", "\n") + (program === "echo" ? "\n" : "");
  let left = new TextEncoder().encode(program === undefined ? "" : text);
  return {
    is_terminal: false,
    read(buffer) {
      if (left.length === 0) return Promise.resolve(null);
      const taken = left.subarray(0, buffer.length);
      buffer.set(taken);
      left = left.subarray(taken.length);
      return Promise.resolve(taken.length);
    },
  };
}

const written = Deno.readTextFileSync(README);
using transcriber = new Transcriber();
let replayed = "";
let at = 0;
for (const match of written.matchAll(/```console\n([\s\S]*?)\n```/g)) {
  replayed += written.slice(at, match.index);
  replayed += "```console\n" + await transcriber.replay(match[1]) + "\n```";
  at = match.index + match[0].length;
}
replayed += written.slice(at);
if (replayed !== written) {
  if (Deno.args.includes("--check")) {
    const old_lines = written.split("\n");
    const new_lines = replayed.split("\n");
    const line = new_lines.findIndex((text, index) => text !== old_lines[index]);
    console.error(`README.md:${line + 1} is not what the program prints now:`);
    console.error(`  it says:  ${old_lines[line]}\n  it should: ${new_lines[line]}`);
    console.error("bring it up to date with: deno task readme");
    Deno.exitCode = 1;
  } else Deno.writeTextFileSync(README, replayed);
}
