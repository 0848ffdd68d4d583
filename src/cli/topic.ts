/** What a topic of help is: words, and command lines that work as they stand. */

/** A piece of a topic. */
export type TopicPiece =
  /** A paragraph. */
  | string
  /** Words and what they mean. */
  | { terms: readonly (readonly [term: string, meaning: string])[] }
  /** Command lines, the first one of a topic in an empty folder; tests run them in their order. */
  | { shows: string; line: string }
  /** What belongs into a file. `commands` are those in it, for the tests to run. */
  | { shows: string; file: string; commands: readonly string[] };

/** Help on a matter that is larger than a command. */
export interface Topic {
  name: string;
  /** One line for the list of topics. */
  summary: string;
  pieces: readonly TopicPiece[];
  /** Commands to read on with. */
  see: readonly string[];
}
