/**
 * Replays command lines: the program runs in this process on a ledger of its own, with a clock that
 * begins at a fixed time and ids that count up, so that the same text comes out every time.
 */
import { dirname, join } from "@std/path";
import { systemWorld, type World } from "../src/base/world.ts";
import { run } from "../src/cli/run.ts";
import { splitCommandLine } from "./console.ts";

const START_MS = Date.UTC(2026, 0, 23, 13, 18, 39, 945);

/** What the folder of a transcript is called where its own path would stand. */
const LAB_FOLDER = "/srv/lab";

/** A daemon that says no address until then has failed. */
const DAEMON_START_MS_MAX = 60_000;

const FOLDERS: Readonly<Record<string, string>> = {
  LEDGER_DIR: "data/ledger",
  LEDGER_RUNS_DIR: "runs",
};

/** Runs the commands of one document, all on the same ledger. */
export class Transcriber {
  #now_ms = START_MS;
  #random = 0x8e7b925a;
  readonly #folder = Deno.makeTempDirSync({ prefix: "ledger-replay-" });
  readonly #cwd = Deno.cwd();
  #daemon?: { named: string; address: string; stop: () => void; ended: Promise<number> };

  constructor() {
    // Commands that name a file mean one below here.
    Deno.chdir(this.#folder);
  }

  /** A transcript with what its commands print now. */
  async replay(block: string): Promise<string> {
    const lines: string[] = [];
    for (const command of commandsOf(block)) {
      lines.push(...command.split("\n").map((line, index) => (index === 0 ? `$ ${line}` : line)));
      const output = await this.#runPipe(command.replaceAll("\\\n", " "));
      if (output !== "") lines.push(...output.trimEnd().split("\n"));
    }
    return lines.join("\n");
  }

  /**
   * `ledger …`, behind `echo '…' |` or `deno run … |`, and with "$(deno run …)" among its words; `ls`
   * and `cat` inside the ledger; `echo '…' >> FILE`; a daemon, asked.
   */
  async #runPipe(command: string): Promise<string> {
    if (command.endsWith(" &")) {
      return await this.#startDaemon(splitCommandLine(command.slice(0, -2)));
    }
    if (command === "kill %1") return await this.#stopDaemon();
    if (command.startsWith("curl ")) return await this.#ask(command);
    await prepare(command, this.#folder);
    const [, appended, path] = /^(echo '[^']*') >> (\S+)$/.exec(command) ?? [];
    if (appended !== undefined) {
      Deno.writeTextFileSync(join(this.#folder, path), await inputText(appended), { append: true });
      return "";
    }
    const pattern = /^(?:((?:echo|printf|deno run) .*?) \| )?([\s\S]*)$/;
    const [, input, typed] = pattern.exec(command)!;
    const [substitution = "", program_line] = /"\$\((deno run [^)]*)\)"/.exec(typed) ?? [];
    const word = substitution && `'${(await inputText(program_line)).trimEnd()}'`;
    const line = typed.replace(substitution, word);
    const [program, ...args] = splitCommandLine(line.replace(/ \|\| true$/, ""));
    if (program === "cat" || program === "ls") return this.#look(program, args);
    if (program === "runs") args.unshift("runs");
    else if (program !== "ledger") {
      throw new Error(`${program} cannot be replayed: ${command}`);
    }
    let printed = "";
    this.#now_ms += 1_000;
    await run(args, {
      ...this.#world((text) => printed += text),
      // Not counted up: how often it is asked is not the same everywhere, and seals note the time.
      now_ms: () => this.#now_ms,
      elapsed_ms: () => this.#now_ms,
      stdin: inputOf(await inputText(input)),
    });
    // A script for another folder names this one whole.
    const shown = args[1] === "rerun" ? printed : printed.replaceAll(`${this.#folder}/`, "");
    return shown.replaceAll(this.#folder, LAB_FOLDER);
  }

  #world(write: (text: string | Uint8Array) => void): World {
    const output = { write, columns: 96, is_terminal: false };
    return {
      ...systemWorld(),
      random_uint32: () => this.#random++,
      // The checkout that this runs in is not part of the text; a lab's own repository is.
      runProgram: (...asked) =>
        exists(join(this.#folder, ".git"))
          ? systemWorld().runProgram(...asked)
          : Promise.resolve(undefined),
      cwd: () => this.#folder,
      env: (name) => FOLDERS[name] && join(this.#folder, FOLDERS[name]),
      stdin: inputOf(""),
      stdout: output,
      stderr: output,
    };
  }

  /** Starts a daemon on a free port, whichever the text names. */
  async #startDaemon([, ...args]: string[]): Promise<string> {
    const named = args.find((word) => word.startsWith("127.0.0.1:"))!;
    const listening = Promise.withResolvers<string>();
    const interrupted = Promise.withResolvers<() => void>();
    const ended = run(args.map((word) => word === named ? "127.0.0.1:0" : word), {
      ...this.#world((text) => {
        if (String(text).includes("http://")) listening.resolve(String(text));
      }),
      // Ids of the text count up; the daemon's must not take one of them.
      random_uint32: systemWorld().random_uint32,
      onInterrupt: (callback) => {
        interrupted.resolve(() => callback("SIGTERM"));
        return () => {};
      },
    });
    const timer = setTimeout(() => listening.resolve(""), DAEMON_START_MS_MAX);
    const said = await Promise.race([listening.promise, ended.then(() => "")]);
    clearTimeout(timer);
    const [, address] = /http:\/\/(127\.0\.0\.1:\d+)/.exec(said) ?? [];
    if (!address) throw new Error(`the daemon does not listen: ${said}`);
    this.#daemon = { named, address, stop: await interrupted.promise, ended };
    return said.replaceAll(address, named);
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

/** Puts what a command takes for granted: a lab, the first system's database, the copy of another box. */
export async function prepare(command: string, folder: string): Promise<void> {
  if (command.includes("momentum.ts")) await once(join(folder, "momentum.ts"), putMomentumLab);
  if (command.includes("baseline_results")) {
    await once(join(folder, "data/baseline_results.duckdb"), putLegacyDatabase);
  }
  if (command.includes("boxes/node7")) {
    await once(join(folder, "boxes/node7/data/ledger/events/day=2026-01-23"), putBox);
  }
}

async function once(path: string, put: (path: string) => Promise<void> | void): Promise<void> {
  if (exists(path)) return;
  Deno.mkdirSync(dirname(path), { recursive: true });
  await put(path);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The lab of equities, in a repository whose only commit has the same hash every time. */
async function putMomentumLab(program: string): Promise<void> {
  const lab = join(import.meta.dirname!, "../fixtures/momentum");
  const folder = dirname(program);
  Deno.mkdirSync(join(folder, "prices"));
  for (const path of ["momentum.ts", "prices/2024.csv", "prices/2025.csv"]) {
    Deno.writeTextFileSync(join(folder, path), Deno.readTextFileSync(join(lab, path)));
  }
  Deno.writeTextFileSync(join(folder, ".gitignore"), "prices/\n");
  const date = new Date(START_MS).toISOString();
  const env = {
    PATH: Deno.env.get("PATH")!,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
  };
  const user = ["-c", "user.name=lab", "-c", "user.email=lab@example.org"];
  for (
    const args of [
      ["init", "--quiet", "--initial-branch=main"],
      ["add", ".gitignore", "momentum.ts"],
      [...user, "commit", "--quiet", "--message=Momentum"],
    ]
  ) {
    const { success, stderr } = await new Deno.Command("git", {
      args,
      cwd: folder,
      env,
      clearEnv: true,
    })
      .output();
    if (!success) throw new Error(`git ${args}: ${new TextDecoder().decode(stderr)}`);
  }
}

/** A box's ledger with one run that failed. */
function putBox(day: string): void {
  Deno.mkdirSync(day);
  const common = { run_id: "n7", timestamp_ms: START_MS };
  const events = [
    { event_id: "n7-1", event_type: "run.started", ...common },
    { event_id: "n7-2", event_type: "run.failed", ...common, error: "no candles" },
  ];
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join("");
  Deno.writeTextFileSync(join(day, "part-000001.jsonl"), lines);
}

/** A database as the first system left it, with two runs. */
async function putLegacyDatabase(path: string): Promise<void> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(`create schema optimizer;
    create table optimizer.runs_d (run_id varchar, run_type varchar, created_at timestamp,
      config_json varchar, timing_json varchar, summary_json varchar);
    create table optimizer.trials_f (trial_id varchar, run_id varchar, created_at timestamp,
      params_json varchar, alerts_total integer, total_r double);
    create table optimizer.islands_f (island_id varchar, run_id varchar, score double);
    insert into optimizer.runs_d values
      ('old-1', 'grid_search', '2026-01-01 00:00:00', '{"stop_loss_bps":[300,500]}',
       '{"total_ms":60000}', '{"trades":98}'),
      ('old-2', 'grid_search', '2026-01-01 01:00:00', '{"stop_loss_bps":[700]}', null, null);
    insert into optimizer.trials_f values
      ('t-300', 'old-1', '2026-01-01 00:00:20', '{"stop_loss_bps":300}', 98, 12.5),
      ('t-500', 'old-1', '2026-01-01 00:00:40', '{"stop_loss_bps":500}', 98, 9.75);
    insert into optimizer.islands_f values ('i-1', 'old-1', 0.5)`);
  connection.closeSync();
  instance.closeSync();
}

/** The commands in a block: each begins with `$ ` and goes on while lines end in a backslash. */
export function commandsOf(block: string): string[] {
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

/** What a command of a pipe prints: `echo`, `printf`, or a program of the lab. */
async function inputText(command = ""): Promise<string> {
  const [program, ...words] = splitCommandLine(command);
  if (program !== "deno") {
    return words.join(" ").replaceAll("\\n", "\n") + (program === "echo" ? "\n" : "");
  }
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: words })
    .output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function inputOf(text: string): World["stdin"] {
  let left = new TextEncoder().encode(text);
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
