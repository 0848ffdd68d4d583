/**
 * What a command is: one definition, from which parsing, validation, help and completion are read.
 * See `flags.ts` for the kinds of flags.
 */
import type * as z from "zod/mini";
import type { World } from "../base/world.ts";

/** A word after the command's name. */
export interface Positional {
  /** As it stands in help: `TYPE`. */
  name: string;
  summary: string;
  required?: boolean;
  /** Takes all the words that are left. Only the last positional can. */
  many?: boolean;
  /** The words that are valid; without them, any is. */
  choices?: readonly string[];
  /** Others may be valid beside the choices: the command checks that. */
  is_open?: boolean;
  /** The variable that stands in for it where it is left out. Only the first positional's. */
  env?: string;
}

/** The run that a command is about. */
export function runWord(summary = "the run's id, or the beginning of it", name = "ID"): Positional {
  return {
    name,
    summary: `${summary} (default: $LEDGER_RUN_ID)`,
    required: true,
    env: "LEDGER_RUN_ID",
  };
}

/** The commands that there are. The command line hands it down, so that no command imports it. */
export interface CommandTable {
  /** Heading -> the names below it. */
  groups: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The names of all commands, hidden ones included. */
  names(): string[];
  /** The names of the commands that are listed; with a word, of those that begin with it. */
  listed(first?: string): string[];
  /** A command by its name. */
  load(name: string): Promise<Command> | undefined;
  /** The command that arguments begin with, by the longest name that fits, and what follows it. */
  match(args: readonly string[]): { name: string; rest: readonly string[] } | undefined;
}

/** What a command gets to work with. */
export interface CommandContext<Flags> {
  world: World;
  table: CommandTable;
  /** Runs another command line; returns its exit code. */
  run(args: readonly string[], world: World): Promise<number>;
  flags: Flags;
  /** One entry for each positional that was given. */
  words: string[];
  /** What stands after `--`, where the command takes a command line. */
  command_line: string[];
}

// deno-lint-ignore no-explicit-any
type FlagSchemas = Readonly<Record<string, z.ZodMiniType<any, any>>>;

/** The values of a command's flags. */
export type FlagsOf<Schemas extends FlagSchemas> = {
  [Name in keyof Schemas]: z.output<Schemas[Name]>;
};

/** A command. */
// deno-lint-ignore no-explicit-any
export interface Command<Schemas extends FlagSchemas = any> {
  /** As it is typed after `ledger`: "emit", "schema list". */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** A paragraph for its own help. */
  description: string;
  /** Command lines that work as they stand, and what each shows. */
  examples: Readonly<Record<string, string>>;
  positionals?: readonly Positional[];
  /** What stands after `--` is the command line of another program: as it stands in help. */
  command_line?: { name: string; summary: string };
  flags: Schemas;
  /**
   * Whether it reaches beyond this machine, or listens on it and gives the network up once it does. All
   * others give it up before they begin.
   */
  network?: "reaches" | "listens";
  /** Does it; returns the exit code where that is not 0. */
  run(context: CommandContext<FlagsOf<Schemas>>): number | void | Promise<number | void>;
}

/** Defines a command; its flags' types reach `run`. */
export function defineCommand<Schemas extends FlagSchemas>(
  command: Command<Schemas>,
): Command<Schemas> {
  return command;
}
