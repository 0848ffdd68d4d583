/** A topic of help: a text, much like Markdown, whose command lines work as they stand. */

/** A piece of a topic. */
export type TopicPiece =
  /** A paragraph. */
  | string
  /** Words and what they mean: lines `- WORD | MEANING`. */
  | { terms: readonly (readonly [term: string, meaning: string])[] }
  /** Indented, after `# `: command lines, which tests run in their order from an empty folder on. */
  | { shows: string; line: string }
  /** Indented, after `## `: what belongs into a file. */
  | { shows: string; file: string }
  /** Indented, after `$ `: commands and what they print, which `scripts/readme.ts` keeps true. */
  | { session: string };

/** Help on a matter that is larger than a command. */
export interface Topic {
  name: string;
  /** One line for the list of topics. */
  summary: string;
  /** A command in a sentence stands in ‹›, since a raw template holds no backtick. */
  text: string;
  /** Commands to read on with. */
  see: readonly string[];
}

/** The pieces of a topic, in their order. */
export function piecesOf({ text }: Topic): TopicPiece[] {
  return text.trim().split(/\n\n(?=\S| {2}(?:##?|\$) )/).map((block) => {
    if (block.startsWith("- ")) {
      const terms = block.slice(2).split("\n- ").map(inOneLine);
      return { terms: terms.map((line) => line.split(" | ") as [string, string]) };
    }
    if (!block.startsWith("  ")) return inOneLine(block);
    const code = block.replace(/^ {2}/gm, "");
    const [, mark, shows, lines] = /^(##?) (.*)\n([^]*)$/.exec(code) ?? [];
    if (mark === undefined) return { session: code };
    return mark === "#" ? { shows, line: lines } : { shows, file: lines };
  });
}

function inOneLine(lines: string): string {
  return lines.replace(/\n\s*/g, " ").replace(/[‹›]/g, "`");
}
