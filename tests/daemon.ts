/** A daemon as a real process, and the questions that tests ask it. */
import { assert, assertEquals } from "@std/assert";
import { patience } from "./crash/kills/crash.ts";
import { startLedger } from "./harness.ts";

/** What /healthz answers. */
export interface Health {
  status: string;
  reason?: string;
  last_error?: string;
  [figure: string]: unknown;
}

/** Asks until the answer is what is waited for; a daemon that never gives it fails by `patience`. */
export async function untilHealth(
  address: string,
  isWanted: (status: number, health: Health & Record<string, number>) => boolean,
): Promise<void> {
  const signal = patience();
  for (;;) {
    const response = await fetch(`${address}/healthz`, { signal });
    if (isWanted(response.status, await response.json())) return;
  }
}

/** A running daemon. */
export class Daemon {
  /** All that it has said so far on standard error. */
  said = "";
  readonly #words: ReadableStreamDefaultReader<string>;

  private constructor(readonly child: Deno.ChildProcess) {
    this.#words = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts one; returns when it has said what is waited for. */
  static async start(dir: string, more: string[], until: string): Promise<Daemon> {
    const args = ["watch", "--interval", "1", "--dir", dir, ...more];
    return await Daemon.of(startLedger(args, { cwd: dir, signal: patience() }), until);
  }

  /** One that was started otherwise; returns when it has said what is waited for. */
  static async of(child: Deno.ChildProcess, until: string): Promise<Daemon> {
    const daemon = new Daemon(child);
    while (!daemon.said.includes(until)) assert(await daemon.#hearMore(), daemon.said);
    return daemon;
  }

  /** Starts one that answers on loopback. */
  static answering(dir: string, more: string[] = []): Promise<Daemon> {
    return Daemon.start(dir, ["--health", "127.0.0.1:0", ...more], "/healthz");
  }

  /** Where it answers. */
  get address(): string {
    return /(http:\S+)\/healthz/.exec(this.said)![1];
  }

  /** Sends a signal and waits for the end; returns the exit code. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.child.kill(signal);
    await this.child.stdout.cancel();
    while (await this.#hearMore());
    return (await this.child.status).code;
  }

  /** Ends it as a service manager does. */
  async endWell(): Promise<void> {
    assertEquals(await this.end(), 0, this.said);
  }

  async #hearMore(): Promise<boolean> {
    const { value, done } = await this.#words.read();
    this.said += value ?? "";
    return !done;
  }
}
