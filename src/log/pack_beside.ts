/** Packing on threads of its own, as many parts at once as there are cores. */
import { BAKED_FACTS_NAME, type BakedFacts, buildFacts } from "../base/build.ts";
import { type ErrorFacts, LedgerError } from "../base/error.ts";
import { pack_threads_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { PackRequest } from "./pack_part.ts";
import type { FileProof } from "./sealed.ts";

/** What a thread is told. */
export type ToPacker = { request: PackRequest; facts?: BakedFacts };

/** What a thread answers. */
export type FromPacker =
  | { kind: "packed"; proof: FileProof }
  /** An error of ours, as data; any other as the text it has. */
  | { kind: "failed"; error?: ErrorFacts; text: string };

/** Where the bundle has the thread's module, seen from its other files; or where it stands here. */
const MODULE = { bundled: "./src/log/packing_worker.js", source: "./packing_worker.ts" };

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
  const packers = Array.from({ length: threads }, () => new Packer());
  const waiting = [...jobs];
  const running = new Map<Packer, Promise<{ packer: Packer; job: Job; proof: FileProof }>>();
  const begin = (packer: Packer) => {
    const job = waiting.shift();
    if (!job) return void running.delete(packer);
    const packed = packer.pack(job.request).then((proof) => ({ packer, job, proof }));
    // Whoever is not waited for any more, because another failed, fails unseen.
    packed.catch(() => {});
    running.set(packer, packed);
  };
  try {
    packers.forEach(begin);
    while (running.size > 0) {
      const { packer, job, proof } = await Promise.race(running.values());
      begin(packer);
      yield { ...job, proof };
    }
  } finally {
    for (const packer of packers) packer.close();
  }
}

/** A thread that packs one part after another. */
class Packer {
  readonly #worker: Worker;

  constructor() {
    const url = new URL(
      buildFacts().compiled ? MODULE.bundled : MODULE.source,
      import.meta.url,
    );
    this.#worker = new Worker(url, { type: "module", name: "packing" });
  }

  pack(request: PackRequest): Promise<FileProof> {
    return new Promise((resolve, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the packing thread ended: ${event.message}`));
      };
      this.#worker.onmessage = ({ data }: MessageEvent<FromPacker>) => {
        if (data.kind === "packed") resolve(data.proof);
        else reject(data.error ? new LedgerError(data.error) : new Error(data.text));
      };
      const facts = (globalThis as Record<symbol, unknown>)[Symbol.for(BAKED_FACTS_NAME)];
      this.#worker.postMessage({ request, facts: facts as BakedFacts } satisfies ToPacker);
    });
  }

  close(): void {
    this.#worker.terminate();
  }
}
