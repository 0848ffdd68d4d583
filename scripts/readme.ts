/**
 * Keeps the README true: every `console` block in it is run, in order, by the program itself, and
 * its output is put below each command; every recipe is put in from its file. With --check, nothing is
 * written and a difference fails.
 *
 * The program runs in this process on a ledger of its own, with a clock that begins at a fixed time
 * and ids that count up, so that the same README comes out every time.
 */
import { join } from "@std/path";
import { systemWorld, type World } from "../src/base/world.ts";
import { run } from "../src/cli/run.ts";
import { figuresIn, readmeTable, scaleTable } from "./bench/readme_table.ts";
import { splitCommandLine } from "./console.ts";
import { withRecipes } from "./recipes.ts";

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
  readonly #cwd = Deno.cwd();
  #daemon?: { named: string; address: string; stop: () => void; ended: Promise<number> };

  constructor() {
    // Commands that name a file mean one below here.
    Deno.chdir(this.#folder);
  }

  async replay(block: string): Promise<string> {
    const lines: string[] = [];
    for (const command of commandsOf(block)) {
      lines.push(...command.split("\n").map((line, index) => (index === 0 ? `$ ${line}` : line)));
      const output = await this.#runPipe(command.replaceAll("\\\n", " "));
      if (output !== "") lines.push(...output.trimEnd().split("\n"));
    }
    return lines.join("\n");
  }

  /** `ledger …`, or `echo '…' | ledger …`, and `ls` and `cat` inside the ledger; a daemon, asked. */
  async #runPipe(command: string): Promise<string> {
    if (command.endsWith(" &")) {
      return await this.#startDaemon(splitCommandLine(command.slice(0, -2)));
    }
    if (command === "kill %1") return await this.#stopDaemon();
    if (command.startsWith("curl ")) return await this.#ask(command);
    if (command.includes("baseline_results")) await this.#putLegacyDatabase();
    const [, input, line] = /^(?:(echo .*?|printf .*?) \| )?([\s\S]*)$/.exec(command)!;
    const [program, ...args] = splitCommandLine(line.replace(/ \|\| true$/, ""));
    if (program === "cat" || program === "ls") return this.#look(program, args);
    if (program === "runs") args.unshift("runs");
    else if (program !== "ledger") {
      throw new Error(`the README runs ${program}; it cannot be replayed`);
    }
    let printed = "";
    this.#now_ms += 1_000;
    await run(args, {
      ...this.#world((text) => printed += text),
      // Not counted up: how often it is asked is not the same everywhere, and seals note the time.
      now_ms: () => this.#now_ms,
      elapsed_ms: () => this.#now_ms,
      stdin: inputOf(input),
    });
    return printed.replaceAll(`${this.#folder}/`, "");
  }

  #world(write: (text: string | Uint8Array) => void): World {
    const output = { write, columns: 96, is_terminal: false };
    return {
      ...systemWorld(),
      random_uint32: () => this.#random++,
      // The checkout that this runs in is nobody's business.
      runProgram: () => Promise.resolve(undefined),
      cwd: () => this.#folder,
      env: (name) => FOLDERS[name] && join(this.#folder, FOLDERS[name]),
      stdin: inputOf(undefined),
      stdout: output,
      stderr: output,
    };
  }

  /** Starts a daemon on a free port, whatever port the README names. */
  async #startDaemon([, ...args]: string[]): Promise<string> {
    const named = args.find((word) => word.startsWith("127.0.0.1:"))!;
    const listening = Promise.withResolvers<string>();
    const interrupted = Promise.withResolvers<() => void>();
    const ended = run(args.map((word) => word === named ? "127.0.0.1:0" : word), {
      ...this.#world((text) => {
        const [, address] = /answers on http:\/\/(127\.0\.0\.1:\d+)/.exec(String(text)) ?? [];
        if (address) listening.resolve(address);
      }),
      // Ours are counted up, and how many it takes is its own business.
      random_uint32: systemWorld().random_uint32,
      onInterrupt: (callback) => {
        interrupted.resolve(() => callback("SIGTERM"));
        return () => {};
      },
    });
    const address = await Promise.race([listening.promise, ended.then(() => "")]);
    if (!address) throw new Error("the README's daemon ended early");
    this.#daemon = { named, address, stop: await interrupted.promise, ended };
    return `answers on http://${named}/healthz and http://${named}/metrics`;
  }

  async #stopDaemon(): Promise<string> {
    this.#daemon!.stop();
    await this.#daemon!.ended;
    this.#daemon = undefined;
    return "";
  }

  /** `curl -s URL | grep [-o] 'PATTERN'`, once the daemon has caught up. */
  async #ask(command: string): Promise<string> {
    const { named, address } = this.#daemon!;
    const [, url, only, pattern] = /^curl -s (\S+) \| grep (-o )?'([^']+)'$/.exec(command)!;
    for (;;) {
      const health = await (await fetch(`http://${address}/healthz`)).json();
      if (health.lag_bytes === 0 && health.syncs > 0) break;
    }
    const answer = await (await fetch(url.replace(named, address))).text();
    const lines = answer.split("\n").filter((line) => new RegExp(pattern).test(line));
    return (only ? lines.map((line) => new RegExp(pattern).exec(line)![0]) : lines).join("\n");
  }

  /** A database as the first system left it, with two runs. */
  async #putLegacyDatabase(): Promise<void> {
    const path = join(this.#folder, "data", "baseline_results.duckdb");
    try {
      if (Deno.statSync(path).isFile) return;
    } catch {
      // The first command that wants it.
    }
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run(`create schema optimizer;
      create table optimizer.runs_d (run_id varchar, run_type varchar, created_at_ms bigint,
        config json, data_fingerprint varchar);
      create table optimizer.runs_status (run_id varchar, started_at_ms bigint,
        completed_at_ms bigint, failed_at_ms bigint, error varchar, summary_json json);
      insert into optimizer.runs_d values
        ('old-1', 'policy', 1767225600000, '{"stop_loss_bps":300}', 'prices-2025-12'),
        ('old-2', 'policy', 1767229200000, '{"stop_loss_bps":500}', 'prices-2025-12');
      insert into optimizer.runs_status values
        ('old-1', 1767225601000, 1767225700000, null, null, '{"trades":98}'),
        ('old-2', 1767229201000, null, 1767229300000, 'no candles', null)`);
    connection.closeSync();
    instance.closeSync();
  }

  #look(program: "cat" | "ls", [path]: string[]): string {
    const found = join(this.#folder, path);
    if (program === "cat") return Deno.readTextFileSync(found);
    return [...Deno.readDirSync(found)].map(({ name }) => name).sort().join("\n");
  }

  [Symbol.dispose](): void {
    Deno.chdir(this.#cwd);
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

/** What was measured last, by `deno task bench --json` and by the same with `--scale`. */
const MEASURED = { figures: readmeTable, scale: scaleTable };

/** Puts the tables of figures where the README wants them. */
function withFigures(text: string): string {
  for (const [name, tableOf] of Object.entries(MEASURED)) {
    const file = new URL(`./bench/${name}.ndjson`, import.meta.url);
    const table = tableOf(figuresIn(Deno.readTextFileSync(file)));
    const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- end of ${name} -->)`);
    text = text.replace(place, (_, begin, end) => `${begin}\n${table}\n${end}`);
  }
  return text;
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
replayed = withFigures(withRecipes(replayed + written.slice(at)));
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
