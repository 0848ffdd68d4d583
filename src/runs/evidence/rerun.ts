/**
 * Planner of a rerun: the commands that bring a run's code, inputs and arguments back in a fresh folder,
 * and what they cannot bring back. It runs none of them. All of it is what a manifest says, which may
 * come from anywhere: every word is quoted, and what is no word for a shell is not printed as one.
 */
import { dirname, isAbsolute, join, relative, resolve } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { digestOf, textDigest } from "../../base/files/checksum.ts";
import { CONTROL_CHARACTER, counted, escaped, shellWord } from "../../base/format.ts";
import { files_verified_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type CodeFacts, codeOf } from "../manifest/code_facts.ts";
import { inputsOf, isPathBelow, type RunManifest } from "../manifest/manifest.ts";
import type { ChangedFile } from "./changes.ts";
import { hasCommit } from "./git.ts";
import { MASK } from "./secrets.ts";

/** How to do a run again. */
export interface Rerun {
  run_id: string;
  /** The fresh folder that the commands make. */
  folder: string;
  /** What cannot be brought back, a sentence for each. */
  cannot: string[];
  steps: { title: string; commands: string[] }[];
}

/** A folder's name that is a word for every shell. */
const FOLDER_CHARACTERS = /[^\w.-]+/g;

/** Plans how to do a run again. Its folder is where the evidence is. */
export async function planRerun(
  world: World,
  manifest: RunManifest,
  run_folder: string,
): Promise<Rerun> {
  return await new RerunPlanner(world, manifest, resolve(world.cwd(), run_folder)).plan();
}

class RerunPlanner {
  readonly #code: CodeFacts;
  readonly #folder: string;
  readonly #cannot: string[] = [];
  readonly #steps: Rerun["steps"] = [];
  /** Digests of files in the fresh folder. */
  readonly #digests: string[] = [];

  constructor(
    readonly world: World,
    readonly manifest: RunManifest,
    readonly run_folder: string,
  ) {
    this.#code = codeOf(manifest);
    this.#folder = `rerun-${manifest.run_id.replace(FOLDER_CHARACTERS, "_")}`;
  }

  async plan(): Promise<Rerun> {
    const has_code = await this.#planCode();
    if (has_code) {
      const list = this.#changedFiles();
      this.#planPatch(list);
      this.#planLockFiles();
    }
    this.#planInputs(has_code);
    this.#planRun(has_code);
    const { host, system, cores, versions = {} } = this.#code;
    const made_with = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    if (made_with.length > 0) {
      this.#cannot.push(`what it computed with is not installed for you: ${made_with.join(", ")}`);
    }
    if (host && (host !== this.world.hostname() || system !== this.world.machine().system)) {
      this.#cannot.push(`the machine: it was ${host}, ${system}, ${counted(cores ?? 0, "core")}`);
    }
    return {
      run_id: this.manifest.run_id,
      folder: this.#folder,
      cannot: this.#cannot,
      steps: this.#steps.filter(({ commands }) => commands.length > 0),
    };
  }

