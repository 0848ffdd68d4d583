/**
 * Beginning of a chain whose first segments were removed: a create-only object beside it that says which segment
 * is the first one kept, and what that one follows. It is there before any segment goes.
 */
import { LedgerError } from "../base/error.ts";
import { type ChainStart, isStart } from "../log/pull/shipped.ts";
import { chainFolder, type Source } from "./segment.ts";
import type { ObjectStore } from "./store.ts";

const KEY = /\/START-(\d{12})\.json$/;

function startKey(source: Source, box: string, seq: number): string {
  return `${chainFolder(source, box)}START-${String(seq).padStart(12, "0")}.json`;
}

/** Where a chain begins; undefined where it begins with its first segment. */
export async function readStart(
  store: ObjectStore,
  source: Source,
  box: string,
): Promise<ChainStart | undefined> {
  const listed = await Array.fromAsync(store.list(`${chainFolder(source, box)}START-`));
  const key = listed.map(({ key }) => key).findLast((each) => KEY.test(each));
  const bytes = key === undefined ? undefined : await store.get(key);
  if (key === undefined || !bytes) return undefined;
  const seq = Number(KEY.exec(key)![1]);
  try {
    const start: ChainStart = { ...JSON.parse(new TextDecoder().decode(bytes)), seq };
    if (isStart(start)) return start;
  } catch {
    // Said below.
  }
  throw new LedgerError({
    code: "damaged",
    message: `${key} does not say where the chain of box ${box} begins`,
    hint: "restore it from a version or a backup of the bucket",
  });
}

/** Says where a chain begins from now on; what was said before goes. */
export async function writeStart(
  store: ObjectStore,
  source: Source,
  box: string,
  start: ChainStart,
): Promise<void> {
  const key = startKey(source, box, start.seq);
  const bytes = new TextEncoder().encode(`${JSON.stringify(start)}\n`);
  await store.put(key, bytes, {
    create_only: true,
    is_recognizable: true,
    content_type: "application/json",
  });
  for await (const older of store.list(`${chainFolder(source, box)}START-`)) {
    if (older.key < key) await store.remove(older.key);
  }
}
