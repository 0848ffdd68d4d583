/**
 * Content addressing of what a run reads: each input by the digest of its bytes, all of them by one
 * fingerprint. Large files are read on two threads, and not again as long as they stand as they did.
 */
import { textDigest } from "../../base/files/checksum.ts";
import type { FileFacts } from "../../base/files/seam.ts";
import { input_threads_bytes_min, input_threads_max } from "../../base/limits.ts";
import { Thread } from "../../base/thread.ts";
import { doOnThreads } from "../../base/thread_pool.ts";
import type { World } from "../../base/world.ts";
import type { InputCache } from "./input_cache.ts";
import { hasChanged, type InputContent, type ReadInput, readInput, standOf } from "./input_file.ts";
import { inputPaths } from "./input_paths.ts";
import type { RunInput } from "../manifest/manifest.ts";

const MODULE = {
  name: "hashing",
  bundled: "./src/runs/evidence/input_worker.js",
  source: "./input_worker.ts",
  seen_from: import.meta.url,
};

/** How inputs are read. */
interface InputReading {
  cache?: InputCache;
  /** Read every byte, whatever the cache has. */
  rehash?: boolean;
  onNotice?: (message: string) => void;
}

/** The digest of inputs: of their digests in order, a line each, as `sha256sum` would have them. */
export function fingerprintOf(inputs: readonly { sha256: string }[]): string {
  return textDigest(inputs.map(({ sha256 }) => `${sha256}\n`).sort().join(""));
}

/** Reads what a caller names as the inputs of a run. All of them stand as they were read. */
export async function readInputs(
  world: World,
  named: readonly string[],
  reading: InputReading = {},
): Promise<RunInput[]> {
  const inputs: RunInput[] = [];
  const paths = inputPaths(world, named);
  const stands = new Map<string, string>();
  for await (const { path, stand, content } of readFiles(world, paths, reading)) {
    stands.set(path, stand);
    inputs.push({ path, ...content });
  }
  for (const [path, stand] of stands) {
    const facts = world.files.facts(path);
    if (!facts || standOf(facts) !== stand) throw hasChanged(path);
  }
  return inputs.sort((a, b) => a.path < b.path ? -1 : 1);
}

interface ReadFile {
  path: string;
  /** How it stood. */
  stand: string;
  content: InputContent;
}

/** Reads files, in whatever order they are ready. */
async function* readFiles(
  world: World,
  paths: readonly string[],
  { cache, rehash, onNotice }: InputReading,
): AsyncGenerator<ReadFile> {
  const jobs: { request: string; facts: FileFacts; known?: InputContent }[] = [];
  for (const path of paths) {
    const facts = world.files.facts(path);
    if (!facts) throw hasChanged(path);
    const known = cache?.find(path, facts);
    if (known && !rehash) yield { path, stand: standOf(facts), content: known };
    else jobs.push({ request: path, facts, known });
  }
  // The largest first: so no thread begins it when the others are done.
  jobs.sort((a, b) => b.facts.size_bytes - a.facts.size_bytes);
  const bytes = jobs.reduce((sum, { facts }) => sum + facts.size_bytes, 0);
  const count = world.has_threads && bytes >= input_threads_bytes_min
    ? Math.min(input_threads_max, jobs.length)
    : 0;
  const nextJob = () => jobs.shift();
  const threads = Array.from(
    { length: count },
    () => new Thread<string, ReadInput>(MODULE, world.pause),
  );
  const done = count > 0 ? doOnThreads(threads, nextJob) : readHere(world, nextJob);
  for await (const { job: { request: path, known }, result: { content, facts } } of done) {
    if (known && known.sha256 !== content.sha256) {
      onNotice?.(`${path} has other bytes than when it was last read, and the same size and time`);
    }
    cache?.add(path, facts, content);
    yield { path, stand: standOf(facts), content };
  }
}

async function* readHere<Job extends { request: string }>(
  world: World,
  nextJob: () => Job | undefined,
) {
  for (let job = nextJob(); job; job = nextJob()) {
    yield { job, result: await readInput(world, job.request) };
  }
}
