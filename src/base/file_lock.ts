/** A lock on a file that is kept for as long as the file is open. */
import type { Files, OpenFile } from "./files.ts";

/** Takes the lock of a file, which is made where it is not there; undefined when it was not to be had in time. */
export async function takeFileLock(
  files: Files,
  path: string,
  wait_ms: number,
  signal?: AbortSignal,
): Promise<OpenFile | undefined> {
  const lock = files.open(path, "lock");
  try {
    // One that was waited for in vain is closed when the wait ends, and not by us.
    return await lock.lock(true, wait_ms, signal) ? lock : undefined;
  } catch (error) {
    lock.close();
    throw error;
  }
}
