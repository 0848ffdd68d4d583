/** Packing on threads of its own, as many parts at once as there are cores. */
import { pack_threads_max } from "../base/limits.ts";
import { Thread } from "../base/thread.ts";
import type { World } from "../base/world.ts";
import type { PackRequest } from "./pack_part.ts";
import type { FileProof } from "./sealed.ts";

const MODULE = {
  name: "packing",
  bundled: "./src/log/packing_worker.js",
  source: "./packing_worker.ts",
  seen_from: import.meta.url,
};

type Packer = Thread<PackRequest, FileProof>;

/** Packs parts; the results come in the order in which they are ready. */
export async function* packAll<Job extends { request: PackRequest }>(
  world: World,
  jobs: readonly Job[],
): AsyncGenerator<Job & { proof: FileProof }> {
  const threads = Math.min(pack_threads_max, jobs.length);
  if (!world.has_threads || threads < 2) {
    const { packPart } = await import("./pack_part.ts");
    for (const job of jobs) {
      yield { ...job, proof: packPart(world, job.request) };
      await world.turn();
    }
    return;
  }
  const packers = Array.from({ length: threads }, (): Packer => new Thread(MODULE));
  const waiting = [...jobs];
  const running = new Map<Job, Promise<{ packer: Packer; job: Job; proof: FileProof }>>();
  const begin = (packer: Packer) => {
    const job = waiting.shift();
    if (!job) return;
    const packed = packer.run(job.request).then((proof) => ({ packer, job, proof }));
    // Whoever is not waited for any more, because another failed, fails unseen.
    packed.catch(() => {});
    running.set(job, packed);
  };
  try {
    // Each knows its next part too: while one is put in place, nobody could tell it.
    packers.forEach(begin);
    packers.forEach(begin);
    while (running.size > 0) {
      const { packer, job, proof } = await Promise.race(running.values());
      running.delete(job);
      begin(packer);
      yield { ...job, proof };
    }
  } finally {
    for (const packer of packers) packer.close();
  }
}
