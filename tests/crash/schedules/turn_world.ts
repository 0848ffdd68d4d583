/**
 * The world of an actor that takes turns: real files, of which every operation that another actor
 * could notice is a step; locks whose wait the scheduler sees; a clock and randomness that repeat.
 */
import { relative } from "@std/path";
import type { FileFacts, FileOperation, OpenFile } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import type { World } from "../../../src/base/world.ts";
import { testWorld } from "../../harness.ts";
import { Random } from "../../laws/random.ts";
import { Killed, type TurnTaker } from "./turns.ts";

const UNSEEN_OPERATIONS: ReadonlySet<FileOperation> = new Set([
  ...["sync", "sync folder", "set mode of", "unlock", "watch"] as const,
]);

/** What no other actor can notice: a switch before it is a switch after it. */
function isUnseen(operation: FileOperation, path: string): boolean {
  // A file under a temporary name has a reader only once it has another name.
  return UNSEEN_OPERATIONS.has(operation) || (path.endsWith(".tmp") && operation !== "create");
}

/** Where and when an actor acts. */
export interface Scene {
  dir: string;
  /** What the actors' clocks show. */
  now_ms: number;
  /** What the machine's clock showed when the schedule began. */
  began_ms: number;
  seed: number;
}

/** The world of one actor. */
export function turnWorld(turns: TurnTaker, { dir, now_ms, began_ms, seed }: Scene): World {
  const random = new Random(seed);
  let elapsed_ms = 0;
  const open_files = new Set<OpenFile>();
  const real = systemFiles((operation, path) => {
    if (turns.is_dead) throw new Killed();
    if (isUnseen(operation, path)) return;
    const paths = operation === "rename" ? [renamed_from, path] : [path];
    turns.step(`${operation} ${paths.map((path) => relative(dir, path) || ".").join(" to ")}`);
  });
  let renamed_from = "";
  // A file that changes during the schedule changes at the actors' time.
  const atOurTime = (facts: FileFacts) => ({
    ...facts,
    modified_ms: facts.modified_ms - began_ms + now_ms,
  });
  const ourFacts = (facts: FileFacts | undefined) => facts && atOurTime(facts);
  turns.onDeath = () => {
    for (const file of open_files) file.close();
  };
  const random_uint32 = () => random.below(2 ** 32);
  return testWorld({
    files: {
      ...real,
      rename(from, to) {
        renamed_from = from;
        real.rename(from, to);
      },
      facts: (path) => ourFacts(real.facts(path)),
      linkFacts: (path) => ourFacts(real.linkFacts(path)),
      open(path, mode) {
        const file = real.open(path, mode);
        open_files.add(file);
        const close = file.close.bind(file);
        const facts = file.facts.bind(file);
        return Object.assign(file, {
          facts: () => atOurTime(facts()),
          lockSoon: (exclusive: boolean) => file.tryLock(exclusive),
          lock(exclusive: boolean, wait_ms: number, signal?: AbortSignal): Promise<boolean> {
            while (!file.tryLock(exclusive)) {
              if (wait_ms > 0 && !signal?.aborted && turns.waitFor(relative(dir, path))) continue;
              file.close();
              return Promise.resolve(false);
            }
            return Promise.resolve(true);
          },
          lockInLine(exclusive: boolean): Promise<void> {
            while (!file.tryLock(exclusive)) turns.waitFor(relative(dir, path));
            return Promise.resolve();
          },
          close() {
            if (open_files.delete(file)) close();
            else if (!turns.is_dead) throw new Error(`${path} is closed a second time`);
          },
        });
      },
    },
    has_threads: false,
    now_ms: () => now_ms,
    elapsed_ms: () => elapsed_ms,
    random_uint32,
    random_uuid: () => `00000000-0000-4000-8000-${String(random_uint32()).padStart(12, "0")}`,
    // In containers every process has the same number.
    pid: 7,
    hostname: () => "box",
    cwd: () => dir,
    pause(duration_ms) {
      elapsed_ms += duration_ms;
      return new Promise((resolve) => setTimeout(resolve));
    },
  });
}
