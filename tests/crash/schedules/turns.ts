/**
 * Turns: a scheduler and actors in threads of their own, of which exactly one runs at a time. The
 * scheduler grants an actor so many steps; the actor goes on until those are used up, until it needs
 * a lock that is held, or to its end. Both wait on shared memory, so a synchronous call can be held
 * between two file operations as well as an asynchronous one.
 */

/** Why an actor stopped. */
export type Stop =
  /** Its steps are used up; what it would do next. */
  | { kind: "paused"; next: string }
  /** It waits for a lock that another holds. */
  | { kind: "blocked"; on: string }
  | Ended;

/** How an actor ended. */
export interface Ended {
  kind: "ended";
  /** What it told its caller was done, in order. */
  told: string[];
  /** The code and message of the error that it ended with. */
  error?: string;
  /** Every step that it took. */
  steps: string[];
}

/** What the scheduler tells an actor that is to go on. */
export type Command = "go on" | "wait no longer" | "die";

const COMMANDS: readonly Command[] = ["go on", "wait no longer", "die"];
const [RUNS, BUDGET, COMMAND, LENGTH] = [0, 1, 2, 3];
const HEAD_BYTES = 16;
const TEXT_BYTES_MAX = 4_194_304;

/** Enough steps for whatever an actor does. */
export const TO_THE_END = 1_000_000_000;

/** Memory that an actor and the scheduler share. */
export function turnMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + TEXT_BYTES_MAX);
}

/** The scheduler's end: lets the actor run and waits until it stops. */
export class TurnGiver {
  readonly #cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory, 0, HEAD_BYTES / 4);
  }

  /** Grants so many steps; returns where the actor stopped. */
  grant(steps: number, command: Command = "go on"): Stop {
    this.#cells[BUDGET] = Math.min(steps, TO_THE_END);
    this.#cells[COMMAND] = COMMANDS.indexOf(command);
    Atomics.store(this.#cells, RUNS, 1);
    Atomics.notify(this.#cells, RUNS);
    Atomics.wait(this.#cells, RUNS, 1);
    const text = new Uint8Array(this.memory, HEAD_BYTES, this.#cells[LENGTH]).slice();
    return JSON.parse(new TextDecoder().decode(text)) as Stop;
  }
}

/** Thrown in an actor that was told to die: nothing that it does from here on happens. */
export class Killed extends Error {
  constructor() {
    super("this process was killed");
    this.name = "Killed";
  }
}

/** The actor's end: counts its steps, and stops where they are used up. */
export class TurnTaker {
  readonly steps: string[] = [];
  readonly told: string[] = [];
  /** Called when the actor is told to die. */
  onDeath = () => {};
  #is_dead = false;
  readonly #cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory, 0, HEAD_BYTES / 4);
  }

  get is_dead(): boolean {
    return this.#is_dead;
  }

  /** Waits for the first turn. */
  begin(): void {
    Atomics.wait(this.#cells, RUNS, 0);
    if (this.#command === "die") this.#die();
  }

  /** Comes before each step; waits for the next turn where this one is over. */
  step(what: string): void {
    if (this.#is_dead) throw new Killed();
    while (this.#cells[BUDGET] <= 0) this.#stop({ kind: "paused", next: what });
    this.#cells[BUDGET]--;
    this.steps.push(what);
  }

  /** Waits until another has run; false when it is to wait no longer. */
  waitFor(lock: string): boolean {
    if (this.#is_dead) throw new Killed();
    this.#stop({ kind: "blocked", on: lock });
    return this.#command !== "wait no longer";
  }

  /** The actor has ended; the turn is the scheduler's. */
  end(error?: string): void {
    this.#pass({ kind: "ended", told: this.told, error, steps: this.steps });
  }

  #stop(stop: Stop): void {
    this.#pass(stop);
    Atomics.wait(this.#cells, RUNS, 0);
    if (this.#command === "die") this.#die();
  }

  #die(): never {
    this.#is_dead = true;
    this.onDeath();
    throw new Killed();
  }

  #pass(stop: Stop): void {
    const text = new TextEncoder().encode(JSON.stringify(stop));
    new Uint8Array(this.memory, HEAD_BYTES, TEXT_BYTES_MAX).set(text);
    this.#cells[LENGTH] = text.length;
    Atomics.store(this.#cells, RUNS, 0);
    Atomics.notify(this.#cells, RUNS);
  }

  get #command(): Command {
    return COMMANDS[this.#cells[COMMAND]];
  }
}
