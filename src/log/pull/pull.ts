/**
 * Replication of another box's log. What a box wrote into `part-000001.jsonl` of a day stands here in
 * `part-000001.BOX.jsonl`, byte for byte, whole lines only, and grows as it grows there. Lines that are
 * here already are not taken again: those of an earlier pull, whether its record says so or their bytes
 * do; those that came by way of a third box; and those of a part of the same name whose beginning is the
 * same, because one ledger was once a copy of the other.
 *
 * Lines are durable before the replication state records them. After a kill between the two, or with the
 * state lost, the next pull finds by bytes and by seals what is here, and continues behind it.
 */
import { asLedgerError } from "../../base/error.ts";
import { lock_wait_ms, unrecorded_pull_bytes_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type Chain, chainPath, readChain } from "../format/chain.ts";
import { listDays } from "../read/parts.ts";
import {
  hashBetween,
  PartReplicator,
  type PulledLines,
  type Relation,
  type ReplicationContext,
} from "./part_replicator.ts";
import {
  atSource,
  findingOf,
  type Origin,
  OriginLines,
  originsOfDay,
  type PullFinding,
  SourceProblem,
} from "./source.ts";
import { OwnDay } from "./target.ts";
import {
  type ByteRange,
  readReplicationState,
  type ReplicatedHost,
  replicatedHost,
  type ReplicatedPart,
  type ReplicationState,
} from "./replication_state.ts";

export interface LogPullReport {
  taken: PulledLines[];
  /** Parts of which there was nothing new. */
  same: number;
}

interface LogPullOptions {
  theirs: World;
  host: string;
  /** What was pulled so far; it is brought up to date. */
  pulled: ReplicationState;
  dry_run?: boolean;
  lock_wait_ms?: number;
  /** Called when so much was taken that the record is worth writing. */
  onWorthRecording: () => void;
  onFinding: (finding: PullFinding) => void;
  onNotice?: (message: string) => void;
}

/** Pulls the parts of another ledger. The caller holds the pull lock. */
export async function pullParts(
  world: World,
  root: string,
  from: string,
  options: LogPullOptions,
): Promise<LogPullReport> {
  return await new LogPull(world, root, from, options).run();
}

class LogPull {
  readonly #report: LogPullReport = { taken: [], same: 0 };
  readonly #context: ReplicationContext;
  #unrecorded_bytes = 0;
  #chain?: Chain;

