/** What the kills of a fleet's processes share: boxes with a writer each, and lanes that start and kill processes. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { NOON_MS, patience, Running } from "../crash/kills/crash.ts";
import { tracePaths } from "../../src/trace/event/files.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { type Ended, ledger, startLedger, testWorld } from "../harness.ts";
import { finishRun } from "../runs/finished.ts";
import { traced } from "../trace/events.ts";
import type { Random } from "../laws/random.ts";
import type { Ceph } from "./ceph.ts";
import { addressOf } from "./fleets.ts";
import { FaultyProxy, MOMENTS, type PassedRequest } from "./proxy.ts";

const DAY_MS = 86_400_000;
const DAYS = 3;

/** A box: a folder with a ledger, and a process that emits what it is given. */
export class KilledBox implements AsyncDisposable {
  readonly acknowledged: string[] = [];
  /** Runs that ended, and events that were traced. */
  readonly runs: string[] = [];
  readonly traced: string[] = [];
  readonly folder: string;
  readonly #writer: Running;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #count = 0;

  private constructor(readonly ceph: Ceph, parent: string, readonly name: string) {
    this.folder = join(parent, name);
    Deno.mkdirSync(this.folder);
    const child = startLedger(["emit", "--stdin", "--ack"], {
      cwd: this.folder,
      is_shipped: true,
      stdin: "piped",
    });
    this.#writer = new Running(child);
    this.#input = child.stdin.getWriter();
  }

  /** One that has joined the fleet. */
  static async join(ceph: Ceph, parent: string, name: string): Promise<KilledBox> {
    const box = new KilledBox(ceph, parent, name);
    await box.well("fleet", "join", ...addressOf(ceph), "--as", name);
    return box;
  }

  get dir(): string {
    return join(this.folder, "data", "ledger");
  }

