/**
 * Changes of the code that were not committed: a patch that brings them back, and the list of all of
 * them with digests, for what the patch cannot hold.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { digestOf } from "../../base/files/checksum.ts";
import { blocksOfFile, readFully } from "../../base/files/durable.ts";
import { outsideFiles } from "../../base/files/outside.ts";
import { type FileFacts, type Files, standOf } from "../../base/files/seam.ts";
import {
  changed_files_listed_max,
  digested_bytes_max,
  patch_bytes_max,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { CodeFacts } from "../manifest/code_facts.ts";
import { RUN_FILES } from "../manifest/layout.ts";
import { type GitStatus, readDiff, type Repository } from "./git.ts";
import {
  bytesOfText,
  isOfContent,
  maskedSection,
  type NewContent,
  newFileSection,
  type Section,
  sectionsOf,
  textOfBytes,
} from "./patch.ts";
import { isSecretName, maskPath } from "./secrets.ts";

/** A changed or untracked file, as a line of the list has it. */
export interface ChangedFile {
  path: string;
  state: "changed" | "deleted" | "untracked";
  bytes?: number;
  sha256?: string;
  /** Whether the patch brings it back, but for masked lines. */
  kept: boolean;
  masked_lines?: number;
  /** Why it is not kept, or not digested. */
  reason?: string;
}

/** A file that belongs to a run's manifest, below its folder. */
export interface EvidenceFile {
  path: string;
  bytes: Uint8Array;
}

const BEYOND = `the patch holds at most ${patch_bytes_max} bytes`;

/** Reads what is changed in a repository into a patch and a list, within their limits. */
export class ChangesReader {
  readonly #files: Files;
  readonly #sections: string[] = [];
  readonly #list: ChangedFile[] = [];
  #why_no_section = BEYOND;
  #patch_bytes = 0;
  #masked_lines = 0;
  #digested_bytes = 0;

  constructor(
    readonly world: World,
    readonly repository: Repository,
    readonly status: GitStatus,
    /** Whether changes are kept; whether git makes what it stores by programs of the repository. */
    readonly how: { is_kept: boolean; has_filters: boolean },
  ) {
    this.#files = outsideFiles(world.files, repository.top);
  }

