/** What the crash tests share: randomness that can be repeated, processes to race and to kill. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { linesOnDisk, PROJECT } from "../../harness.ts";
import { type Random, withSeed } from "../../laws/random.ts";
import type { WriterPlan } from "./writer.ts";

/** A day, far from its ends, so that no test depends on when it is run. */
export const NOON_MS = Date.UTC(2026, 0, 23, 12);
/** The same time, as the name of the day's folder. */
export const DAY = "day=2026-01-23";

const PATIENCE_MS = 300_000;

/** Ends what hangs: a broken program has to fail its test, not to hold it for ever. */
export function patience(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS);
}

/** Spins for a few instants, shorter than any timer's; less when what is looked at comes about. */
export function spin(duration_ms: number, until: () => boolean = () => false): void {
  const end_ms = performance.now() + duration_ms;
  while (performance.now() < end_ms && !until());
}

/** A test with randomness in it. When it fails it says the seed that LEDGER_TEST_SEED repeats. */
export function seededTest(
  name: string,
  body: (random: Random) => Promise<void>,
  lane?: number,
): void {
  Deno.test(name, () => withSeed(body, lane));
}

/** A process whose output is read while it runs. */
export class Running {
  readonly #lines: AsyncGenerator<string>;
  readonly #stderr: Promise<string>;

  constructor(readonly child: Deno.ChildProcess) {
    this.#lines = wholeLines(child.stdout);
    this.#stderr = new Response(child.stderr).text();
  }

  /** The next whole line of its output; undefined when there is none any more. */
  async nextLine(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** The lines up to and with this one; all of them when it does not come. */
  async linesUntil(last: string | ((line: string) => boolean)): Promise<string[]> {
    const is_last = typeof last === "string" ? (line: string) => line === last : last;
    const lines: string[] = [];
    for (let line = await this.nextLine(); line !== undefined; line = await this.nextLine()) {
      lines.push(line);
      if (is_last(line)) break;
    }
    return lines;
  }

  /** Its end, and the whole lines that it still printed. */
  async end(): Promise<{ lines: string[]; code: number; signal: string | null; stderr: string }> {
    const lines = await this.linesUntil(() => false);
    const [{ code, signal }, stderr] = await Promise.all([this.child.status, this.#stderr]);
    return { lines, code, signal, stderr };
  }
}

/** Lines that end in a newline: an id without one was not printed whole, so not acknowledged. */
async function* wholeLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let begun = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (begun + text).split("\n");
    begun = lines.pop()!;
    yield* lines;
  }
}

/** Starts a script of the tests as a process of its own. */
export function startScript(
  name: string,
  args: string[],
  stdin: "null" | "piped" = "null",
): Running {
  const script = join(PROJECT, "tests", name);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-prompt", script, ...args],
    stdin,
    stdout: "piped",
    stderr: "piped",
    signal: patience(),
  });
  return new Running(command.spawn());
}

/** Starts a user of the library. */
export function startWriter(plan: WriterPlan): Running {
  return startScript("crash/kills/writer.ts", [JSON.stringify(plan)]);
}

/** The ids of all events in the order of the log. Fails at a line that is not whole. */
export function idsOnDisk(dir: string, isWanted: (line: string) => boolean = () => true): string[] {
  const lines = linesOnDisk(dir).filter(isWanted);
  return lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
}

/** Fails unless these ids are there, each once, and nothing else is. */
export function assertEachOnce(found: string[], wanted: string[], where: string): void {
  assertEquals(repeated(wanted), [], `acknowledged more than once`);
  assertEquals(repeated(found), [], `more than once in ${where}`);
  const all_found = new Set(found);
  assertEquals(wanted.filter((id) => !all_found.has(id)).slice(0, 5), [], `missing in ${where}`);
  const all_wanted = new Set(wanted);
  assertEquals(
    found.filter((id) => !all_wanted.has(id)).slice(0, 5),
    [],
    `in ${where}, and no caller was told so`,
  );
}

/** Up to five of those that occur more than once. */
export function repeated(ids: string[]): string[] {
  const once = new Set<string>();
  return ids.filter((id) => once.has(id) || !once.add(id)).slice(0, 5);
}

/** All files that were put into quarantine, by name. */
export function quarantined(dir: string): Map<string, Uint8Array> {
  const folder = join(dir, "events", "_quarantine");
  try {
    return new Map(
      Array.from(
        Deno.readDirSync(folder),
        ({ name }) => [name, Deno.readFileSync(join(folder, name))],
      ),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
}
