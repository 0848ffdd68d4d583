/** What a lab has to be after a system call has failed under a command, and after the command again. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { testWorld } from "../../harness.ts";
import type { LabCommand } from "../lab_commands.ts";
import {
  changesIn,
  copyLab,
  evened,
  filesBelow,
  flawOf,
  type Judged,
  recordOf,
  runByDeadline,
} from "../lab_copy.ts";
import { type Fault, type SystemCall, traceCalls, withFault } from "./system_calls.ts";

/** What a command does where nothing fails. */
export interface CleanRun {
  ended: Judged;
  calls: SystemCall[];
  before: string[];
  /** The ids in the log when it has ended, and the files. */
  after: string[];
  files: string[];
}

/** Tries commands in copies of a lab, with and without faults. */
export class FaultJudge {
  /** The files of record before the command, by their content. */
  #record = new Map<string, string>();

  constructor(readonly binary: string, readonly lab: string, readonly copy: string) {}

  async runCleanly(command: LabCommand): Promise<CleanRun> {
    await this.#begin(command);
    const before = await this.#ids();
    const { ended, calls } = await traceCalls(this.binary, this.copy, command.args, command.stdin);
    assertEquals(
      [ended.code, ended.signal],
      [0, null],
      `${command.args.join(" ")}: ${ended.stderr}`,
    );
    const after = await this.#ids();
    return { ended, calls, before, after, files: filesBelow(this.copy) };
  }

  /** What is wrong after this fault; nothing when all is as it should be. */
  async flawsAfter(command: LabCommand, clean: CleanRun, fault: Fault): Promise<string[]> {
    await this.#begin(command);
    const { args, stdin } = command;
    const { ended, hit } = await withFault(this.binary, this.copy, args, fault, stdin);
    if (hit.includes(undefined)) return [];
    const flaws: string[] = [];
    const add = (flaw: string | undefined, of: Judged) => {
      if (flaw !== undefined) flaws.push(`${flaw} [${of.code}] ${of.stderr.trim().slice(0, 400)}`);
    };
    const first_flaw = flawOf(ended);
    // The k-th call of each thread fails: one may be that of the message.
    if (!(hit.includes("stderr") && first_flaw?.endsWith("no word"))) add(first_flaw, ended);
    const says_more = evened(ended.stderr) !== evened(clean.ended.stderr);
    if (ended.code === 0 && !says_more && evened(ended.stdout) !== evened(clean.ended.stdout)) {
      add("it ends well and says something else than without the fault", ended);
    }
    if (ended.code === 0 && !says_more && !hit.includes("stderr")) {
      const files = filesBelow(this.copy);
      const more = files.filter((name) => !clean.files.includes(name) && !mayStay(name, fault));
      const less = clean.files.filter((name) => !files.includes(name));
      if (more.length + less.length > 0) {
        add(
          `it ends well and leaves ${more.join(", ") || "nothing more"}; not there: ${less}`,
          ended,
        );
      }
    }
    if (command.reads) {
      const changed = changesIn(this.#record, recordOf(this.copy))
        .filter((path) => !mayStay(path, fault));
      if (changed.length > 0) add(`a reader changed ${changed.join(", ")}`, ended);
    } else {
      for (const flaw of this.#flawsOfLog(ended, clean, await this.#ids(), args)) add(flaw, ended);
    }
    const again = await this.#run(args, stdin);
    add(flawOf(again), again);
    if (again.code !== 0 && again.code !== command.again_code) {
      add("again, without a fault, it fails", again);
    }
    const says_same = evened(again.stdout) === evened(clean.ended.stdout);
    if (again.code === 0 && command.reads && !command.derives && !says_same) {
      add("again, without a fault, it says something else", again);
    }
    if (command.reads) return flaws;
    const { findings } = await this.#inProcess((ledger) => ledger.verify({ deep: true }));
    if (findings.length > 0) {
      add(`verify --deep finds ${findings[0].part}: ${findings[0].reason}`, again);
    }
    const now = new Set((await this.#ids()).map(evenedId));
    const missing = clean.after.map(evenedId).filter((id) => !now.has(id));
    if (missing.length > 0) add(`again, without a fault, leaves out ${missing.slice(0, 3)}`, again);
    return flaws;
  }

  #flawsOfLog(ended: Judged, clean: CleanRun, ids: string[], args: string[]): string[] {
    const flaws: string[] = [];
    const lost = clean.before.filter((id) => !ids.includes(id) && clean.after.includes(id));
    if (lost.length > 0) flaws.push(`events are lost: ${lost.slice(0, 3)}`);
    const doubled = ids.filter((id, at) => ids.indexOf(id) !== at);
    if (doubled.length > 0) flaws.push(`events are there twice: ${doubled.slice(0, 3)}`);
    if (args[0] !== "emit") return flaws;
    const acknowledged = ended.stdout.split("\n").slice(0, -1);
    const missing = acknowledged.filter((id) => !ids.includes(id));
    if (missing.length > 0) flaws.push(`acknowledged and not there: ${missing}`);
    if (ended.code === 0 && clean.after.some((id) => !ids.includes(id))) {
      flaws.push("it ends well, and its event is not there");
    }
    return flaws;
  }

  async #begin(command: LabCommand): Promise<void> {
    await Deno.remove(this.copy, { recursive: true }).catch(() => {});
    copyLab(this.lab, this.copy);
    for (const args of command.first ?? []) assertEquals((await this.#run(args)).code, 0);
    this.#record = recordOf(this.copy);
  }

  #run(args: string[], stdin?: string): Promise<Judged> {
    return runByDeadline([this.binary, ...args], this.copy, stdin);
  }

  /** Looks at the copy without a process of its own. */
  async #inProcess<Result>(look: (ledger: Ledger) => Promise<Result>): Promise<Result> {
    await using ledger = new Ledger({ dir: join(this.copy, "data", "ledger"), world: testWorld() });
    return await look(ledger);
  }

  /** The ids in the log, in its order. */
  #ids(): Promise<string[]> {
    return this.#inProcess(async (ledger) => {
      const ids: string[] = [];
      for await (const record of ledger.read()) {
        if (record.kind !== "event") throw new Error(`${record.label} is ${record.kind}`);
        ids.push(record.event.event_id);
      }
      return ids;
    });
  }
}

/** What cannot be removed stays, under a temporary name: doctor lists it, and `seal` sweeps a day's. */
function mayStay(name: string, { call, file }: Fault): boolean {
  const removes = call.startsWith("unlink");
  // To remove a folder is to open it first.
  if (name.includes("/_back-day=")) return removes || /\/_back-day=[^/]*$/.test(file);
  return removes && name.endsWith(".tmp");
}

/** An id of the program's own is another each time. */
function evenedId(id: string): string {
  return /^\d{13}_/.test(id) ? "ID" : id;
}