  /** Whether the code can be had, from a folder or from elsewhere. */
  async #planCode(): Promise<boolean> {
    const { repository, git_dir, remotes = {} } = this.#code;
    const { git_commit } = this.manifest;
    const commit = /^[0-9a-f]{40,64}$/.test(git_commit ?? "") ? git_commit : undefined;
    if (!commit && repository === undefined) {
      this.#cannot.push("the code: no repository was known when the run began");
      return false;
    }
    if (!commit) {
      this.#step("the code: nothing was committed", [`git init --quiet ${this.#folder}`]);
      return true;
    }
    const there = [repository, git_dir].find((path) =>
      path !== undefined && isAbsolute(path) && isWord(path) &&
      [join(path, ".git"), join(path, "objects")].some((at) => this.#isThere(at))
    );
    const source = there ?? [remotes.origin, ...Object.values(remotes)].find(isRemote);
    if (source === undefined) {
      this.#cannot.push(
        repository === undefined
          ? `the code: which repository has commit ${commit} was not noted`
          : `the code: its repository ${repository} is gone, and it was cloned from nowhere`,
      );
      return false;
    }
    const masked = source.includes(MASK);
    if (masked) {
      this.#cannot.push(`the user of ${source}: it was masked, put your own in its place`);
    }
    if (there === undefined) {
      this.#cannot.push(
        `commits that were not pushed: ${repository} is gone, so ${source} is cloned`,
      );
    } else if (!await hasCommit(this.world, this.#gitDirOf(there), commit)) {
      this.#cannot.push(`the code: commit ${commit} is not in ${there} any more`);
    }
    this.#step(`the code: commit ${commit}`, [
      `git clone --quiet --no-checkout -- ${masked ? withMasks(source, 0) : shellWord(source)} ` +
      this.#folder,
      `git -C ${this.#folder} checkout --quiet --detach ${commit}`,
      ...this.#code.has_submodules
        ? [`git -C ${this.#folder} submodule --quiet update --init --recursive`]
        : [],
    ]);
    for (const path of this.#code.submodules ?? []) {
      this.#cannot.push(`${path}: a repository of its own, with changes that were not kept`);
    }
    return true;
  }

  #gitDirOf(path: string): string {
    return this.#isThere(join(path, "objects")) ? path : this.#code.git_dir ?? join(path, ".git");
  }

  /** The list of files that were not as they were committed; none where it is gone. */
  #changedFiles(): ChangedFile[] {
    const { files, changed = 0, untracked = 0 } = this.#code;
    if (!files) {
      if (changed + untracked > 0) this.#cannot.push("the changes that were not committed");
      return [];
    }
    try {
      const text = this.world.files.readText(join(this.run_folder, files.path));
      if (textDigest(text) !== files.sha256) {
        this.#cannot.push(`${files.path}: it is not the file that was written then`);
      }
      return text.split("\n").filter(Boolean).map((line) => JSON.parse(line))
        .filter((file) => typeof file?.path === "string" || file?.more === true);
    } catch (error) {
      if (!asLedgerError(error) && !(error instanceof SyntaxError)) throw error;
      this.#cannot.push(`which files were changed: ${files.path} cannot be read`);
      return [];
    }
  }

  #planPatch(list: readonly ChangedFile[]): void {
    for (const { path, kept, reason, masked_lines = 0, state } of list) {
      if (path === undefined) this.#cannot.push(`further changed files: ${reason}`);
      else if (!kept) this.#cannot.push(`${path} (${state}): ${reason}`);
      else if (masked_lines > 0) {
        const lines = counted(masked_lines, "line");
        this.#cannot.push(`${path}: ${lines} that looked like a secret, masked as ${MASK}`);
      } else if (reason) this.#cannot.push(`${path}: ${reason}`);
    }
    const { patch } = this.#code;
    if (!patch) return;
    const path = join(this.run_folder, patch.path);
    const problem = this.#problemOf(path, patch.sha256);
    if (problem) this.#cannot.push(`the changes that were not committed: ${path} ${problem}`);
    this.#step("what was not committed", [
      `git -C ${this.#folder} -c apply.ignoreWhitespace=no apply --unidiff-zero ` +
      `--whitespace=nowarn ${shellWord(path)}`,
    ]);
    for (const { path, kept, sha256, masked_lines, reason } of list) {
      if (kept && sha256 && !masked_lines && !reason) this.#verify(path, sha256);
    }
  }

  #problemOf(path: string, sha256: string): string | undefined {
    try {
      if (!this.#isThere(path)) return "is gone";
      const text = this.world.files.readBytes(path);
      return digestOf([text]) === sha256 ? undefined : "is not the file that was written then";
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      return `cannot be read: ${problem.message}`;
    }
  }

  #planLockFiles(): void {
    for (const { path, sha256 } of this.#code.lock_files ?? []) {
      const below = this.#below(resolve(this.#code.cwd ?? "/", path));
      if (below !== undefined) this.#verify(below, sha256);
    }
  }

  /** A path in the fresh folder, for one that was in the repository. */
  #below(path: string): string | undefined {
    const { repository } = this.#code;
    if (repository === undefined) return undefined;
    const below = relative(repository, path);
    return isPathBelow(below) ? below : undefined;
  }

  #verify(path: string, sha256: string): void {
    // The program that checks them would take such a name for two.
    if (isWord(path) && !path.includes("\\") && !path.split("/").includes("..")) {
      this.#digests.push(`${sha256}  ${path}`);
    }
  }

  #planInputs(has_code: boolean): void {
    const digests: string[] = [];
    const copies: string[] = [];
    for (const { path, sha256, bytes } of inputsOf(this.manifest)) {
      const original = resolve(this.#code.cwd ?? "/", path);
      if (!isWord(original)) {
        this.#cannot.push(`${path}: its name is no word for a shell`);
        continue;
      }
      const facts = this.#factsOf(original);
      const is_other = facts && facts.size_bytes !== bytes;
      if (!facts) this.#cannot.push(`the input ${original}: it is gone`);
      else if (is_other) this.#cannot.push(`the input ${original}: it has another size by now`);
      const below = has_code ? this.#below(original) : undefined;
      if (below === undefined) digests.push(`${sha256}  ${original}`);
      else {
        const [target, from] = [shellWord(`./${below}`), shellWord(original)];
        const folder = shellWord(`./${dirname(below)}`);
        copies.push(`[ -e ${target} ] || { mkdir -p ${folder} && cp -- ${from} ${target}; }`);
        this.#verify(below, sha256);
      }
    }
    if (has_code) this.#step("all else in the fresh folder", [`cd ${this.#folder}`]);
    this.#step("inputs, and what the files have to be", [
      ...copies,
      // A lock file may be an untracked file too, and an input a changed one.
      ...checkOf([...new Set(this.#digests)]),
      ...checkOf(digests),
    ]);
  }

  #planRun(has_code: boolean): void {
    const { argv = [], env = {}, cwd } = this.#code;
    const members = this.manifest.parameters;
    const parameters = Object.keys(members).length === 0
      ? ""
      : `parameters ${JSON.stringify(members)}`;
    const below = cwd === undefined ? undefined : this.#below(cwd);
    const commands: string[] = [];
    if (has_code && below !== undefined && isWord(below)) {
      commands.push(`cd ${shellWord(`./${below}`)}`);
    }
    if (!has_code && cwd !== undefined && isWord(cwd)) commands.push(`cd ${shellWord(cwd)}`);
    if (argv.length === 0) {
      this.#cannot.push(
        "the command line: none was given (ledger runs create … -- COMMAND)" +
          (parameters === "" ? "" : `; the run had the ${parameters}`),
      );
    } else if ([...argv, ...Object.values(env)].some((word) => word.includes("\0"))) {
      this.#cannot.push("the command line: a word of it can be given to no program");
    } else {
      const words = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...argv];
      let masks = 0;
      const shown = words.map((word) => {
        if (!word.includes(MASK)) return quotedWord(word);
        const text = withMasks(word, masks);
        masks += word.split(MASK).length - 1;
        return text;
      });
      if (masks > 0) {
        this.#cannot.push(
          `${counted(masks, "word")} of the command line that looked like a secret: ` +
            `set ${Array.from({ length: masks }, (_, index) => `MASKED_${index + 1}`).join(", ")}`,
        );
      }
      commands.push(`${Object.keys(env).length > 0 ? "env " : ""}${shown.join(" ")}`);
    }
    const { seed } = this.#code;
    const made_with = [seed === undefined ? "" : `seed ${seed}`, parameters]
      .filter((each) => each !== "").join(" and ");
    this.#step(made_with === "" ? "the run" : `the run, with ${made_with}`, commands);
  }

  #step(title: string, commands: string[]): void {
    this.#steps.push({ title, commands });
  }

  #factsOf(path: string) {
    try {
      return this.world.files.facts(path);
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    }
  }

  #isThere(path: string): boolean {
    return this.#factsOf(path) !== undefined;
  }
}

