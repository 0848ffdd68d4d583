/**
 * Schedules: in which order two actors take their steps. All with one switch between them, all with
 * two, and random ones beyond; each also with an actor that is killed where it is switched from. A
 * schedule is a short text, which repeats it.
 */
import { dirname } from "@std/path";
import type { ActorName } from "./actors.ts";
import type { Role } from "./actor_thread.ts";
import type { Random } from "../../laws/random.ts";
import type { Scene } from "./turn_world.ts";
import { type Ended, TO_THE_END, TurnGiver, turnMemory } from "./turns.ts";

/** One actor's steps in a row: so many, or as many as come before one that begins like this. */
export interface Segment {
  actor: 0 | 1;
  steps: number;
  before?: string;
  /** Whether it is killed after them. A process of its kind comes when all others are done. */
  is_killed?: boolean;
}

export type Schedule = Segment[];

/** How each process ended, in the order in which they came. */
export type Outcome = (Ended & { n: number; life: string })[];

/** `0:12, 1:before rename events/_gone !, 0:*, 1:*` */
export function textOf(schedule: Schedule): string {
  return schedule.map(({ actor, steps, before, is_killed }) => {
    const how_far = before ? `before ${before}` : steps >= TO_THE_END ? "*" : steps;
    return `${actor}:${how_far}${is_killed ? " !" : ""}`;
  }).join(", ");
}

/** The schedule that a text stands for. */
export function parseSchedule(text: string): Schedule {
  return text.trim().split(/\s*,\s*/).map((segment) => {
    const match = /^([01]):(?:before (.+?)|(\d+)|\*)( !)?$/.exec(segment);
    if (!match) throw new Error(`no segment of a schedule: ${segment}`);
    const [, actor, before, steps, killed] = match;
    return {
      actor: Number(actor) as 0 | 1,
      steps: steps === undefined ? TO_THE_END : Number(steps),
      before,
      is_killed: killed !== undefined,
    };
  });
}

const toTheEnd = (actor: 0 | 1): Segment => ({ actor, steps: TO_THE_END });

/**
 * After how many steps of its own a switch away from an actor can matter: right before a step that
 * another actor's could disturb, or be disturbed by. Of all places between two of those, one is enough.
 */
export function switchPoints(own: readonly string[], others: readonly string[]): number[] {
  const touched = others.map(touchOf);
  return own.flatMap((step, at) => {
    const touch = touchOf(step);
    return at > 0 && touched.some((other) => meet(touch, other)) ? [at] : [];
  });
}

/** What a step does to which paths. */
interface Touch {
  changes: boolean;
  /** Whether it concerns which names there are. */
  names: boolean;
  /** Whether it moves or removes what is below, too. */
  is_deep: boolean;
  paths: string[];
}

const CHANGING =
  /^(create|write|truncate|make folder|rename|link|copy to|remove|lock) |^open .*\.lock$/;
const NAMING = /^(create|make folder|rename|link|copy to|remove|list|look at) |^open .*\.lock$/;
const DEEP = /^(rename|remove) /;
/** The part of a name that no other process comes up with. */
const UNIQUE = /\.\d+-[0-9a-f]+/g;

function touchOf(step: string): Touch {
  const paths = step.replace(/^(look at|make folder|copy to|\w+) /, "").replaceAll(UNIQUE, "");
  return {
    changes: CHANGING.test(step),
    names: NAMING.test(step),
    is_deep: DEEP.test(step),
    paths: paths.split(" to "),
  };
}

function meet(a: Touch, b: Touch): boolean {
  if (!a.changes && !b.changes) return false;
  return a.paths.some((path) =>
    b.paths.some((other) =>
      path === other ||
      (a.is_deep && other.startsWith(`${path}/`)) || (b.is_deep && path.startsWith(`${other}/`)) ||
      (a.names && b.names && (dirname(path) === other || dirname(other) === path))
    )
  );
}

/** Where each of two actors can be switched away from. */
export type Points = readonly [readonly number[], readonly number[]];

/** All schedules with so many switches before an actor's end. */
export function* schedulesWith(switches: 1 | 2 | 3, points: Points): Generator<Schedule> {
  for (const [actor, other] of [[0, 1], [1, 0]] as const) {
    for (const [n, steps] of points[actor].entries()) {
      const begun = [{ actor, steps }];
      if (switches === 1) yield [...begun, toTheEnd(other), toTheEnd(actor)];
      else {
        for (const of_other of points[other]) {
          const both_begun = [...begun, { actor: other, steps: of_other }];
          if (switches === 2) yield [...both_begun, toTheEnd(actor), toTheEnd(other)];
          else {
            for (const later of points[actor].slice(n + 1)) {
              const went_on = { actor, steps: later - steps };
              yield [...both_begun, went_on, toTheEnd(other), toTheEnd(actor)];
            }
          }
        }
      }
    }
  }
}

