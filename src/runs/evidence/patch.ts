/**
 * Patch writer: changes as `git apply` takes them, without what looks like a secret. A masked line keeps
 * its place. Where that would be a line that git has to find in the file, the hunk ends before it, or
 * the file's new content stands there whole.
 *
 * Texts are of Latin-1 here, a character for each byte: what goes in comes out, whatever its encoding.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { MASK, SecretLines } from "./secrets.ts";

const LOCK_FILE =
  /(^|\/)(deno\.lock|package-lock\.json|uv\.lock|poetry\.lock|requirements[^/]*\.txt|conda-lock\.yml|pixi\.lock|Cargo\.lock|renv\.lock)$/;

/** Whether a file lists what a program depends on, to the version. */
export function isLockFile(path: string): boolean {
  return LOCK_FILE.test(path);
}

export function textOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function bytesOfText(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** A file's part of a patch. */
export interface Section {
  text: string;
  masked_lines: number;
}

/** The sections of git's own diff, each with the path that it is about. */
export function sectionsOf(diff: string): { path: string; text: string }[] {
  return diff.split(/(?<=\n)(?=diff --git )/).filter((text) => text.startsWith("diff --git ")).map(
    (text) => {
      // Without renames both names are the same, so that half of the line is one of them.
      const names = text.slice("diff --git ".length, text.indexOf("\n"));
      const first = names.slice(0, (names.length - 1) / 2);
      return { path: pathOfName(first), text };
    },
  );
}

function pathOfName(name: string): string {
  const plain = name.startsWith('"')
    ? name.slice(1, -1).replace(/\\([0-7]{3}|.)/g, (_, code: string) => {
      return code.length === 3
        ? String.fromCharCode(parseInt(code, 8))
        : ESCAPES[code as keyof typeof ESCAPES] ?? code;
    })
    : name;
  return new TextDecoder().decode(bytesOfText(plain.slice("a/".length)));
}

const ESCAPES = { a: "\x07", b: "\b", t: "\t", n: "\n", v: "\v", f: "\f", r: "\r" };

function nameOfPath(prefix: string, path: string): string {
  const text = `${prefix}${textOfBytes(new TextEncoder().encode(path))}`;
  if (/^[\w./+@%=,-]+$/.test(text)) return text;
  // deno-lint-ignore no-control-regex
  const quoted = text.replace(/["\\]/g, "\\$&").replace(/[\x00-\x1f\x7f]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${quoted}"`;
}

/** What there is now in the place of a file. */
export interface NewContent {
  bytes: Uint8Array;
  is_executable: boolean;
}

/**
 * A section of git's diff, masked. Without the file's new content, a section that could only be kept by
 * it is left out.
 */
export function maskedSection(
  path: string,
  section: string,
  object_format: string,
  content: NewContent | undefined,
): Section | undefined {
  const lines = section.replace(/\n$/, "").split("\n");
  const at_body = lines.findIndex((line) => /^(@@ |Binary files )/.test(line));
  if (at_body < 0) return { text: section, masked_lines: 0 };
  const head = lines.slice(0, at_body);
  const is_text = lines[at_body].startsWith("@@ ");
  const masked = is_text ? maskedHunks(lines.slice(at_body), isLockFile(path)) : undefined;
  if (masked) {
    return {
      text: `${[...head, ...masked.lines].join("\n")}\n`,
      masked_lines: masked.masked_lines,
    };
  }
  // A link is no file whose content could stand there.
  if (head.some((line) => /^(index|new|old|deleted) .*\b120000$/.test(line))) return;
  const is_deleted = head.some((line) => line.startsWith("deleted file mode "));
  const kept = content && maskedContent(content.bytes, isLockFile(path));
  if (!is_deleted && !kept) return;
  const bytes = is_deleted || !kept ? new Uint8Array() : kept.bytes;
  const to = is_deleted ? undefined : blobId(bytes, object_format);
  const text = head.filter((line) => !/^(---|\+\+\+) /.test(line))
    .map((line) =>
      line.replace(/^(index [0-9a-f]+\.\.)([0-9a-f]+)/, (_, from, old) => {
        return `${from}${to ?? old}`;
      })
    );
  return {
    text: `${text.join("\n")}\n${literalOf(bytes)}`,
    masked_lines: kept?.masked_lines ?? 0,
  };
}

/** Whether a section makes a file of this content; git may store another than the folder has. */
export function isOfContent(
  section: string,
  { bytes }: NewContent,
  object_format: string,
): boolean {
  const [, id] = /^index [0-9a-f]+\.\.([0-9a-f]+)/m.exec(section) ?? [];
  return id === undefined || id === blobId(bytes, object_format);
}

/** Hunks with masked lines; undefined where a line would be masked that git has to find and take out. */
function maskedHunks(
  lines: readonly string[],
  is_lock_file: boolean,
): { lines: string[]; masked_lines: number } | undefined {
  const secrets = new SecretLines(is_lock_file);
  const out: string[] = [];
  let masked_lines = 0;
  let from = 0, to = 0;
  let hunk = { from, to, lines: [] as string[] };
  const endHunk = () => {
    const counts = (sign: string) =>
      hunk.lines.filter((line) => line[0] === " " || line[0] === sign).length;
    const is_change = hunk.lines.some((line) => line[0] === "+" || line[0] === "-");
    const range = (start: number, count: number) => `${count === 0 ? start - 1 : start},${count}`;
    if (is_change) {
      out.push(`@@ -${range(hunk.from, counts("-"))} +${range(hunk.to, counts("+"))} @@`);
      // One by one: a call takes no more arguments than the stack holds.
      for (const line of hunk.lines) out.push(line);
    }
    hunk = { from, to, lines: [] };
  };
  for (const line of lines) {
    const [, start, old_count, new_start, new_count] =
      /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (start !== undefined) {
      endHunk();
      from = Number(start) + (old_count === "0" ? 1 : 0);
      to = Number(new_start) + (new_count === "0" ? 1 : 0);
      hunk = { from, to, lines: [] };
      continue;
    }
    const sign = line[0];
    const is_secret = sign !== "\\" && secrets.isSecret(line.slice(1));
    if (is_secret && sign === "-") return undefined;
    if (sign === " " || sign === "-") from++;
    if (sign === " " || sign === "+") to++;
    if (!is_secret) hunk.lines.push(line);
    else if (sign === "+") {
      hunk.lines.push(`+${MASK}`);
      masked_lines++;
    } else endHunk();
  }
  endHunk();
  return { lines: out, masked_lines };
}

/** A file's content with masked lines; undefined for one that is no text and holds what looks like a key. */
function maskedContent(
  bytes: Uint8Array,
  is_lock_file: boolean,
): { bytes: Uint8Array; masked_lines: number } | undefined {
  const text = textOfBytes(bytes);
  const is_text = !text.includes("\0");
  const secrets = new SecretLines(is_lock_file);
  let masked_lines = 0;
  // Every second byte is a zero in some encodings.
  const lines = (is_text ? text : text.replaceAll("\0", "")).split("\n").map((line) => {
    if (!secrets.isSecret(line)) return line;
    masked_lines++;
    return MASK;
  });
  if (masked_lines === 0) return { bytes, masked_lines };
  return is_text ? { bytes: bytesOfText(lines.join("\n")), masked_lines } : undefined;
}

/** The section of a file that git does not know. */
export function newFileSection(
  path: string,
  { bytes, is_executable }: NewContent,
  object_format: string,
): Section | undefined {
  const kept = maskedContent(bytes, isLockFile(path));
  if (!kept) return;
  const text = textOfBytes(kept.bytes);
  const head = [
    `diff --git ${nameOfPath("a/", path)} ${nameOfPath("b/", path)}`,
    `new file mode ${is_executable ? "100755" : "100644"}`,
    `index ${"0".repeat(blobId(bytes, object_format).length)}..${
      blobId(kept.bytes, object_format)
    }`,
  ].join("\n");
  const { masked_lines } = kept;
  if (text === "") return { text: `${head}\n`, masked_lines };
  if (text.includes("\0")) return { text: `${head}\n${literalOf(kept.bytes)}`, masked_lines };
  const lines = text.replace(/\n$/, "").split("\n");
  const body = [
    "--- /dev/null",
    `+++ ${nameOfPath("b/", path)}`,
    `@@ -0,0 +1,${lines.length} @@`,
    ...lines.map((line) => `+${line}`),
    ...text.endsWith("\n") ? [] : ["\\ No newline at end of file"],
  ].join("\n");
  return { text: `${head}\n${body}\n`, masked_lines };
}

/** The name that git gives to a content. */
function blobId(bytes: Uint8Array, object_format: string): string {
  return createHash(object_format).update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

const DIGITS =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const LINE_BYTES = 52;

/** Content that is no text, as git writes it into a patch: packed, in base 85, 52 bytes a line. */
function literalOf(bytes: Uint8Array): string {
  const packed = deflateSync(bytes);
  const lines: string[] = [];
  for (let at = 0; at < packed.length; at += LINE_BYTES) {
    const piece = packed.subarray(at, at + LINE_BYTES);
    const length = String.fromCharCode(piece.length + (piece.length <= 26 ? 64 : 70));
    let line = length;
    for (let word_at = 0; word_at < piece.length; word_at += 4) {
      let word = 0;
      for (let index = 0; index < 4; index++) word = word * 256 + (piece[word_at + index] ?? 0);
      let digits = "";
      for (let digit = 0; digit < 5; digit++) {
        digits = DIGITS[word % 85] + digits;
        word = Math.floor(word / 85);
      }
      line += digits;
    }
    lines.push(line);
  }
  return `GIT binary patch\nliteral ${bytes.length}\n${lines.join("\n")}\n\n`;
}