  async read(): Promise<{ facts?: Partial<CodeFacts>; files: EvidenceFile[] }> {
    const { changed, untracked, unwatched, is_cut } = this.status;
    const count = changed.length + untracked.length + unwatched.length;
    if (count === 0) return { files: [] };
    const before = new Map(changed.map((path) => [path, this.#factsOf(path)]));
    const diff = this.how.is_kept && changed.length > 0
      ? await readDiff(this.world, this.repository, this.status)
      : undefined;
    const sections = Map.groupBy(
      sectionsOf(textOfBytes(diff?.stdout ?? new Uint8Array())),
      ({ path }) => path,
    );
    this.#why_no_section = diff || !this.how.is_kept
      ? BEYOND
      : "git cannot tell its change: is an object of the repository missing?";
    // The last one that was read is half of one.
    if (diff?.is_cut) sections.delete([...sections.keys()].at(-1) ?? "");
    const first = (paths: string[]) =>
      paths.slice(0, Math.max(0, changed_files_listed_max - this.#list.length));
    for (const path of first(changed)) {
      this.#takeChanged(path, before.get(path), sections.get(path));
    }
    for (const path of first(unwatched)) {
      const { file } = this.#read(path, "changed", this.#factsOf(path));
      this.#note({
        ...file,
        reason:
          "git does not watch it (assume-unchanged or skip-worktree): it may be as it was committed",
      });
    }
    for (const path of first(untracked)) this.#takeUntracked(path);
    const left_out = this.#list.filter(({ kept }) => !kept).length;
    const list = new TextEncoder().encode(
      this.#list.map((file) => `${JSON.stringify(file)}\n`).join("") +
        (is_cut || this.#list.length < count
          ? `${JSON.stringify({ more: true, kept: false, reason: "more than are listed" })}\n`
          : ""),
    );
    const patch = bytesOfText(this.#sections.join(""));
    const noted = (path: string, bytes: Uint8Array) => ({
      path,
      bytes: bytes.length,
      sha256: digestOf([bytes]),
    });
    return {
      facts: {
        files: { ...noted(RUN_FILES.changed_files, list), left_out },
        ...(patch.length > 0
          ? { patch: { ...noted(RUN_FILES.patch, patch), masked_lines: this.#masked_lines } }
          : {}),
      },
      files: [
        { path: RUN_FILES.changed_files, bytes: list },
        ...(patch.length > 0 ? [{ path: RUN_FILES.patch, bytes: patch }] : []),
      ],
    };
  }

  #takeChanged(path: string, before?: FileFacts, sections?: { text: string }[]): void {
    const { file, content } = this.#read(path, before ? "changed" : "deleted", before);
    const reason = this.#whyNot(path);
    if (reason) return this.#note({ ...file, reason });
    if (!sections) return this.#note({ ...file, reason: this.#why_no_section });
    const { object_format } = this.repository;
    const is_filtered = this.how.has_filters && content !== undefined &&
      sections.some(({ text }) => !isOfContent(text, content, object_format));
    const kept = sections.map(({ text }) =>
      maskedSection(path, text, object_format, is_filtered ? undefined : content)
    );
    if (is_filtered) file.reason ??= "it is kept as the repository's filter makes it for git";
    this.#keep(
      file,
      kept,
      is_filtered
        ? "a filter of the repository makes what git has of it"
        : "its change cannot be told without what looks like a secret",
    );
  }

  #takeUntracked(path: string): void {
    const { file, content } = this.#read(path, "untracked", this.#factsOf(path));
    const is_hidden = path.split("/").some((step) => step.startsWith("."));
    const reason = this.#whyNot(path) ?? file.reason ??
      (is_hidden ? "a hidden file that git does not know" : undefined);
    if (reason) return this.#note({ ...file, reason });
    if (!content) return this.#note({ ...file, reason: BEYOND });
    const section = newFileSection(path, content, this.repository.object_format);
    this.#keep(file, [section], "it looks as if a secret were in it, and it is no text");
  }

  #keep(file: ChangedFile, sections: (Section | undefined)[], problem: string): void {
    const whole = sections.filter((section) => section !== undefined);
    if (whole.length < sections.length) return this.#note({ ...file, reason: problem });
    const bytes = whole.reduce((sum, { text }) => sum + text.length, 0);
    if (this.#patch_bytes + bytes > patch_bytes_max) {
      return this.#note({ ...file, reason: BEYOND });
    }
    const masked_lines = whole.reduce((sum, section) => sum + section.masked_lines, 0);
    this.#patch_bytes += bytes;
    this.#masked_lines += masked_lines;
    this.#sections.push(...whole.map(({ text }) => text));
    this.#note({ ...file, kept: true, ...(masked_lines > 0 ? { masked_lines } : {}) });
  }

  /** A name may be a secret itself. */
  #note(file: ChangedFile): void {
    this.#list.push({ ...file, path: maskPath(file.path) });
  }

  #whyNot(path: string): string | undefined {
    if (!this.how.is_kept) return "changes are not kept (--no-code)";
    if (isSecretName(path)) return "its name says that secrets are in it";
    if (path.includes("\ufffd")) return "its name is not UTF-8";
  }

  #factsOf(path: string): FileFacts | undefined {
    try {
      return this.#files.linkFacts(join(this.repository.top, path));
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    }
  }

  /** Size and digest of a file as it is, or why there is none; a small one's content too. */
  #read(
    path: string,
    state: ChangedFile["state"],
    before: FileFacts | undefined,
  ): { file: ChangedFile; content?: NewContent } {
    const file: ChangedFile = { path, state, kept: false };
    if (!before) {
      return { file: state === "deleted" ? file : { ...file, reason: "it cannot be read" } };
    }
    // A link that git knows is in its diff.
    if (!before.is_file && state === "changed") return { file };
    if (!before.is_file) {
      const reason = before.is_link ? "it is a link" : "it is a repository of its own";
      return { file: { ...file, reason } };
    }
    const { size_bytes: bytes } = before;
    if (this.#digested_bytes + bytes > digested_bytes_max) {
      const reason = "too large to be read at the start of a run";
      return { file: { ...file, bytes, reason } };
    }
    this.#digested_bytes += bytes;
    try {
      using open = this.#files.open(join(this.repository.top, path), "read");
      const small = bytes <= patch_bytes_max
        ? readFully(open, new Uint8Array(bytes), 0)
        : undefined;
      const sha256 = digestOf(small ? [small] : blocksOfFile(open));
      const after = open.facts();
      const is_same = standOf(after) === standOf(before);
      return {
        file: {
          ...file,
          bytes: small?.length ?? after.size_bytes,
          sha256,
          ...(is_same ? {} : { reason: "it changed while it was read" }),
        },
        content: small && { bytes: small, is_executable: ((after.mode ?? 0) & 0o100) !== 0 },
      };
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      return { file: { ...file, bytes, reason: "it cannot be read" } };
    }
  }
}
