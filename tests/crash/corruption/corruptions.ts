/** Ways in which a file of a lab goes bad, and which commands read it. */
import { basename, dirname, join } from "@std/path";
import { asLedgerError } from "../../../src/base/error.ts";
import { parseManifest } from "../../../src/runs/manifest/manifest.ts";
import type { Random } from "../../laws/random.ts";

/** Files that stand for each other: one of each kind is spoilt. */
export interface FileKind {
  name: string;
  /** Its path in the lab, once what differs from time to time is evened out. */
  path: RegExp;
  /** The commands that read it, by their names. */
  readers: readonly string[];
  /** The command that tells the damage of what cannot be made anew; none where all can be. */
  found_by?: string;
  /** Whether what it says is what it may say: a flipped bit that leaves it so is no damage that shows. */
  isWell?: (path: string) => boolean;
  /** Nothing else names it, so that no reader can know when it is gone, or its end. */
  is_unnamed?: boolean;
}

const LOG = [
  ...["log", "log, last", "status", "verify", "verify --deep", "emit", "emit by a writer", "seal"],
  ...["compact", "restore", "retain", "rebuild", "rebuild --full", "watch --once", "doctor"],
];
const REGISTRY = ["schema list", "schema show", "schema register", "schema migrate", "emit", "log"];
const INDEX = ["query", "query runs", "rebuild", "status", "report", "runs show", "doctor"];
const CATALOG = ["query catalog", "runs query", "runs sync", "runs show", "report", "runs diff"];
const RUNS = [
  ...["runs verify", "runs sync", "runs show", "runs diff", "runs compact", "runs prune", "report"],
  ...["runs write", "runs log", "runs finish", "query catalog", "doctor", "watch --once"],
];
const METRICS = [
  ...["runs write metrics", "query metrics", "runs show", "runs verify", "runs finish"],
];
const TRACES = [
  ...["trace query", "trace path", "trace tree", "trace latency", "trace sample", "trace export"],
  ...["trace stats", "trace compact", "trace publish", "report", "doctor"],
];

/** Files that nothing else names: who takes one away takes it without a trace. */
const UNNAMED = new Set([
  ...["an open part", "waiting traces", "traces", "a mark of success", "waiting metrics"],
]);

/** Every kind of file there is. */
export const FILE_KINDS: readonly FileKind[] = [
  kind("a sealed part", /day=2026-01-25\/part-000001\.jsonl$/, LOG, "verify --deep"),
  kind("a sealed part of a writer", /part-000002\.w1\.jsonl$/, LOG, "verify --deep"),
  kind("an open part", /day=2026-01-26\/part-000002\.jsonl$/, LOG),
  kind("a packed part", /events\/day=.*\.parquet$/, LOG, "verify --deep"),
  kind("the seals of a packed day", /day=2026-01-24\/_sealed\.json$/, LOG, "verify --deep"),
  kind("the seals of a day", /day=2026-01-26\/_sealed\.json$/, LOG, "verify --deep"),
  kind("the chain", /_chain\.jsonl$/, [...LOG, "archive import", "pull"], "verify --deep"),
  kind("the registry", /_schema\.json$/, [...REGISTRY, "verify --deep"]),
  kind("what was pulled", /_pulled\.json$/, ["pull", "status", "log", "doctor"]),
  kind("the lock of a day", /day=2026-01-26\/\.lock$/, ["emit", "seal", "log", "doctor"]),
  kind("the lock of the chain", /\.chain\.lock$/, ["seal", "compact", "restore", "doctor"]),
  kind("the lock of the registry", /\.schema\.lock$/, ["schema register", "schema list"]),
  kind("the lock of pulls", /\.pull\.lock$/, ["pull"]),
  kind("a part of another box", /box-2\/.*\.jsonl$/, ["pull"]),
  kind(
    "an archive",
    /\.tar$/,
    ["archive import", "retain", "verify --deep", "doctor"],
    "archive import",
  ),
  kind("the index", /runs\.duckdb$/, INDEX),
  kind("the index's stamp", /runs\.duckdb\.published$/, INDEX),
  kind("the lock of the index", /index\/\.lock$/, ["rebuild", "runs sync", "query", "doctor"]),
  kind("the catalog", /catalog\.duckdb$/, CATALOG),
  kind("the alerts", /alerts\.duckdb$/, ["runs sync", "report", "doctor"]),
  kind("waiting traces", /traces\/_wal\/.*\.jsonl$/, TRACES),
  kind("the lock of waiting traces", /traces\/_wal\/(?!\.merge).*\.lock$/, TRACES),
  kind("traces", /type=SIGNAL\/.*\.parquet$/, TRACES),
  manifest("a manifest", /run_id=done-1\/run\.json$/),
  manifest("the manifest of a run at work", /run_id=running-1\/run\.json$/),
  kind("a mark of success", /_SUCCESS$/, RUNS),
  kind("a run's artifact", /run_id=done-1\/policy\/trades\.parquet$/, RUNS, "runs verify"),
  kind("waiting metrics", /run_id=running-1\/results\/metrics\.wal\/.*\.jsonl$/, METRICS),
  kind("a run's metrics", /run_id=done-1\/results\/metrics\.parquet$/, METRICS, "runs verify"),
  kind(
    "an attached file",
    /run_id=done-1\/files\/.*\.svg$/,
    ["runs verify", "runs show", "runs prune", "report"],
    "runs verify",
  ),
  kind("a run's log", /run_id=running-1\/logs\/stdout\.txt$/, RUNS),
  kind("the lock of a manifest", /run_id=running-1\/\.manifest\.lock$/, RUNS),
  kind("the list of a compacted month", /_list\.json$/, ["runs compact", ...CATALOG]),
  kind("a compacted artifact", /_compacted\/trades.*\.parquet$/, ["runs compact", ...CATALOG]),
  kind("trades beside the log", /artifacts\/.*\.parquet$/, [
    "report",
    "runs show",
    "query",
    "doctor",
  ]),
  kind("a summary beside the log", /artifacts\/.*summary\.json$/, ["artifacts put", "report"]),
  kind("the native library", /libduckdb\.so$/, ["query", "rebuild", "doctor"]),
  kind("the native binding", /duckdb\.node$/, ["query", "rebuild", "doctor"]),
  kind("the lock of the native library", /\.native\/.*\.lock$/, ["query", "doctor"]),
];

