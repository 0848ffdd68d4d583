/** A lock on a file that is kept for as long as the file is open. */
import type { Files, OpenFile } from "./seam.ts";

/** Takes the lock of a file, which is made where it is not there; undefined when it was not to be had in time. */
export async function takeFileLock(
  files: Files,
  path: string,
  wait_ms: number,
  signal?: AbortSignal,
): Promise<OpenFile | undefined> {
  const lock = files.open(path, "lock");
  let is_had = false;
  try {
    is_had = await lock.lock(true, wait_ms, signal);
    return is_had ? lock : undefined;
  } finally {
    if (!is_had) lock.close();
  }
}