/** A schedule of many switches. */
export function randomSchedule(random: Random, points: Points): Schedule {
  const schedule: Schedule = [];
  const done = [0, 0];
  for (let actor = random.below(2) as 0 | 1;; actor = actor ? 0 : 1) {
    const left = points[actor].filter((at) => at > done[actor]);
    if (left.length === 0) break;
    const next = left[random.below(1 + random.below(left.length))];
    schedule.push({ actor, steps: next - done[actor] });
    done[actor] = next;
  }
  return [...schedule, toTheEnd(0), toTheEnd(1)];
}

/** The same schedule, in which the process of one of its segments is killed. */
export function killedIn(schedule: Schedule, at: number): Schedule {
  return schedule.map((segment, n) => n === at ? { ...segment, is_killed: true } : segment);
}

/** Two threads, kept for all schedules. */
export class Troupe implements Disposable {
  readonly #threads: Worker[];
  #lives = 0;

  private constructor(threads: Worker[]) {
    this.#threads = threads;
  }

  static async assemble(): Promise<Troupe> {
    const url = new URL("./actor_thread.ts", import.meta.url);
    const threads = [0, 1].map(() => new Worker(url, { type: "module" }));
    const isReady = (thread: Worker) => new Promise((resolve) => thread.onmessage = resolve);
    await Promise.all(threads.map(isReady));
    return new Troupe(threads);
  }

  /** Lets the actors act as the schedule says. A killed actor is followed by one that is not. */
  play(actors: readonly [ActorName, ActorName], schedule: Schedule, scene: Scene): Outcome {
    const outcome: Outcome = [];
    const playing = actors.map((actor, n) => this.#enter(actor, n, scene, outcome));
    for (const { actor, steps, before, is_killed } of schedule) {
      if (before === undefined) playing[actor].run(steps);
      else playing[actor].runUpTo(before);
      if (is_killed) playing[actor].kill();
    }
    finish(playing, schedule.at(-1)?.actor ?? 0);
    for (const [n, actor] of actors.entries()) {
      if (!playing[n].was_killed) continue;
      finish([this.#enter(actor, n, scene, outcome)], 0);
    }
    return outcome;
  }

  #enter(actor: ActorName, n: number, scene: Scene, outcome: Outcome): Player {
    const memory = turnMemory();
    const life = `${actor.replaceAll(" ", "-")}-${n}-${++this.#lives}`;
    const role: Role = { actor, life, memory, scene: { ...scene, seed: this.#lives } };
    this.#threads[n].postMessage(role);
    return new Player(new TurnGiver(memory), (ended) => outcome.push({ ...ended, n, life }));
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread.terminate();
  }
}

/** An actor as the scheduler sees it. */
class Player {
  has_ended = false;
  was_killed = false;
  waits_for?: string;
  #next?: string;

  constructor(readonly giver: TurnGiver, readonly onEnd: (ended: Ended) => void) {}

  /** Lets it run. */
  run(steps: number, command: Parameters<TurnGiver["grant"]>[1] = "go on"): void {
    if (this.has_ended) return;
    const stop = this.giver.grant(steps, command);
    this.waits_for = stop.kind === "blocked" ? stop.on : undefined;
    this.#next = stop.kind === "paused" ? stop.next : undefined;
    if (stop.kind !== "ended") return;
    this.has_ended = true;
    this.onEnd(stop);
  }

  /** Lets it run until its next step begins like this, or it can go no further. */
  runUpTo(step: string): void {
    this.run(0);
    while (this.#next !== undefined && !this.#next.startsWith(step)) this.run(1);
  }

  kill(): void {
    if (this.has_ended) return;
    this.was_killed = true;
    this.run(0, "die");
  }
}

/** Runs all to their ends, one after the other where none waits for another. */
function finish(playing: readonly Player[], first: number): void {
  let waits = 0;
  for (let at = first; playing.some(({ has_ended }) => !has_ended); at++) {
    const player = playing[at % playing.length];
    if (player.has_ended) continue;
    player.run(TO_THE_END, waits > playing.length ? "wait no longer" : "go on");
    waits = player.waits_for === undefined ? 0 : waits + 1;
  }
}
