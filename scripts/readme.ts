/**
 * Keeps the documents true: every transcript in README.md and in the topics of help is run, in order,
 * by the program itself, and its output is put below each command; tables of figures are made from
 * what was measured. With --check nothing is written, and a difference fails.
 */
import { join } from "@std/path";
import { COMMANDS } from "../src/cli/commands.ts";
import {
  commandTable,
  figuresIn,
  fleetTable,
  legendTable,
  readmeTable,
  scaleTable,
  shortTable,
} from "./bench/readme_table.ts";
import { Transcriber } from "./transcriber.ts";

const PROJECT = join(import.meta.dirname!, "..");
const TOPICS = "src/cli/topics";

interface Transcripts {
  /** Matches each transcript with what comes before it. */
  pattern: RegExp;
  indent: string;
}

const IN_MARKDOWN: Transcripts = { pattern: /(```console\n)([^]*?)(?=\n```)/g, indent: "" };
/** An indented block of a topic, which begins with a command, up to the next piece. */
const IN_TOPIC: Transcripts = {
  pattern: /(\n\n)( {2}\$ [^]*?)(?=\n\n(?:\S| {2}##? )|\n`)/g,
  indent: "  ",
};

const DOCUMENTS: readonly (readonly [path: string, transcripts?: Transcripts])[] = [
  ["README.md", IN_MARKDOWN],
  ["scripts/bench/README.md"],
  ...[...Deno.readDirSync(join(PROJECT, TOPICS))].map(({ name }) => name).sort()
    .map((name) => [`${TOPICS}/${name}`, IN_TOPIC] as const),
];

/** A text with each transcript in it replayed, all on one ledger that was empty before. */
async function replayed(text: string, { pattern, indent }: Transcripts): Promise<string> {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  using transcriber = new Transcriber();
  let result = "";
  let at = 0;
  for (const { 1: head, 2: block, index } of found) {
    const transcript = await transcriber.replay(block.replaceAll(`\n${indent}`, "\n").trimStart());
    if (indent && /`|\$\{/.test(transcript)) {
      throw new Error(`no raw template can hold this transcript:\n${transcript}`);
    }
    result += text.slice(at, index) + head + transcript.replace(/^(?=.)/gm, indent);
    at = index + head.length + block.length;
  }
  return result + text.slice(at);
}

/** What was measured last, by `deno task bench --json` and by the same with `--scale` or `--fleet-scale`. */
const MEASURED = {
  figures: ["figures", readmeTable],
  legend: ["figures", legendTable],
  short: ["figures", shortTable],
  scale: ["scale", scaleTable],
  fleet: ["fleet_scale", fleetTable("day")],
  growth: ["fleet_scale", fleetTable("growth")],
} as const;

/** Puts tables of figures where a text wants them; names behind the kind choose among figures. */
function withFigures(text: string): string {
  const kinds = Object.keys(MEASURED).join("|");
  const place = new RegExp(
    `(<!-- (${kinds})(?:: (.*?))? -->\\n)[^]*?(\\n<!-- end of \\2 -->)`,
    "g",
  );
  return text.replace(
    place,
    (_, begin, kind: keyof typeof MEASURED, names?: string, end?: string) => {
      const [file, tableOf] = MEASURED[kind];
      const figures = figuresIn(
        Deno.readTextFileSync(join(PROJECT, `scripts/bench/${file}.ndjson`)),
      );
      const chosen = names?.split("; ");
      const shown = figures.filter(({ name }) => chosen?.includes(name) ?? true);
      if (chosen && shown.length < chosen.length) throw new Error(`no such figures: ${names}`);
      return `${begin}\n${tableOf(shown)}\n${end}`;
    },
  );
}

/** Puts the table of commands where a text wants it. */
function withCommands(text: string): string {
  const place = /(<!-- commands -->\n)[^]*?(\n<!-- end of commands -->)/;
  const table = commandTable(COMMANDS.groups);
  return text.replace(place, (_, begin, end) => `${begin}\n${table}\n${end}`);
}

for (const [path, transcripts] of DOCUMENTS) {
  const written = Deno.readTextFileSync(join(PROJECT, path));
  const text = transcripts ? await replayed(written, transcripts) : written;
  const now = path.endsWith(".md") ? withCommands(withFigures(text)) : text;
  if (now === written) continue;
  if (!Deno.args.includes("--check")) {
    Deno.writeTextFileSync(join(PROJECT, path), now);
    continue;
  }
  const old_lines = written.split("\n");
  const new_lines = now.split("\n");
  const line = new_lines.findIndex((text, index) => text !== old_lines[index]);
  console.error(`${path}:${line + 1} is not what the program prints now:`);
  console.error(`  it says:  ${old_lines[line]}\n  it should: ${new_lines[line]}`);
  console.error("bring it up to date with: deno task readme");
  Deno.exitCode = 1;
}
