/** The command line of the benches: which ones, how much of them, and in which form. */
import { parseArgs } from "node:util";
import { join } from "@std/path";
import { nearest } from "../../src/base/nearest.ts";
import { type Bench, type Figure, LeftOut } from "./bench.ts";
import { makeWorkplace, type Workplace } from "./disk.ts";
import { tableHead, tableLine } from "./table.ts";

const ROUNDS = 7;
const ROUNDS_QUICK = 3;
const EXIT_OK = 0;
const EXIT_USAGE = 2;

/** Where figures and words go; data and talk are kept apart. */
export interface Say {
  data(line: string): void;
  words(line: string): void;
}

const toConsole: Say = {
  data: (line) => console.log(line),
  words: (line) => console.error(line),
};

/** Benches that take long, by the flag that asks for them. */
type AskedBenches = Readonly<Record<string, Bench>>;

interface Options {
  chosen: Bench[];
  quick: boolean;
  json: boolean;
}

/** Runs what the arguments ask for. Returns an exit code; a missed goal is a result, no failure. */
export async function runBenches(
  args: string[],
  benches: readonly Bench[],
  asked: AskedBenches = {},
  say: Say = toConsole,
): Promise<number> {
  const options = readOptions(args, benches, asked);
  if (typeof options === "string") {
    say.words(options);
    return EXIT_USAGE;
  }
  using workplace = makeWorkplace();
  const { chosen, quick, json } = options;
  say.words(surroundings(workplace, quick));
  if (!json) say.data(tableHead());
  for (const bench of chosen) {
    for (const figure of await figuresOf(bench, workplace, quick, say)) {
      say.data(json ? JSON.stringify({ ...figure, shows: bench.shows }) : tableLine(figure));
    }
  }
  return EXIT_OK;
}

async function figuresOf(
  bench: Bench,
  workplace: Workplace,
  quick: boolean,
  say: Say,
): Promise<Figure[]> {
  const folder = join(workplace.path, bench.name);
  Deno.mkdirSync(folder);
  try {
    return await bench.run({
      folder,
      quick,
      rounds: quick ? ROUNDS_QUICK : ROUNDS,
      say: (words) => say.words(`${bench.name}: ${words}`),
    });
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error;
    say.words(`${bench.name}: left out: ${error.message}`);
    return [];
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** What was asked for, or what is wrong with it. */
function readOptions(
  args: string[],
  benches: readonly Bench[],
  asked: AskedBenches,
): Options | string {
  const all = [...benches, ...Object.values(asked)];
  const names = all.map((bench) => bench.name);
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        quick: { type: "boolean" },
        json: { type: "boolean" },
        ...Object.fromEntries(
          Object.keys(asked).map((flag) => [flag, { type: "boolean" as const }]),
        ),
      },
    });
    for (const name of positionals) {
      if (names.includes(name)) continue;
      const near = nearest(name, names);
      const hint = near ? `did you mean ${near}?` : `there are: ${names.join(", ")}`;
      return `error: there is no bench ${JSON.stringify(name)}\n hint: ${hint}`;
    }
    const flagged = Object.keys(asked).filter((flag) => flag in values).map((flag) => asked[flag]);
    const chosen = positionals.length > 0
      ? all.filter(({ name }) => positionals.includes(name))
      : flagged.length > 0
      ? flagged
      : [...benches];
    return { chosen, quick: values.quick ?? false, json: values.json ?? false };
  } catch (error) {
    const flags = Object.keys(asked).map((flag) => ` [--${flag}]`).join("");
    const usage = `deno task bench [NAME …] [--quick] [--json]${flags}; NAME is one of`;
    return `error: ${(error as Error).message}\n hint: ${usage} ${names.join(", ")}`;
  }
}

function surroundings(workplace: Workplace, quick: boolean): string {
  const disk = workplace.is_real_disk
    ? `${workplace.file_system} at ${workplace.path}`
    : `${workplace.file_system}, which is MEMORY: figures of durable writes mean nothing here`;
  return `${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ${disk}` +
    (quick ? "; a quick look: a smaller load, fewer rounds" : "");
}