/** One line of text that a shell takes as it is, and that steers no terminal. */
function isWord(text: string): boolean {
  return text !== "" && !CONTROL_CHARACTER.test(text);
}

/** Where git clones from without running what it names: `ext::` runs a program. */
function isRemote(url: string | undefined): url is string {
  return url !== undefined && isWord(url) && !url.startsWith("-") && !url.includes("::") &&
    /^((https?|ssh|git|file):\/\/|\/|[\w.[\]-]+(@[\w.-]+)?:(?!\/\/))/.test(url);
}

/** A word for a shell; characters that steer a terminal are written as their codes. */
function quotedWord(word: string): string {
  if (word === "") return "''";
  if (!CONTROL_CHARACTER.test(word.replace(/[\n\t]/g, ""))) return shellWord(word);
  // The shell takes newlines from the end of what a command prints.
  const [, body, end] = /^([\s\S]*?)(\n*)$/.exec(word)!;
  const codes = [...new TextEncoder().encode(body)]
    .map((byte) => `\\${byte.toString(8).padStart(3, "0")}`);
  return `"$(printf '${codes.join("")}')${end}"`;
}

/** A word with masked secrets, each of which the shell asks for by a variable. */
function withMasks(word: string, before: number): string {
  const pieces = word.split(MASK).map((piece) => piece === "" ? "" : quotedWord(piece));
  return pieces.reduce((text, piece, index) =>
    `${text}"\${MASKED_${before + index}:?a secret that was masked}"${piece}`
  );
}

function checkOf(digests: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < digests.length; at += files_verified_max) {
    const words = digests.slice(at, at + files_verified_max).map((line) => shellWord(line));
    lines.push(`printf '%s\\n' ${words.join(" ")} | sha256sum --check --quiet`);
  }
  return lines;
}

/** The plan as a script for a shell: what cannot be brought back stands first, as a comment. */
export function rerunScript({ run_id, cannot, steps }: Rerun): string {
  const comment = (text: string) => `# ${escaped(text)}`;
  return [
    ...cannot.length > 0
      ? [
        comment(`not brought back of run ${run_id}:`),
        ...cannot.map((text) => comment(`- ${text}`)),
      ]
      : [comment(`brings back all that is known of run ${run_id}`)],
    "set -e",
    ...steps.flatMap(({ title, commands }) => [comment(title), ...commands]),
  ].join("\n");
}
