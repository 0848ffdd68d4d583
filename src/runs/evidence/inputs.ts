/**
 * Content addressing of what a run reads: each input by the digest of its bytes, all of them by one
 * fingerprint. Large files are read on two threads, and not again as long as they stand as they did.
 */
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { textDigest } from "../../base/files/checksum.ts";
import { factsIfThere } from "../../base/files/outside.ts";
import { type FileFacts, standOf } from "../../base/files/seam.ts";
import {
  input_threads_bytes_min,
  input_threads_max,
  progress_every_ms,
} from "../../base/limits.ts";
import { Thread } from "../../base/thread.ts";
import { doOnThreads } from "../../base/thread_pool.ts";
import type { World } from "../../base/world.ts";
import type { InputCache } from "./input_cache.ts";
import {
  hasChanged,
  type InputContent,
  type InputOutcome,
  type InputRequest,
  tryReadInput,
} from "./input_file.ts";
import type { RunInput } from "../manifest/manifest.ts";

const MODULE = {
  name: "hashing",
  bundled: "./src/runs/evidence/input_worker.js",
  source: "./input_worker.ts",
  seen_from: import.meta.url,
};

/** How inputs are read. */
export interface InputReading {
  cache?: InputCache;
  /** Read every byte, whatever the cache has. */
  rehash?: boolean;
  onNotice?: (message: string) => void;
  /** Gets how much is read, of so much. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/** The digest of inputs: of their digests in order, a line each, as `sha256sum` would have them. */
export function fingerprintOf(inputs: readonly { sha256: string }[]): string {
  return textDigest(inputs.map(({ sha256 }) => `${sha256}\n`).sort().join(""));
}

/** Reads the inputs of a run. All of them stand as they were read. */
export async function readInputs(
  world: World,
  paths: readonly string[],
  reading: InputReading = {},
): Promise<RunInput[]> {
  const inputs: RunInput[] = [];
  const stands: [path: string, stand: string][] = [];
  for await (const { path, ...read } of readFiles(world, paths, reading)) {
    if ("problem" in read) throw new LedgerError(read.problem);
    stands.push([path, standOf(read.facts)]);
    inputs.push({ path, ...read.content });
  }
  for (const [path, stand] of stands) {
    const facts = world.files.facts(path);
    if (!facts || standOf(facts) !== stand) throw hasChanged(path);
  }
  return inputs.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Reads files, in whatever order they are ready. */
export async function* readFiles(
  world: World,
  paths: Iterable<string>,
  { cache, rehash, onNotice, onProgress }: InputReading,
): AsyncGenerator<{ path: string } & InputOutcome> {
  const jobs: { request: InputRequest; size_bytes: number; known?: InputContent }[] = [];
  const read = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  for (const path of paths) {
    const facts = tryFacts(world, path);
    if (facts instanceof LedgerError) {
      yield { path, problem: facts.toJSON() };
      continue;
    }
    const known = facts && cache?.find(path, facts);
    if (known && !rehash) yield { path, facts, content: known };
    else jobs.push({ request: { path, read }, size_bytes: facts?.size_bytes ?? 0, known });
  }
  // The largest first: so no thread begins it when the others are done.
  jobs.sort((a, b) => b.size_bytes - a.size_bytes);
  const bytes = jobs.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const count = world.has_threads && bytes >= input_threads_bytes_min
    ? Math.min(input_threads_max, jobs.length)
    : 0;
  const nextJob = () => jobs.shift();
  const threads = Array.from(
    { length: count },
    () => new Thread<InputRequest, InputOutcome>(MODULE, world.pause),
  );
  const show = () => onProgress?.(Number(Atomics.load(read, 0)), bytes);
  const done = count > 0 ? doOnThreads(threads, nextJob) : readHere(world, nextJob, show);
  const end = new AbortController();
  if (count > 0 && onProgress) showUntil(end.signal, world, show);
  try {
    for await (const { job: { request: { path }, known }, result } of done) {
      if ("content" in result) {
        if (known && known.sha256 !== result.content.sha256) {
          onNotice?.(
            `${path} has other bytes than when it was last read, and the same size and time`,
          );
        }
        cache?.add(path, result.facts, result.content);
      }
      yield { path, ...result };
    }
  } finally {
    end.abort();
  }
}

/** While threads read, this one looks how far they are. */
async function showUntil(end: AbortSignal, world: World, show: () => void): Promise<void> {
  while (!end.aborted) {
    show();
    await world.pause(progress_every_ms, end);
  }
}

/** Facts of a path that another may have named; where it cannot be looked at, why. */
export function tryFacts({ files }: World, path: string): FileFacts | undefined | LedgerError {
  try {
    return factsIfThere(files, path);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return problem;
  }
}

async function* readHere<Job extends { request: InputRequest }>(
  world: World,
  nextJob: () => Job | undefined,
  show: () => void,
) {
  for (let job = nextJob(); job; job = nextJob()) {
    yield { job, result: await tryReadInput(world, job.request, show) };
  }
}
