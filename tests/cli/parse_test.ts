import { assert, assertEquals, assertThrows } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { defineCommand, type Positional, runWord } from "../../src/cli/command.ts";
import { choice, count, json, number, text, texts, toggle } from "../../src/cli/flags.ts";
import { flagsOf, parseArguments } from "../../src/cli/parse.ts";

function commandWith(positionals?: readonly Positional[]) {
  return defineCommand({
    name: "try",
    summary: "a command to try parsing with",
    description: "",
    examples: {},
    positionals,
    flags: {
      "run-id": text("ID", "", { aliases: ["run"] }),
      "tag": texts("TEXT", ""),
      "last": count("", { short: "n" }),
      "at": number(""),
      "config": json(""),
      "mode": choice(["fast", "slow"], ""),
      "force": toggle("", { short: "f" }),
    },
    run: () => Promise.resolve(0),
  });
}

const bare = commandWith();
const worded = commandWith([
  { name: "TYPE", summary: "the type", required: true },
  { name: "REST", summary: "the rest", many: true },
]);

function flags(...args: string[]): Record<string, unknown> {
  const { flags } = parseArguments(bare, args);
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function refused(args: string[], message: string, command = bare): LedgerError {
  const error = assertThrows(() => parseArguments(command, args), LedgerError, message);
  assertEquals(error.code, "usage");
  assert(error.message.startsWith("ledger try: "));
  return error;
}

Deno.test("a flag's value follows it, or stands after an equals sign", () => {
  assertEquals(flags("--run-id", "r1"), { "run-id": "r1", force: false });
  assertEquals(flags("--run-id=r1"), { "run-id": "r1", force: false });
  assertEquals(flags("--run-id=a=b"), { "run-id": "a=b", force: false });
  assertEquals(flags("--run-id="), { "run-id": "", force: false });
  assertEquals(flags("--run-id", ""), { "run-id": "", force: false });
  assertEquals(flags("--run-id=a\nb"), { "run-id": "a\nb", force: false });
});

Deno.test("a value may begin with a dash, as long as it is no flag of the command", () => {
  assertEquals(flags("--run-id", "-x")["run-id"], "-x");
  assertEquals(flags("--at", "-5").at, "-5");
  assertEquals(flags("--run-id", "--other")["run-id"], "--other");
  assertEquals(flags("--run-id=--force")["run-id"], "--force");
  refused(["--run-id", "--force"], "--run-id needs a value: --run-id ID");
  refused(["--run-id", "--run=x"], "--run-id needs a value");
  refused(["--run-id", "--help"], "--run-id needs a value");
  refused(["--run-id"], "--run-id needs a value");
});

Deno.test("an alias and a short letter mean the flag", () => {
  assertEquals(flags("--run", "r1")["run-id"], "r1");
  assertEquals(flags("-n", "5").last, 5);
  assertEquals(flags("-n=5").last, 5);
  assertEquals(flags("-f").force, true);
  refused(["-x"], 'unknown flag "-x"');
});

Deno.test("a switch takes no value, and may be repeated", () => {
  assertEquals(flags("--force", "--force").force, true);
  refused(["--force=yes"], "--force takes no value");
});

Deno.test("a flag for several values gathers them; any other may be given once", () => {
  assertEquals(flags("--tag", "a", "--tag=b").tag, ["a", "b"]);
  refused(["--run-id", "a", "--run-id", "b"], "--run-id is given twice");
  refused(["--run-id", "a", "--run", "b"], "--run-id is given twice");
});

Deno.test("an unknown flag is refused with the nearest that there is", () => {
  assertEquals(refused(["--runid", "x"], 'unknown flag "--runid"').hint, "did you mean --run-id?");
  assertEquals(refused(["--las=5"], 'unknown flag "--las"').hint, "did you mean --last?");
  assertEquals(refused(["--zzzzzz"], 'unknown flag "--zzzzzz"').hint, "see: ledger try --help");
});

Deno.test("values are checked by their kind, and quoted when they are wrong", () => {
  const wrong: [string[], string][] = [
    [["--last", "x"], '--last is "x"; it has to be a whole number, 0 or more'],
    [["--last", "-1"], '--last is "-1"; it has to be a whole number, 0 or more'],
    [["--last", "1.5"], "--last is"],
    [["--last", ""], '--last is ""'],
    [["--at", "1,5"], '--at is "1,5"; it has to be a number'],
    [["--at", "0x10"], "--at is"],
    [["--at", "01"], "--at is"],
    [["--at", "NaN"], "--at is"],
    [["--config", "{a:1}"], '--config is "{a:1}"; it has to be JSON: '],
    [["--config", ""], "it has to be JSON"],
    [["--mode", "warp"], '--mode is "warp"; it has to be fast or slow'],
  ];
  for (const [args, message] of wrong) refused(args, message);
});

Deno.test("numbers and JSON are kept as they were typed, counts become numbers", () => {
  assertEquals(flags("--at", "1.50").at, "1.50");
  assertEquals(flags("--at", "1E+3").at, "1E+3");
  assertEquals(flags("--config", '{"a": 1.50}').config, '{"a": 1.50}');
  assertEquals(flags("--last", "007").last, 7);
});

Deno.test("words that are no flags are the command's, in their order", () => {
  const { words } = parseArguments(worded, ["a", "--force", "b", "-", "c"]);
  assertEquals(words, ["a", "b", "-", "c"]);
});

Deno.test("after two dashes everything is a word", () => {
  const { words, flags } = parseArguments(worded, ["--", "--force", "--help", "-x"]);
  assertEquals([words, flags.force], [["--force", "--help", "-x"], false]);
});

Deno.test("a missing or an unexpected word is named", () => {
  refused([], "TYPE is missing: the type", worded);
  refused([""], "TYPE is missing: the type", worded);
  refused(["stray"], 'unexpected argument "stray"');
  assertEquals(refused(["force"], "unexpected argument").hint, "did you mean --force?");
});

Deno.test("help is wanted wherever it stands, and nothing else is checked then", () => {
  for (const args of [["--help"], ["-h"], ["a", "b", "--help"], ["--force", "-h", "--nonsense"]]) {
    assertEquals(parseArguments(bare, args).wants_help, true, args.join(" "));
  }
});

Deno.test("the definition tells of each flag what parser, help and completion need", () => {
  assertEquals(
    flagsOf(bare).map(({ name, kind, choices }) => [name, kind, choices]),
    [
      ["run-id", "value", []],
      ["tag", "values", []],
      ["last", "value", []],
      ["at", "value", []],
      ["config", "value", []],
      ["mode", "value", ["fast", "slow"]],
      ["force", "switch", []],
    ],
  );
});

Deno.test("the run that a command is about comes from the environment where it is left out", () => {
  const about = commandWith([
    runWord(),
    { name: "KIND", summary: "", required: true, choices: ["trades", "summary"] },
    { name: "FILE", summary: "" },
  ]);
  const env = (name: string) => name === "LEDGER_RUN_ID" ? "r1" : undefined;
  const wordsOf = (args: string[]) => parseArguments(about, args, env).words;
  assertEquals(wordsOf(["trades"]), ["r1", "trades"]);
  assertEquals(wordsOf(["trades", "rows.csv"]), ["r1", "trades", "rows.csv"]);
  assertEquals(wordsOf(["r2", "trades"]), ["r2", "trades"]);
  assertEquals(wordsOf(["trades", "summary"]), ["trades", "summary"], "a run may be named so");
  assertEquals(wordsOf(["r2", "trades", "rows.csv"]), ["r2", "trades", "rows.csv"]);
  for (const value of [undefined, ""]) {
    assertThrows(
      () => parseArguments(about, ["trades"], () => value),
      LedgerError,
      "KIND is missing",
    );
  }
});
