/** Thread pool: each job goes to the thread that is free for it, and results come as they are ready. */
import type { Thread } from "./thread.ts";

interface Done<Job, Result> {
  job: Job;
  result: Result;
}

/** Has threads do jobs; they are closed at the end, whatever came of it. */
export async function* doOnThreads<Request, Result, Job extends { request: Request }>(
  threads: readonly Thread<Request, Result>[],
  nextJob: () => Job | undefined | Promise<Job | undefined>,
): AsyncGenerator<Done<Job, Result>> {
  const running = new Map<Job, Promise<Done<Job, Result> & { thread: Thread<Request, Result> }>>();
  const begin = async (thread: Thread<Request, Result>) => {
    const job = await nextJob();
    if (!job) return;
    const done = thread.run(job.request).then((result) => ({ thread, job, result }));
    // A job that is not awaited any more, because another failed, fails unseen.
    done.catch(() => {});
    running.set(job, done);
  };
  try {
    // Each knows its next job too: while a result is put in place, this thread could not tell it.
    for (const thread of [...threads, ...threads]) await begin(thread);
    while (running.size > 0) {
      const { thread, job, result } = await Promise.race(running.values());
      running.delete(job);
      await begin(thread);
      yield { job, result };
    }
  } finally {
    for (const thread of threads) thread.close();
  }
}
