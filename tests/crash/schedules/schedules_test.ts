/**
 * Two actors, every order of their steps up to a bound: nothing that was acknowledged is lost, nothing
 * is there twice, `verify --deep` is content, and the index is the one that a rebuild gives.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { assertLikeBuiltAnew, sync } from "../../index/indexes.ts";
import { IS_FULL, IS_PLAIN, memoryFolder } from "../../harness.ts";
import { NOW_MS } from "../../retained.ts";
import type { ActorName } from "./actors.ts";
import {
  allIdsOf,
  assertKept,
  copyFolder,
  findingsOf,
  LEFT_BY_KILLED,
  prepareLedger,
} from "./aftermath.ts";
import { repeated, seededTest } from "../kills/crash.ts";
import { type Random } from "../../laws/random.ts";
import {
  killedIn,
  type Outcome,
  parseSchedule,
  type Points,
  randomSchedule,
  type Schedule,
  schedulesWith,
  switchPoints,
  textOf,
  Troupe,
} from "./schedules.ts";

/** Where two actors meet. */
interface Meeting {
  actors: readonly [ActorName, ActorName];
  /** What the ledger has come to before they do. */
  before?: readonly ActorName[];
  /** Whether the other box has a ledger. */
  has_other_box?: boolean;
  /** What an actor may end with, where the other takes away what it was at. */
  may_end_with?: RegExp;
  /** Schedules that once went wrong. */
  known?: readonly string[];
  /** Whether each schedule takes seconds: then one is tried, but for the full test. */
  is_slow?: boolean;
  /** Whether it is left to the full test, or to that of the gate. */
  is_only_full?: boolean;
  is_only_gate?: boolean;
}

/** A reader that is half-way through a day cannot go on when that day leaves; it says so. */
const LEFT_WHILE_READ = /went from the log while it was read/;

/** The day has lost its name between two events of a writer that was new to it. */
const WRITES_WHILE_THE_DAY_GOES =
  "1:before rename events/day=2026-01-20 to, 0:before tell, 1:1, 0:*, 1:before remove events/_gone";

const MEETINGS: readonly Meeting[] = [
  { actors: ["writer", "retain"] },
  { actors: ["private writer", "retain"], known: [WRITES_WHILE_THE_DAY_GOES] },
  {
    actors: ["two private writers", "retain"],
    known: [WRITES_WHILE_THE_DAY_GOES, `${WRITES_WHILE_THE_DAY_GOES} !`],
  },
  { actors: ["writer", "compact"] },
  { actors: ["writer", "seal"] },
  { actors: ["two private writers", "seal"] },
  { actors: ["writer", "import"], before: ["retain"] },
  { actors: ["private writer", "import"], before: ["retain"] },
  { actors: ["retain", "retain"], is_only_gate: true },
  { actors: ["retain", "import"], before: ["retain", "writer"] },
  { actors: ["writer", "writer"] },
  { actors: ["pull", "writer"], has_other_box: true },
  { actors: ["pull", "pull"], has_other_box: true, is_only_gate: true },
  {
    actors: ["pull", "retain"],
    has_other_box: true,
    may_end_with: LEFT_WHILE_READ,
  },
  { actors: ["seal", "compact"] },
  { actors: ["compact", "restore"], before: ["seal"] },
  { actors: ["reader", "retain"], may_end_with: LEFT_WHILE_READ },
  { actors: ["reader", "compact"] },
  { actors: ["reader", "import"], before: ["retain"] },
  { actors: ["verify", "compact"] },
  { actors: ["verify", "seal"] },
  { actors: ["verify", "writer"] },
  { actors: ["verify", "import"], before: ["retain"] },
  { actors: ["verify", "retain"], may_end_with: LEFT_WHILE_READ },
  { actors: ["register", "register another"] },
  { actors: ["register", "writer"] },
  { actors: ["tracer", "compact traces"], before: ["tracer"], is_slow: true, is_only_full: true },
  { actors: ["sync", "sync"], is_slow: true },
  { actors: ["sync", "writer"], before: ["sync"], is_slow: true, is_only_full: true },
  { actors: ["sync", "retain"], before: ["sync"], is_slow: true, is_only_full: true },
];

/** How many schedules of each kind are tried at a meeting. */
const TRIED = Number(Deno.env.get("LEDGER_TEST_SCHEDULES") ?? (IS_FULL ? 120 : 1));
/** How many of these a plain run plays at a meeting. */
const SAMPLE = Math.max(2, TRIED);
/** The same where each takes a database to be built three times. */
const TRIED_OF_SLOW = 8;
/** About how many steps one of those takes. */
const STEPS_OF_SLOW = 80;
/** `0:12, 1:*, 0:*`: this one alone, of the meeting that the test's name gives. */
const ONLY = Deno.env.get("LEDGER_TEST_SCHEDULE");

class Rehearsal {
  readonly #known: string[];

  constructor(readonly meeting: Meeting, readonly model: string, known: string[]) {
    this.#known = known;
  }

  async play(troupe: Troupe, schedule: Schedule): Promise<Outcome> {
    using folder = memoryFolder();
    const dir = join(folder.path, "ledger");
    copyFolder(this.model, dir);
    const scene = { dir, now_ms: NOW_MS, began_ms: Date.now(), seed: 0 };
    const outcome = troupe.play(this.meeting.actors, schedule, scene);
    try {
      await this.#check(dir, outcome);
    } catch (cause) {
      throw new Error(
        `${this.meeting.actors.join(" × ")}, LEDGER_TEST_SCHEDULE="${textOf(schedule)}": ` +
          `${(cause as Error).message}\n${storyOf(outcome)}`,
        { cause },
      );
    }
    return outcome;
  }

