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

/** What a command gets to work with. */
export interface CommandContext<Flags> {
  world: World;
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