  constructor(
    readonly world: World,
    readonly root: string,
    readonly from: string,
    readonly options: LogPullOptions,
  ) {
    this.#context = {
      world,
      root,
      claimed: new Set(),
      dry_run: options.dry_run ?? false,
      lock_wait_ms: options.lock_wait_ms ?? lock_wait_ms,
      onTaken: (taken) => this.#report.taken.push(taken),
      onNotice: options.onNotice ?? (() => {}),
    };
    for (const { parts } of options.pulled.values()) {
      for (const { here } of parts.values()) this.#claim(here);
    }
  }

  async run(): Promise<LogPullReport> {
    const { world, root, from, options: { theirs, host, onFinding } } = this;
    const their_record = this.#theirRecord();
    for (const day of listDays(theirs.files, from)) {
      try {
        const origins = await atSource(() =>
          originsOfDay(theirs, from, host, day, their_record, onFinding)
        );
        if (origins.length === 0) continue;
        const own = await OwnDay.look(world, root, day, () => this.#newestChain());
        for (const origin of origins) await this.#pullPart(origin, own);
      } catch (error) {
        onFinding(findingOf(error, `day=${day}`));
      }
      await world.turn();
    }
    return this.#report;
  }

  /** The chain as it is now; it is read again when it has grown. */
  #newestChain(): Chain {
    const { world, root } = this;
    const size_bytes = world.files.facts(chainPath(root))?.size_bytes ?? 0;
    if (this.#chain?.size_bytes !== size_bytes) this.#chain = readChain(world, root);
    return this.#chain;
  }

  /** Which lines the other box has pulled itself; undefined when its state cannot be read. */
  #theirRecord(): ReplicationState | undefined {
    try {
      return readReplicationState(this.options.theirs.files, this.from);
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      const { message, hint } = problem;
      const reason = `${message}; parts of writers are left, as they may be of third boxes`;
      this.options.onFinding({ what: "_pulled.json", reason, hint });
      return undefined;
    }
  }

  async #pullPart(origin: Origin, own: OwnDay): Promise<void> {
    const known = this.#hostOf(origin).parts.get(origin.label);
    const kept = rangesStillHere(known?.here ?? [], own);
    const is_intact = kept.length === known?.here.length;
    if (is_intact && known?.seen.get(this.options.host) === origin.stamp) {
      this.#report.same++;
      return;
    }
    try {
      using lines = await OriginLines.open(this.options.theirs, origin);
      const part = new PartReplicator(this.#context, origin, lines, own);
      if (known) {
        if (lines.end < known.bytes) return this.#tell("ends before", origin);
        const hash = hashBetween(lines, 0, known.bytes);
        if (hash.copy().digest("hex") !== known.sha256) return this.#tell("is another", origin);
        if (is_intact) part.goOnAfter(known, hash);
        else this.#beginAnew(part, known, kept);
      }
      await this.#takeNew(part);
    } catch (error) {
      this.options.onFinding(findingOf(error, nameOf(origin)));
    }
  }

  /** Some of what was taken is not here any more: only what stands before that is sure. */
  #beginAnew(part: PartReplicator, { here }: ReplicatedPart, kept: readonly ByteRange[]): void {
    for (const { part, own } of here) if (!own) this.#context.claimed.delete(part);
    for (const { part: label, from, to, own } of kept) part.found(label, from, to, own);
  }

  async #takeNew(part: PartReplicator): Promise<void> {
    const relation = await part.findHere();
    if (relation !== "goes on") return this.#tell(relation, part.origin);
    if (part.at === part.lines.end) this.#report.same++;
    try {
      await part.takeRest();
    } catch (error) {
      // What came before it was read well, and stands here.
      if (error instanceof SourceProblem) this.#note(part, false);
      throw error;
    }
    this.#note(part, true);
  }

  #note({ origin, at, digest, here }: PartReplicator, is_whole: boolean): void {
    const { parts } = this.#hostOf(origin);
    const { seen = new Map<string, string>(), bytes = 0 } = parts.get(origin.label) ?? {};
    if (is_whole) seen.set(this.options.host, origin.stamp);
    parts.set(origin.label, {
      bytes: at,
      sha256: digest,
      here: here.filter(({ from, to }) => to > from),
      seen,
    });
    this.#unrecorded_bytes += at - bytes;
    if (this.#unrecorded_bytes < unrecorded_pull_bytes_max) return;
    this.options.onWorthRecording();
    this.#unrecorded_bytes = 0;
  }

  #hostOf({ host }: Origin): ReplicatedHost {
    return replicatedHost(this.options.pulled, host);
  }

  #claim(here: readonly ByteRange[]): void {
    for (const { part, own } of here) if (!own) this.#context.claimed.add(part);
  }

  #tell(relation: Exclude<Relation, "goes on">, origin: Origin): void {
    // A third box may know less of it than we do. The box itself may not.
    if (relation === "ends before" && !origin.is_direct) {
      this.#report.same++;
      return;
    }
    const reason = relation === "ends before"
      ? "it is shorter than what is here of it"
      : "its beginning is not what is here of it";
    this.options.onFinding({
      what: nameOf(origin),
      reason: `${reason}: nothing was taken`,
      hint:
        `what was taken as ${origin.host} stays; if this is another ledger, or one that began ` +
        "anew, pull it under another name: --as NAME",
    });
  }
}

function nameOf({ host, label, is_direct }: Origin): string {
  return is_direct ? label : `${label} of ${host}`;
}

function rangesStillHere(here: readonly ByteRange[], own: OwnDay): readonly ByteRange[] {
  const lost = here.findIndex((range) => !own.has(range));
  return lost < 0 ? here : here.slice(0, lost);
}
