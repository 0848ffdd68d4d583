/** What keeps a log fit to run for years: sealing, compacting, and back; taking in other boxes' logs. */
import type { World } from "../base/world.ts";
import type {
  CompactOptions,
  CompactPlan,
  CompactReport,
  ImportedDay,
  NewlySealed,
  RestoredPart,
  SealOptions,
} from "../log/mod.ts";
import type { PullReport, PullRequest } from "./pull.ts";
import type { RetainedDay, RetainRequest } from "./retain.ts";

/** Upkeep of one ledger. */
export class LedgerUpkeep {
  constructor(readonly world: World, readonly dir: string, readonly runs_dir: string) {}

  /** Closes for good the parts that have rotated, and those of days that are over. */
  async seal(options?: SealOptions): Promise<NewlySealed[]> {
    const { sealParts } = await import("../log/seal/seal.ts");
    return await sealParts(this.world, this.dir, options);
  }

  /** Turns the lines of sealed parts into Parquet, which gives every byte of them back. */
  async compact(options: CompactOptions): Promise<CompactReport> {
    const { compactParts } = await import("../log/compact/compact.ts");
    return await compactParts(this.world, this.dir, options);
  }

  /** What `compact` would do; nothing is changed. */
  async planCompact(options: CompactOptions): Promise<CompactPlan> {
    const { planCompact } = await import("../log/compact/compact.ts");
    return await planCompact(this.world, this.dir, options);
  }

  /** Gives the parts of a day their lines back. */
  async restore(day: string): Promise<RestoredPart[]> {
    const { restoreDay } = await import("../log/compact/restore.ts");
    return await restoreDay(this.world, this.dir, day);
  }

  /** In what way the registry is not the one that the chain binds; undefined where it is, or none is bound. */
  async registryProblem(): Promise<string | undefined> {
    const { readChain } = await import("../log/format/chain.ts");
    const { registryProblem, registryState } = await import("../log/event/registry_binding.ts");
    const state = registryState(this.world, this.dir, readChain(this.world, this.dir));
    return state === "changed" || state === "removed"
      ? registryProblem(this.dir, state)
      : undefined;
  }

  /** Takes in what another box's ledger holds that this one does not: events, types, artifacts, runs. */
  async pull(request: PullRequest): Promise<PullReport> {
    const { pull } = await import("./pull.ts");
    return await pull(this.world, { dir: this.dir, runs_dir: this.runs_dir }, request);
  }

  /** What `retain` would do with each day that is old enough; nothing of the log is changed. */
  async planRetain(request: RetainRequest): Promise<RetainedDay[]> {
    const { planRetain } = await import("./retain.ts");
    return await planRetain(this.world, this.dir, { runs_dir: this.runs_dir, ...request });
  }

  /** Takes whole days out of the log, into archives or for good. The index keeps its rows. */
  async retain(request: RetainRequest): Promise<RetainedDay[]> {
    const { retain } = await import("./retain.ts");
    return await retain(this.world, this.dir, { runs_dir: this.runs_dir, ...request });
  }

  /** Brings a day back from its archive, every byte proven. The next sync takes note. */
  async importArchive(path: string): Promise<ImportedDay> {
    const { importDay } = await import("../log/archive/import_day.ts");
    return await importDay(this.world, this.dir, path);
  }
}
