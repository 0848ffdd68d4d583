/** Lines of the log, and how long their text is on the disk. */
export { type Line, linesOf } from "../../base/files/lines.ts";

/** How many bytes a text takes in UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    if (code < 0x800) length++;
    else {
      length += 2;
      // A pair takes four bytes and counts as two characters.
      if (code >= 0xd800 && code <= 0xdbff) at++;
    }
  }
  return length;
}