  /** Emits events of some days, and waits until they are acknowledged. */
  async emit(count: number, random: Random): Promise<void> {
    const lines = random.times(count, () => {
      const event = {
        event_type: "trial.recorded",
        event_id: `${this.name}-${this.#count++}`,
        run_id: "r1",
        trial_id: `t${this.#count}`,
        params: { text: random.text(40) },
        metrics: { x: random.fraction() },
        timestamp_ms: NOON_MS + random.below(DAYS) * DAY_MS,
      };
      return `${JSON.stringify(event)}\n`;
    });
    await this.#input.write(new TextEncoder().encode(lines.join("")));
    for (let n = 0; n < count; n++) this.acknowledged.push((await this.#writer.nextLine())!);
  }

  /** Ends a run, and traces some events. */
  async record(): Promise<void> {
    const name = `${this.name}-${this.#count++}`;
    const { dir } = this;
    await finishRun({ dir, runs_dir: join(this.folder, "runs") }, name);
    this.runs.push(name);
    const traces = await TraceStore.open(testWorld(), tracePaths(join(dir, "traces")).dir);
    for (let n = 0; n < 3; n++) {
      const event_id = `${name}-${n}`;
      traces.record(traced({ event_type: "FILL", event_id, correlation_id: name }));
      this.traced.push(event_id);
    }
    await traces.close();
  }

  /** Runs a command in the box's folder, past all faults, and expects that it goes well. */
  async well(...args: string[]): Promise<Ended> {
    const ended = await this.run(args);
    assertEquals(ended.code, 0, `${this.name}: ${args.join(" ")}: ${ended.stderr}`);
    return ended;
  }

  async run(args: string[]): Promise<Ended> {
    return await ledger(args, {
      cwd: this.folder,
      is_shipped: true,
      env: this.ceph.keys,
      signal: patience(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const { code, stderr } = await this.#writer.end();
    assertEquals(code, 0, stderr);
  }
}

/** How often what goes wrong. */
export interface Odds {
  /** Of answers that are lost, */
  lost: number;
  /** and of uploads that are cut. */
  cut: number;
  /** Of processes that are killed; the others run to their end. */
  killed: number;
}

/** A sweep of kills, over all its lanes. */
export class Sweep {
  kills = 0;
  readonly by_moment: Record<string, number> = {};
  readonly exits = new Map<number, number>();
  lost = 0;
  cut = 0;
  requests = 0;

  constructor(readonly ceph: Ceph, readonly wanted: number, readonly odds: Odds) {}

  get is_done(): boolean {
    return this.kills >= this.wanted;
  }

  /** Waits for so many kills. */
  async untilKills(count: number): Promise<void> {
    while (this.kills < count && !this.is_done) await this.#progress.promise;
  }

  /** Waits until an upload is passed on by half, and holds it there; false when all kills are done before. */
  async untilUpload(): Promise<boolean> {
    this.#held = Promise.withResolvers();
    return !this.is_done && await this.#reached.promise;
  }

  /** Lets the upload that is held go on. */
  goOn(): void {
    this.#held?.resolve();
  }

  /** How many requests, and uploads, a process had that ran to its end. */
  readonly #most = { number: 4, upload: 1 };
  #progress = Promise.withResolvers<void>();
  #held?: PromiseWithResolvers<void>;
  readonly #reached = Promise.withResolvers<boolean>();

  async #onHalf({ method }: PassedRequest): Promise<void> {
    if (method !== "PUT" || !this.#held) return;
    this.#reached.resolve(true);
    await this.#held.promise;
  }

  #tellProgress(): void {
    if (this.is_done) this.#reached.resolve(false);
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }

  /** Starts processes one after the other, and kills them, until there were enough. */
  async lane(
    random: Random,
    cwd: string,
    step: () => Promise<string[]>,
    may_exit_with: readonly number[],
  ): Promise<void> {
    using proxy = new FaultyProxy(this.ceph.port);
    while (!this.is_done) {
      const args = await step();
      const child = startLedger([...args, "--endpoint", proxy.endpoint], {
        cwd,
        is_shipped: true,
        env: this.ceph.keys,
        signal: patience(),
      });
      const is_killed = random.chance(this.odds.killed);
      const moment = random.pick(MOMENTS);
      // A commit and its files are few among many requests: every other kill is at one of them.
      const counted = random.pick(["number", "upload"] as const);
      const wanted = 1 + random.below(this.#most[counted]);
      proxy.plan = {
        mishapOf: ({ method }) => {
          const drawn = random.fraction();
          if (drawn < this.odds.lost) return this.lost++, "lost";
          if (method === "PUT" && drawn < this.odds.lost + this.odds.cut) return this.cut++, "cut";
        },
        onHalf: (request) => this.#onHalf(request),
        ...is_killed
          ? {
            kill: {
              isAt: (request) => request[counted] === wanted,
              moment,
              end: () => {
                child.kill("SIGKILL");
              },
            },
          }
          : {},
      };
      const { code, signal, stderr } = await child.output();
      this.requests += proxy.requests;
      if (signal === "SIGKILL") {
        this.kills++;
        this.by_moment[moment] = (this.by_moment[moment] ?? 0) + 1;
        this.#tellProgress();
        continue;
      }
      this.#most.number = Math.max(this.#most.number, proxy.requests);
      this.#most.upload = Math.max(this.#most.upload, proxy.uploads);
      this.exits.set(code, (this.exits.get(code) ?? 0) + 1);
      const said = new TextDecoder().decode(stderr);
      assertEquals(may_exit_with.includes(code), true, `${args.join(" ")}: ${code}: ${said}`);
    }
  }

  /** What it did, in one line. */
  toString(): string {
    const exits = [...this.exits].sort().map(([code, count]) => `${count} × exit ${code}`);
    return `${this.kills} kills ${JSON.stringify(this.by_moment)}, ${exits.join(", ")}; ` +
      `${this.requests} requests, ${this.lost} answers lost, ${this.cut} uploads cut`;
  }
}
