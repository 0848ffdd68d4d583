/**
 * A user is in trouble and knows neither DuckDB nor Parquet. What the program says has to lead out:
 * the command line that it advises is taken out of its words, run as it stands, and all is well again.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { tempFolder } from "../harness.ts";
import { Lab, OLD_DAY, OLD_PART } from "./lab.ts";

interface Trouble {
  what: string;
  /** What happened. */
  induce(lab: Lab): Promise<void>;
  /** What is typed in vain, and again when all should be well. */
  typed: string;
  /** What it says meanwhile. */
  says: RegExp;
  /** The way out that it has to advise, up to where a person fills something in. */
  advises: RegExp;
  /** What a person makes of the advice, where it cannot be run as it stands. */
  filled?: (advice: string, lab: Lab) => string;
}

const FLIP_AT = 20;

function flip(path: string): void {
  const bytes = Deno.readFileSync(path);
  bytes[FLIP_AT] ^= 1;
  Deno.writeFileSync(path, bytes);
}

/** Doctor's line about one thing, and success when it is well. */
function doctorOn(what: string): string {
  return `ledger doctor; ledger doctor --json > said; grep -q '"name":"${what}","ok":true' said`;
}

const TROUBLES: readonly Trouble[] = [
  {
    what: "a writer was killed in the middle of a line",
    async induce(lab) {
      await lab.oldEvent("a");
      Deno.writeTextFileSync(lab.at(OLD_PART), '{"event_id":"half', { append: true });
    },
    typed: "ledger verify",
    says: /^torn /m,
    advises: /ledger verify --repair/,
  },
  {
    what: "an editor was at the log",
    async induce(lab) {
      await lab.oldEvent("a");
      Deno.writeTextFileSync(lab.at(OLD_PART), "oops\n", { append: true });
      await lab.oldEvent("b");
    },
    typed: "ledger verify",
    says: /^corrupt .* at byte \d+/m,
    advises: /ledger verify --repair/,
  },
  {
    what: "nothing was indexed yet",
    induce: (lab) => lab.oldEvent("a"),
    typed: `ledger query --as-is "select run_id from latest_runs"`,
    says: /there is no index/,
    advises: /ledger rebuild/,
  },
  {
    what: "the index is no database any more",
    async induce(lab) {
      await lab.oldEvent("a");
      await lab.must("ledger rebuild");
      Deno.writeTextFileSync(lab.at("data/ledger/index/runs.duckdb"), "rotten");
    },
    typed: `ledger query "select run_id from latest_runs"`,
    says: /runs\.duckdb/,
    advises: /ledger rebuild/,
  },
  {
    what: "the index was forgotten",
    async induce(lab) {
      await lab.oldEvent("a");
      await lab.must("ledger rebuild");
      await lab.oldEvent("b");
    },
    typed: doctorOn("index"),
    says: /B behind the log/,
    advises: /ledger rebuild/,
  },
  {
    what: "a program died and its run seems to go on for ever",
    async induce(lab) {
      await lab.must("ledger runs create --run-id dead --run-type policy");
      const manifest = [...Deno.readDirSync(lab.at("runs"))]
        .filter(({ name }) => /^\d{4}-\d{2}$/.test(name))
        .map(({ name }) => lab.at(`runs/${name}/run_id=dead`))[0];
      const old = new Date("2026-01-01");
      const told = join(manifest, "run.json");
      const text = Deno.readTextFileSync(told)
        .replaceAll(/("\w+_at": ?")[^"]+"/g, `$1${old.toISOString()}"`);
      Deno.writeTextFileSync(told, text);
      for (const { name } of Deno.readDirSync(manifest)) {
        Deno.utimeSync(join(manifest, name), old, old);
      }
      Deno.utimeSync(manifest, old, old);
    },
    typed: doctorOn("runs"),
    says: /dead \(stale\)/,
    advises: /ledger runs finish [^\n;]+/,
    filled: (advice) => advice.replace(/\b(ID|RUN)\b/, "dead"),
  },
  {
    what: "a type of event was misspelt",
    induce: () => Promise.resolve(),
    typed: "ledger emit run.startd --run-id r1",
    says: /no such type is known/,
    advises: /did you mean run\.started/,
    filled: () => "ledger emit run.started --run-id r1",
  },
  {
    what: "another program wrote into a day that was sealed",
    async induce(lab) {
      await lab.oldEvent("a");
      Deno.copyFileSync(lab.at(OLD_PART), lab.at("backup"));
      await lab.must("ledger seal");
      flip(lab.at(OLD_PART));
    },
    typed: "ledger verify --deep",
    says: /^changed .*part-000001\.jsonl at byte 0/m,
    advises: /from a backup/,
    filled: (_, lab) => `cp backup ${lab.at(OLD_PART)}`,
  },
  {
    what: "a disk lost a bit of a compacted day",
    async induce(lab) {
      await lab.oldEvent("a");
      await lab.must("ledger compact --before 2026-02-01 --all --keep-jsonl");
      Deno.copyFileSync(lab.at(OLD_PART.replace("jsonl", "parquet")), lab.at("backup"));
      await lab.must("ledger compact --before 2026-02-01 --all");
      flip(lab.at(OLD_PART.replace("jsonl", "parquet")));
    },
    typed: "ledger log",
    says: /it is not what was written when the part was compacted/,
    advises: /restore the file from a backup/,
    filled: (_, lab) => `cp backup ${lab.at(OLD_PART.replace("jsonl", "parquet"))}`,
  },
  {
    what: "a day was archived and is asked for",
    async induce(lab) {
      await lab.oldEvent("a");
      await lab.must("ledger rebuild");
      await lab.must("ledger retain --days 30 --archive data/ledger/archive");
    },
    typed: `ledger restore ${OLD_DAY}`,
    says: /the log has no such day/,
    advises: /ledger archive import/,
    filled: (advice) => `${advice} data/ledger/archive/ledger-${OLD_DAY}.tar`,
  },
  {
    what: "a folder stands where the log should be a file",
    async induce(lab) {
      await lab.oldEvent("a");
      Deno.mkdirSync(dirname(lab.at("elsewhere/x")), { recursive: true });
    },
    typed: `LEDGER_DIR=\${LAB_DIR:-elsewhere} ledger log`,
    says: /there is no ledger at/,
    advises: /--dir DIR/,
    filled: () => "ledger log --dir data/ledger",
  },
];

for (const { what, induce, typed, says, advises, filled } of TROUBLES) {
  Deno.test(`${what}: what is said leads out of it`, async () => {
    using folder = tempFolder();
    const lab = new Lab(folder.path);
    await induce(lab);
    const before = await lab.type(typed);
    assert(before.code !== 0, `no trouble at all: ${before.text}`);
    assertMatch(before.text, says);
    assert(!before.text.includes("    at "), `a stack trace: ${before.text}`);
    const [advice] = advises.exec(before.text) ?? [];
    assert(advice, `no way out is told:\n${before.text}`);
    const way_out = filled ? filled(advice, lab) : advice;
    const done = await lab.type(way_out);
    assertEquals(done.code, 0, `${way_out}\n${done.text}`);
    if (typed.startsWith("LEDGER_DIR") || /run\.startd/.test(typed)) return;
    const after = await lab.type(typed);
    assertEquals(after.code, 0, `after ${way_out}:\n${after.text}`);
  });
}