function kind(
  name: string,
  path: RegExp,
  readers: readonly string[],
  found_by?: string,
): FileKind {
  return { name, path, readers, found_by, is_unnamed: UNNAMED.has(name) };
}

/** A manifest: other programs write it too, so that it has no digest of its own. */
function manifest(name: string, path: RegExp): FileKind {
  return { ...kind(name, path, RUNS, "runs verify"), isWell: isManifest };
}

function isManifest(path: string): boolean {
  try {
    parseManifest(Deno.readTextFileSync(path), path);
    return true;
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return false;
  }
}

/** A way to go bad. It says false where it does not apply to this file. */
export type Corruption = (path: string, random: Random) => void | false;

const GARBAGE = '\0\xff{"event_id":';

/** All ways. */
export const CORRUPTIONS: Record<string, Corruption> = {
  "a flipped bit": (path, random) =>
    rewrite(path, (bytes) => {
      if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      return bytes;
    }),
  "a lost end": (path, random) =>
    rewrite(path, (bytes) => bytes.subarray(0, random.below(bytes.length))),
  "no bytes": (path) => rewrite(path, () => new Uint8Array()),
  "an end too many": (path) =>
    rewrite(path, (bytes) => joined(bytes, new TextEncoder().encode(GARBAGE))),
  "twice itself": (path) => rewrite(path, (bytes) => joined(bytes, bytes)),
  "its neighbour": (path) => {
    const other = neighbourOf(path);
    if (other === undefined) return false;
    const [own, others] = [Deno.readFileSync(path), Deno.readFileSync(other)];
    replace(path, others);
    replace(other, own);
  },
  "nothing": (path) => Deno.removeSync(path),
  "a link": (path) => {
    const aside = `${path}.aside`;
    Deno.renameSync(path, aside);
    Deno.symlinkSync(aside, path);
  },
  "a link to nowhere": (path) => {
    Deno.removeSync(path);
    Deno.symlinkSync(`${path}.nowhere`, path);
  },
  "a folder": (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
  "a pipe": (path) => {
    Deno.removeSync(path);
    const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
    if (!success) throw new Error("there is no mkfifo");
  },
};

function rewrite(path: string, change: (bytes: Uint8Array) => Uint8Array): void | false {
  const bytes = Deno.readFileSync(path);
  const changed = change(bytes.slice());
  if (changed.length === bytes.length && changed.every((byte, at) => byte === bytes[at])) {
    return false;
  }
  replace(path, changed);
}

/** A new file under the name: the old one may have other names, which stay good. */
function replace(path: string, bytes: Uint8Array): void {
  const { mode } = Deno.statSync(path);
  Deno.removeSync(path);
  Deno.writeFileSync(path, bytes, { mode: mode! & 0o777 });
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Another file of the same sort: in its folder, or in one beside that. */
function neighbourOf(path: string): string | undefined {
  const [folder, name] = [dirname(path), basename(path)];
  const ending = name.slice(name.lastIndexOf("."));
  const inFolder = (place: string, isAnother: (name: string) => boolean) =>
    Array.from(Deno.readDirSync(place)).filter(({ name, isFile }) =>
      isFile && name.endsWith(ending) && isAnother(name)
    ).map(({ name }) => join(place, name)).sort();
  const [first] = inFolder(folder, (other) => other !== name);
  if (first) return first;
  const beside = Array.from(Deno.readDirSync(dirname(folder)))
    .filter(({ name, isDirectory }) => isDirectory && name !== basename(folder))
    .flatMap(({ name }) => inFolder(join(dirname(folder), name), () => true));
  return beside.sort()[0];
}

/** The file of a kind in a lab. */
export function fileOfKind(lab: string, { name, path }: FileKind): string {
  const found: string[] = [];
  const look = (folder: string) => {
    for (const entry of Deno.readDirSync(folder)) {
      const whole = join(folder, entry.name);
      if (entry.isDirectory) look(whole);
      else if (path.test(whole)) found.push(whole);
    }
  };
  look(lab);
  if (found.length === 0) throw new Error(`the lab has no ${name}`);
  return found.sort()[0];
}
