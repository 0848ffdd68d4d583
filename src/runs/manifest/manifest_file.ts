/** A run's `run.json`: replaced in one go, and changed by one program at a time. */
import { join } from "@std/path";
import { replaceFile } from "../../base/files/durable.ts";
import { LedgerError } from "../../base/error.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { RUN_FILES } from "./layout.ts";
import { manifestText, parseManifest, type RunManifest } from "./manifest.ts";

/** The manifest in the folder of one run. */
export class ManifestFile {
  readonly path: string;

  constructor(readonly world: World, readonly folder: string, readonly run_id: string) {
    this.path = join(folder, RUN_FILES.manifest);
  }

  /** Whether there is one: without it, a run has not begun. */
  exists(): boolean {
    return this.world.files.facts(this.path) !== undefined;
  }

  /** Reads it. */
  read(): RunManifest {
    if (!this.exists()) {
      throw new LedgerError({
        code: "not_found",
        message: `run ${this.run_id} has no run.json: whoever began it was interrupted`,
        where: { path: this.folder },
        hint: `nothing is lost in it; begin it again: ledger runs create --run-id ${this.run_id}`,
      });
    }
    return parseManifest(this.world.files.readText(this.path), this.path, this.run_id);
  }

  /** Puts another one in its place. */
  write(manifest: RunManifest): void {
    const bytes = new TextEncoder().encode(manifestText(manifest, this.path));
    replaceFile(this.world.files, this.path, bytes, uniqueName(this.world));
  }

  /** Does something while nobody else changes it. */
  async locked<T>(body: () => T | Promise<T>): Promise<T> {
    const path = join(this.folder, RUN_FILES.manifest_lock);
    const lock = await takeFileLock(this.world.files, path, lock_wait_ms);
    if (!lock) {
      throw new LedgerError({
        code: "busy",
        message: `cannot change the manifest of run ${this.run_id}: another process has held its ` +
          `lock for ${lock_wait_ms} ms`,
        where: { path },
        hint: `nothing was written; repeat it, or find a stopped process with: fuser -v ${path}`,
      });
    }
    try {
      return await body();
    } finally {
      lock.close();
    }
  }
}
