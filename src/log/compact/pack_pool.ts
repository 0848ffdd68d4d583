/** Thread pool that packs parts, as many at once as there are cores. */
import { pack_threads_max } from "../../base/limits.ts";
import { Thread } from "../../base/thread.ts";
import { doOnThreads } from "../../base/thread_pool.ts";
import type { World } from "../../base/world.ts";
import type { PackRequest } from "./pack_part.ts";
import type { Checksum } from "../format/checksum.ts";

const MODULE = {
  name: "packing",
  bundled: "./src/log/compact/pack_worker.js",
  source: "./pack_worker.ts",
  seen_from: import.meta.url,
};

type Packed<Job> = AsyncGenerator<Job & { proof: Checksum }>;

/** Packs parts, in the order in which they are ready. A job is taken when a thread is free for it. */
export async function* packAll<Job extends { request: PackRequest }>(
  world: World,
  jobs: AsyncIterable<Job>,
): Packed<Job> {
  const source = jobs[Symbol.asyncIterator]();
  const known: Job[] = [];
  const nextJob = async () => known.shift() ?? (await source.next()).value as Job | undefined;
  const threads = world.has_threads ? pack_threads_max : 1;
  while (known.length < threads) {
    const { done, value } = await source.next();
    if (done) break;
    known.push(value);
  }
  // A thread for one part alone takes longer to start than it saves.
  yield* known.length > 1 ? packOnThreads(world, known.length, nextJob) : packHere(world, nextJob);
}

async function* packHere<Job extends { request: PackRequest }>(
  world: World,
  nextJob: () => Promise<Job | undefined>,
): Packed<Job> {
  const [{ packPart }, { packingColumns }] = await Promise.all([
    import("./pack_part.ts"),
    import("../codec/packing.ts"),
  ]);
  const columns = packingColumns();
  for (let job = await nextJob(); job; job = await nextJob()) {
    yield { ...job, proof: packPart(world, job.request, columns) };
    await world.turn();
  }
}

async function* packOnThreads<Job extends { request: PackRequest }>(
  world: World,
  threads: number,
  nextJob: () => Promise<Job | undefined>,
): Packed<Job> {
  const packers = Array.from(
    { length: threads },
    () => new Thread<PackRequest, Checksum>(MODULE, world.pause),
  );
  for await (const { job, result } of doOnThreads(packers, nextJob)) {
    yield { ...job, proof: result };
  }
}