  async #check(dir: string, outcome: Outcome): Promise<void> {
    const has_error = outcome.some(({ error }) => error !== undefined);
    const was_killed = outcome.some(({ error }) => error === "killed");
    for (const { error, life } of outcome) {
      if (error === undefined || error === "killed") continue;
      if (this.meeting.may_end_with?.test(error)) continue;
      throw new Error(`${life} ended with ${error}`);
    }
    const told = outcome.flatMap(({ told }) => told);
    this.#checkReaders(outcome);
    const found_meanwhile = told.filter((what) => what.startsWith("found "));
    const findings = [...found_meanwhile, ...await findingsOf(dir)];
    assertEquals(findings.filter((text) => !(was_killed && LEFT_BY_KILLED.test(text))), []);
    if (this.meeting.actors.includes("sync")) {
      const live = await sync(dir);
      await assertLikeBuiltAnew(dir, live);
    }
    await assertKept(dir, this.#known, told, { have_others: has_error });
    assertEquals((await findingsOf(dir)).filter((text) => !LEFT_BY_KILLED.test(text)), []);
  }

  /** A reader finds each day as a whole, or not at all. */
  #checkReaders(outcome: Outcome): void {
    for (const { life, told, error } of outcome) {
      if (!life.startsWith("reader") || error !== undefined) continue;
      const read = told.map((what) => what.slice("read ".length));
      assertEquals(repeated(read), [], `${life} read it twice`);
      const stays = (id: string) => id.startsWith("a-new");
      assertEquals(read.filter(stays).length, 4, `${life} missed a day that stays`);
      const of_day = read.filter((id) => id.startsWith("a-") && !stays(id));
      assert([0, 4].includes(of_day.length), `${life} read half a day: ${of_day}`);
    }
  }
}

/** What happened, for people. */
function storyOf(outcome: Outcome): string {
  return outcome.map(({ life, told, error, steps }) =>
    `  ${life}: ${steps.length} steps, the last of them "${steps.at(-1)}"; told ` +
    `${told.join(", ") || "nothing"}${error ? `; ${error}` : ""}`
  ).join("\n");
}

/** Some of many, without repeats. */
function someOf<T>(all: T[], count: number, random: Random): T[] {
  const left = [...all];
  return Array.from({ length: Math.min(count, left.length) }, () => {
    const at = random.below(left.length);
    const [chosen] = left.splice(at, 1, left.at(-1)!);
    left.pop();
    return chosen;
  });
}

/** So many of each kind, by lot; of those with one switch, all where all are wanted. */
function schedulesFor(points: Points, tried: number, random: Random): Schedule[] {
  if (ONLY) return [parseSchedule(ONLY)];
  const [single, double, triple] = ([1, 2, 3] as const)
    .map((switches) => [...schedulesWith(switches, points)]);
  const killed = someOf([...single, ...double], tried, random)
    .map((schedule) => killedIn(schedule, random.below(schedule.length - 1)));
  const chosen = [
    ...tried > TRIED_OF_SLOW ? single : someOf(single, tried, random),
    ...someOf(double, tried, random),
    ...someOf(triple, tried, random),
    ...Array.from({ length: tried }, () => randomSchedule(random, points)),
    ...killed,
  ];
  return IS_FULL ? chosen : someOf(chosen, SAMPLE, random);
}

/** Where a switch away from each actor can matter, whichever of them comes first. */
async function pointsOf(rehearsal: Rehearsal, troupe: Troupe): Promise<Points> {
  const steps: [string[], string[]] = [[], []];
  const points: [Set<number>, Set<number>] = [new Set(), new Set()];
  const outcomes: Outcome[] = [];
  for (const text of ["0:*, 1:*", "1:*, 0:*"]) {
    const outcome = await rehearsal.play(troupe, parseSchedule(text));
    outcomes.push(outcome);
    for (const ended of outcome) steps[ended.n].push(...ended.steps);
  }
  for (const { n, steps: own } of outcomes.flat()) {
    for (const point of switchPoints(own, steps[1 - n])) points[n].add(point);
  }
  const inOrder = (all: Set<number>) => [...all].sort((a, b) => a - b);
  return [inOrder(points[0]), inOrder(points[1])];
}

/** A schedule for actors that take an unknown number of steps. */
function blindSchedule(random: Random): Schedule {
  const [first, second] = [1, 1].map((least) => least + random.below(STEPS_OF_SLOW));
  return parseSchedule(`0:${first}, 1:${second}, 0:*, 1:*`);
}

let troupe: Promise<Troupe> | undefined;

for (const [nth, meeting] of MEETINGS.entries()) {
  if (meeting.is_only_full && !IS_FULL || meeting.is_only_gate && IS_PLAIN) continue;
  const { actors } = meeting;
  const name = `${actors.join(" × ")}${
    meeting.before ? ` after ${meeting.before.join(", ")}` : ""
  }`;
  const test = async (random: Random) => {
    using folder = memoryFolder();
    const model = join(folder.path, "ledger");
    await prepareLedger(model, meeting.before, meeting.has_other_box);
    const players = await (troupe ??= Troupe.assemble());
    const rehearsal = new Rehearsal(meeting, model, await allIdsOf(model));
    if (meeting.is_slow && !IS_FULL) {
      const schedule = ONLY ? parseSchedule(ONLY) : blindSchedule(random);
      return void await rehearsal.play(players, schedule);
    }
    const points = await pointsOf(rehearsal, players);
    for (const text of meeting.known ?? []) await rehearsal.play(players, parseSchedule(text));
    for (const schedule of schedulesFor(points, meeting.is_slow ? TRIED_OF_SLOW : TRIED, random)) {
      await rehearsal.play(players, schedule);
    }
  };
  seededTest(`whatever the order of steps: ${name}`, test, nth);
}
