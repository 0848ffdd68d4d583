/** How wide a text is on a terminal, and texts made to fit: cut, padded, wrapped. */

/**
 * Drawn over the character before it, or not at all. These classes stand in for `unicodeWidth` of
 * the standard library, whose npm package lacks the table of widths that it imports.
 */
const NO_COLUMN = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** East Asian letters and emoji: two columns each. */
const TWO_COLUMNS =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
// deno-lint-ignore no-control-regex
const ONE_EACH = /^[\x00-\xff\u2010-\u2027\u2500-\u259f]*$/;

function columnsOfCharacter(character: string): number {
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}

/** How many columns a text takes. */
export function columnsOf(text: string): number {
  if (ONE_EACH.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** A text that takes at most so many columns, with "…" where it was longer. */
export function shortened(text: string, columns_max: number): string {
  if (columnsOf(text) <= columns_max) return text;
  let kept = "";
  let columns = 1;
  for (const character of text) {
    columns += columnsOfCharacter(character);
    if (columns > columns_max) break;
    kept += character;
  }
  return `${kept}…`;
}

/** A text with blanks after it, up to so many columns. */
export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/** A text with blanks before it, up to so many columns. */
export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - columnsOf(text))) + text;
}

/** A text as lines of at most so many columns; a word that is longer has a line of its own. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && columnsOf(line) + 1 + columnsOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
