/** Arguments -> command -> exit code. The only place that catches errors and tells them. */
import { buildFacts } from "../base/build.ts";
import { LedgerError, placeText, quoted } from "../base/error.ts";
import { nearest } from "../base/nearest.ts";
import { OutputClosed, systemWorld, type World } from "../base/world.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT_CODE_OF, EXIT_OK } from "./exit_code.ts";
import { paintFor, print, say } from "./print.ts";
import { concerning, GLOBAL_FLAGS, parseArguments, takeGlobalFlags } from "./parse.ts";

/** Runs one command line. Never throws for what a user or the world did. */
export async function run(
  args: readonly string[],
  world: World = systemWorld(),
): Promise<number> {
  try {
    return await dispatch(args, world);
  } catch (error) {
    // The reader of the output has closed it (`ledger log | head`): that is no failure.
    if (error instanceof OutputClosed) return EXIT_OK;
    if (!(error instanceof LedgerError)) throw error;
    printError(world, error, args);
    return EXIT_CODE_OF[error.code];
  }
}

async function dispatch(all: readonly string[], world: World): Promise<number> {
  const { before, rest: args } = takeGlobalFlags(all);
  const [first] = args;
  if (first === "--version" || first === "-V") {
    const { version } = buildFacts();
    print(world, wantsJson(all) ? JSON.stringify({ version }) : `ledger ${version}`);
    return EXIT_OK;
  }
  const wants_help = first === undefined || first === "--help" || first === "-h";
  const matched = COMMANDS.match(wants_help ? ["help", ...args.slice(1)] : args);
  if (!matched) {
    if (!["--help", "-h", "help"].includes(args[1]) || COMMANDS.listed(first).length === 0) {
      throw unknownCommand(args);
    }
    const { overview } = await import("./help.ts");
    print(world, await overview(world, COMMANDS, first, wantsJson(all)));
    return EXIT_OK;
  }
  const command = await COMMANDS.load(matched.name)!;
  const given = [...concerning(command, before), ...matched.rest];
  const { flags, words, command_line, wants_help: of_command } = parseArguments(
    command,
    given,
    world.env,
  );
  if (of_command) {
    const { helpOf } = await import("./help.ts");
    print(world, helpOf(world, command, wantsJson(all)));
    return EXIT_OK;
  }
  if (command.network === undefined) world.dropNetwork();
  const code = await command.run({ world, table: COMMANDS, run, flags, words, command_line }) ??
    EXIT_OK;
  // Without a command there was nothing to do, and a script should notice.
  return first === undefined ? EXIT_CODE_OF.usage : code;
}

/** Whether a command line asks for JSON; it may be one that cannot be parsed. */
function wantsJson(args: readonly string[]): boolean {
  return args.includes("--json") || args.includes("--format=json") ||
    args.some((arg, index) => arg === "--format" && args[index + 1] === "json");
}

function unknownCommand(args: readonly string[]): LedgerError {
  const [first, second = ""] = args;
  const members = COMMANDS.listed(first);
  if (members.length > 0) {
    const typed = second === "" || second.startsWith("-") ? "" : second;
    const near = nearest(typed, members.map((name) => name.slice(first.length + 1)));
    return new LedgerError({
      code: "usage",
      message: typed
        ? `unknown command ${quoted(`${first} ${typed}`)}`
        : `ledger ${first} needs a second word`,
      hint: near ? `did you mean: ledger ${first} ${near}?` : `there are: ${members.join(", ")}`,
    });
  }
  const words = new Set(COMMANDS.listed().map((name) => name.split(" ")[0]));
  const near = nearest(first, [...words, ...GLOBAL_FLAGS, "--version", "--help"]);
  return new LedgerError({
    code: "usage",
    message: `unknown command ${quoted(first)}`,
    hint: near
      ? `did you mean: ledger ${near}?`
      : first.startsWith("-")
      ? `before the command stand only ${GLOBAL_FLAGS.join(", ")}; other flags follow it`
      : "for a list of commands: ledger help",
  });
}

function printError(world: World, error: LedgerError, args: readonly string[]): void {
  try {
    if (wantsJson(args)) return say(world, JSON.stringify({ error: error.toJSON() }));
    const { red, dim } = paintFor(world, world.stderr);
    say(world, `${red("error:")} ${error.message}`);
    const place = placeText(error.where);
    if (place !== "" && !error.message.includes(place)) say(world, dim(`   at: ${place}`));
    if (error.hint) say(world, dim(` hint: `) + error.hint);
  } catch {
    // Standard error is closed; the exit code remains.
  }
}
