/**
 * Reading on a thread of its own. DuckDB is called from ours, and in some versions of Deno the event
 * loop stands still for as long as DuckDB is at work: then only another thread can read meanwhile.
 */
import { BAKED_FACTS_NAME, type BakedFacts, buildFacts } from "../base/build.ts";
import { type ErrorFacts, LedgerError } from "../base/error.ts";
import type { Intake, IntakeRequest } from "./intake.ts";
import type { Hand, Handful } from "./staging.ts";

/** What the thread is told: what to read, or that one of its handfuls was begun with. */
export type ToReader = { request: IntakeRequest; facts?: BakedFacts } | "next";

/** What the thread tells. */
export type FromReader =
  | { kind: "handful"; handful: Handful; new_bytes: number }
  | { kind: "done"; intake: Intake }
  /** An error of ours, as data; any other as the text it has. */
  | { kind: "failed"; error?: ErrorFacts; text: string };

/** Where the bundle has the thread's module, seen from its other files; or where it stands here. */
const MODULE = { bundled: "./src/index/intake_worker.js", source: "./intake_worker.ts" };

/** `takeIn`, on another thread with the same surroundings. */
export async function takeInBeside(
  request: IntakeRequest,
  hand: Hand,
  onRead?: (new_bytes: number) => void,
): Promise<Intake> {
  const { compiled } = buildFacts();
  const url = new URL(compiled ? MODULE.bundled : MODULE.source, import.meta.url);
  const reader = new Worker(url, { type: "module", name: "intake" });
  try {
    return await new Promise<Intake>((resolve, reject) => {
      let handed = Promise.resolve();
      reader.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the reading thread ended: ${event.message}`));
      };
      reader.onmessage = ({ data }: MessageEvent<FromReader>) => {
        if (data.kind === "done") return void handed.then(() => resolve(data.intake), reject);
        if (data.kind === "failed") {
          return reject(data.error ? new LedgerError(data.error) : new Error(data.text));
        }
        onRead?.(data.new_bytes);
        handed = handed.then(() => hand(data.handful));
        handed.then(() => reader.postMessage("next" satisfies ToReader), reject);
      };
      const facts = (globalThis as Record<symbol, unknown>)[Symbol.for(BAKED_FACTS_NAME)];
      reader.postMessage({ request, facts: facts as BakedFacts } satisfies ToReader);
    });
  } finally {
    reader.terminate();
  }
}
