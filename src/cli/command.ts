/**
 * What a command is: one definition, from which parsing, validation, help and completion are read.
 *
 * Flags are a strict object in zod/mini: it says what is valid; what people need to know stands in
 * each flag's metadata. See `flags.ts` for the kinds of flags there are.
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
  /** What may stand there, for completion. */
  choices?: () => readonly string[];
}

/** The commands that there are. The command line hands it down, so that no command imports it. */
export interface CommandTable {
  /** Heading -> names, hidden ones included. */
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
}

// deno-lint-ignore no-explicit-any
type AnyFlags = z.ZodMiniObject<any, any>;

/** A command. */
export interface Command<Schema extends AnyFlags = AnyFlags> {
  /** As it is typed after `ledger`: "emit", "schema list". */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** A paragraph for its own help. */
  description: string;
  /** Command lines that work as they stand. */
  examples: readonly { line: string; shows: string }[];
  positionals?: readonly Positional[];
  flags: Schema;
  /** Works, but is not listed. `commands.ts` says so too. */
  hidden?: boolean;
  /** Does it; returns the exit code. */
  run(context: CommandContext<z.output<Schema>>): Promise<number>;
}

/** Defines a command; its flags' types reach `run`. */
export function defineCommand<Schema extends AnyFlags>(command: Command<Schema>): Command<Schema> {
  return command;
}
