/** Thread pool that packs parts, as many at once as there are cores. */
import { pack_threads_max } from "../../base/limits.ts";
import { Thread } from "../../base/thread.ts";
import type { World } from "../../base/world.ts";
import type { PackRequest } from "./pack_part.ts";
import type { Checksum } from "../format/checksum.ts";

const MODULE = {
  name: "packing",
  bundled: "./src/log/compact/pack_worker.js",
  source: "./pack_worker.ts",
  seen_from: import.meta.url,
};

type Packer = Thread<PackRequest, Checksum>;

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
  const packers = Array.from({ length: threads }, (): Packer => new Thread(MODULE, world.pause));
  const running = new Map<Job, Promise<{ packer: Packer; job: Job; proof: Checksum }>>();
  const begin = async (packer: Packer) => {
    const job = await nextJob();
    if (!job) return;
    const packed = packer.run(job.request).then((proof) => ({ packer, job, proof }));
    // A job that is not awaited any more, because another failed, fails unseen.
    packed.catch(() => {});
    running.set(job, packed);
  };
  try {
    // Each knows its next part too: while one is put in place, this thread could not tell it.
    for (const packer of [...packers, ...packers]) await begin(packer);
    while (running.size > 0) {
      const { packer, job, proof } = await Promise.race(running.values());
      running.delete(job);
      await begin(packer);
      yield { ...job, proof };
    }
  } finally {
    for (const packer of packers) packer.close();
  }
}
