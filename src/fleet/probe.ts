/**
 * Conformance probe: whether an object store keeps what a fleet stands on. A log of create-only objects is safe
 * only where one writer of a key wins and all others hear that they lost; some stores answer 200 to both.
 * Everything is tried on the store itself, below `probe/`, and removed again.
 */
import { LedgerError } from "../base/error.ts";
import { probe_race_keys, probe_race_writers, probe_skew_ms_max } from "../base/limits.ts";
import { isUnreachable, type ObjectStore } from "./store.ts";
import { StoreRefusal } from "./store_answers.ts";

/** One promise of a store, and what was found. */
export interface ProbeResult {
  name: string;
  ok: boolean;
  found: string;
}

type Check = (store: ObjectStore, folder: string) => Promise<string | undefined>;

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What is tried, in this order; undefined is well, a text what was found instead. */
const CHECKS: readonly [name: string, promise: string, check: Check][] = [
  ["create-only", "a second create-only PUT of a key is refused", async (store, folder) => {
    const first = await store.put(`${folder}twice`, bytesOf("1"), { create_only: true });
    const second = await store.put(`${folder}twice`, bytesOf("2"), { create_only: true });
    const kept = textOf(await store.get(`${folder}twice`));
    if (first !== "stored") return "the first PUT of a key that is not there was refused";
    if (second !== "exists") return "a second create-only PUT of a key was accepted";
    return kept === "1" ? undefined : "a create-only PUT that was refused changed the object";
  }],
  ["race", "of writers that race for a key one wins", async (store, folder) => {
    for (let key = 0; key < probe_race_keys; key++) {
      const at = `${folder}race-${key}`;
      const writers = Array.from({ length: probe_race_writers }, (_, writer) => writer);
      const won = (await Promise.all(writers.map(async (writer) => {
        const is_winner = await putOnce(store, at, bytesOf(String(writer)));
        return is_winner ? [String(writer)] : [];
      }))).flat();
      const kept = textOf(await store.get(at));
      if (won.length !== 1) {
        return `the store told ${won.length} of ${writers.length} writers of a key that they won`;
      }
      if (kept !== won[0]) {
        return "the object is not that of the writer that the store called the winner";
      }
    }
  }],
  ["digest", "bytes that are not those of their digest are refused", async (store, folder) => {
    try {
      await store.put(`${folder}digest`, bytesOf("damaged"), { sha256: "0".repeat(64) });
      return "bytes were accepted whose digest is another";
    } catch (error) {
      if (!(error instanceof StoreRefusal)) throw error;
      return error.status === 400 ? undefined : error.message;
    }
  }],
  ["listing", "an object is in listings once it is stored", async (store, folder) => {
    const names = ["listed-1", "listed-2", "listed-3"];
    for (const name of names) await store.put(folder + name, bytesOf(name));
    const found = (await Array.fromAsync(store.list(`${folder}listed-`, `${folder}listed-1`)))
      .map(({ key }) => key.slice(folder.length));
    if (found.join() === names.slice(1).join()) return undefined;
    return `a listing after listed-1 has ${found.length === 0 ? "nothing" : found.join(", ")}`;
  }],
  ["metadata", "an object keeps what is said of it", async (store, folder) => {
    await store.put(`${folder}meta`, bytesOf("x"), { meta: { word: "kept" } });
    const facts = await store.head(`${folder}meta`);
    if (facts?.meta.word !== "kept") return "an object's metadata is lost";
    return facts.size_bytes === 1 ? undefined : `one byte is reported as ${facts.size_bytes}`;
  }],
  ["clock", "its clock and this machine's agree", (store) => {
    const is_near = Math.abs(store.skew_ms) <= probe_skew_ms_max;
    return Promise.resolve(is_near ? undefined : store.skewText());
  }],
];

/** Tries each promise; throws where one is not kept. */
export async function probeStore(store: ObjectStore): Promise<ProbeResult[]> {
  const folder = `probe/${store.world.random_uuid()}/`;
  const results: ProbeResult[] = [];
  try {
    for (const [name, promise, check] of CHECKS) {
      const problem = await check(store, folder);
      results.push({ name, ok: problem === undefined, found: problem ?? promise });
    }
  } finally {
    await removeBelow(store, folder);
  }
  const broken = results.filter(({ ok }) => !ok);
  if (broken.length > 0) {
    throw new LedgerError({
      code: "invalid",
      message: `this store cannot hold a fleet: ${
        broken.map(({ name, found }) => `${name}: ${found}`).join("; ")
      }`,
      hint: broken.every(({ name }) => name === "clock")
        ? "set the clock (NTP), and try again"
        : "events could be lost on it in silence; use a store that keeps create-only PUTs " +
          "(If-None-Match: *), such as Amazon S3 or Ceph's gateway",
      detail: { probe: results },
    });
  }
  return results;
}

/** Whether a create-only PUT won. A lost answer is settled by asking what is there. */
async function putOnce(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    return await store.put(key, bytes, { create_only: true }) === "stored";
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return error instanceof StoreRefusal && error.status === 409
      ? false
      : textOf(await store.get(key)) === textOf(bytes);
  }
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}

/** What is left is below `probe/` and harms nothing. */
async function removeBelow(store: ObjectStore, folder: string): Promise<void> {
  try {
    for await (const { key } of store.list(folder)) await store.remove(key);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
}
