/**
 * Shipper of runs: each run that has ended -> a line a file in a bundle, once, the manifest last; what is large goes
 * before as an object of its own. So a run is in the store whole, or not there. What another box's
 * folder gave is not this box's, and stays.
 */
import { join } from "@std/path";
import { joined } from "../../base/bytes.ts";
import { asLedgerError } from "../../base/error.ts";
import { digestOf } from "../../base/files/checksum.ts";
import { humanBytes } from "../../base/format.ts";
import { syncFile } from "../../base/files/durable.ts";
import {
  bundled_file_bytes_max,
  bundled_run_bytes_max,
  object_bytes_max,
  segment_bytes_max,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { readShipped, type ShippedSegment } from "../../log/pull/shipped.ts";
import {
  EVIDENCE_FOLDER,
  FILES_FOLDER,
  idOfPath,
  listAllRuns,
  RUN_FILES,
} from "../../runs/manifest/layout.ts";
import { parseManifest, type RunManifest } from "../../runs/manifest/manifest.ts";
import { classifyRun, type RunClass, scanRun } from "../../runs/manifest/scan.ts";
import { waitingFiles } from "../../runs/manifest/waiting.ts";
import { readPulledRuns } from "../../runs/upkeep/pull.ts";
import { filesToCopy } from "../../runs/upkeep/run_files.ts";
import { OutgoingChain, type SenderPlace, type Sent } from "../outgoing.ts";
import { type RunFile, runFileKey, runsOfBundle } from "./run_files.ts";
import { segmentKey } from "../segment.ts";

const SOURCE = "artifacts";

/** What was sent of runs. */
export interface SentRuns extends Sent {
  runs: number;
  /** Files that stay on the box, and why. */
  left: { path: string; reason: string }[];
}

/** A run, ready to be sent. */
interface ReadyRun {
  run_path: string;
  lines: Uint8Array<ArrayBuffer>[];
  bytes: number;
}

/** The shipper of one box's runs. */
export class RunShipper {
  readonly #world: World;
  readonly #chain: OutgoingChain;
  readonly #left: SentRuns["left"] = [];

  constructor(readonly place: SenderPlace, readonly runs_dir: string) {
    this.#world = place.store.world;
    this.#chain = new OutgoingChain(SOURCE, { ...place, adopt: ({ seq }) => this.#adopt(seq) });
  }

  /** Ships each run that has ended and is not in the store. */
  async ship(signal?: AbortSignal): Promise<SentRuns> {
    const chain = this.#chain;
    let runs = 0;
    let waiting: ReadyRun[] = [];
    let waiting_bytes = 0;
    const flush = async () => {
      // Where another shipper of this box took the number, its bundle may hold some of them.
      for (; waiting.length > 0; waiting = waiting.filter((run) => !this.#isSent(run.run_path))) {
        const holds = waiting.map(({ run_path, lines }): [string, number] => {
          return [run_path, lines.length];
        });
        const is_sent = await chain.send(
          SOURCE,
          joined(...waiting.flatMap(({ lines }) => lines)),
          holds,
        );
        if (is_sent) runs += waiting.length;
      }
      waiting_bytes = 0;
    };
    const pulled = readPulledRuns(this.#world.files, this.runs_dir);
    for (const run_path of listAllRuns(this.#world.files, this.runs_dir)) {
      if (signal?.aborted) break;
      if (this.#isSent(run_path) || pulled.has(run_path)) continue;
      if (this.#classify(run_path).kind !== "ended") continue;
      // A box that has nothing to send asks the store for nothing.
      await chain.begin();
      const run = this.#isSent(run_path) ? undefined : await this.#read(run_path);
      if (!run) continue;
      if (waiting_bytes + run.bytes > segment_bytes_max) await flush();
      waiting.push(run);
      waiting_bytes += run.bytes;
    }
    if (!signal?.aborted) await flush();
    return { ...chain.sent, runs, left: this.#left };
  }

  /** Puts bundles again that the store has lost, as far as their runs are as they were. */
  async repair(signal?: AbortSignal): Promise<{ put: number; lost: ShippedSegment[] }> {
    let objects = 0;
    for (
      const { holds = [] } of readShipped(this.#world.files, this.place.root, SOURCE)
        .segments
    ) {
      for (const [run_path] of signal?.aborted ? [] : holds) {
        objects += await this.#putLostObjects(run_path);
      }
    }
    const lost = await this.#chain.repair(async ({ holds = [] }) => {
      const runs: ReadyRun[] = [];
      for (const [run_path] of holds) {
        const run = await this.#read(run_path);
        if (run) runs.push(run);
      }
      return joined(...runs.flatMap(({ lines }) => lines));
    }, signal);
    return { put: objects + this.#chain.sent.shipped, lost };
  }

  #isSent(run_path: string): boolean {
    return this.#chain.heldOf(run_path) > 0;
  }

  #classify(run_path: string): RunClass {
    const run = scanRun(this.#world, this.runs_dir, run_path);
    return classifyRun(this.#world, this.runs_dir, run);
  }

  /** A run whose end is there, with all of it durable; undefined of any other. */
  async #read(run_path: string): Promise<ReadyRun | undefined> {
    try {
      const run = this.#classify(run_path);
      return run.kind === "ended" ? await this.#pack(run_path, run.manifest) : undefined;
    } catch (error) {
      // Pruned meanwhile, or not to be read now: it is looked at again.
      const code = asLedgerError(error)?.code;
      if (code !== "not_found" && code !== "no_permission") throw error;
      return undefined;
    }
  }

  async #pack(run_path: string, manifest: RunManifest): Promise<ReadyRun> {
    const lines: Uint8Array<ArrayBuffer>[] = [];
    for (const { path, size_bytes, is_small } of this.#filesOf(run_path, manifest)) {
      if (size_bytes <= object_bytes_max) {
        lines.push(await this.#lineOf(run_path, path, is_small));
        continue;
      }
      const most = humanBytes(object_bytes_max);
      const reason = `it has ${humanBytes(size_bytes)}, and an object has at most ${most}`;
      this.#left.push({ path: `${run_path}/${path}`, reason });
    }
    lines.push(await this.#lineOf(run_path, RUN_FILES.manifest, true));
    // What a power cut could take back is not sent.
    this.#world.files.syncFolder(join(this.runs_dir, run_path));
    return { run_path, lines, bytes: lines.reduce((sum, { length }) => sum + length, 0) };
  }

  /** All of a run that may leave but its manifest; small files stand in its lines until these are full. */
  #filesOf(run_path: string, manifest: RunManifest) {
    const { files } = this.#world;
    const folder = join(this.runs_dir, run_path);
    const found = filesToCopy(files, folder);
    for (const { path } of waitingFiles(manifest)) {
      const facts = files.facts(join(folder, path));
      if (facts?.is_file) found.push({ path, ...facts });
    }
    let bundled_bytes = 0;
    return found
      .filter(({ path }) => path !== RUN_FILES.manifest && this.#mayLeave(path))
      .sort((a, b) => a.size_bytes - b.size_bytes)
      .map(({ path, size_bytes }) => {
        const is_small = size_bytes <= bundled_file_bytes_max &&
          bundled_bytes + size_bytes <= bundled_run_bytes_max;
        if (is_small) bundled_bytes += size_bytes;
        return { path, size_bytes, is_small };
      });
  }

  /** Patches, and what was attached, leave the box where it joined so. */
  #mayLeave(path: string): boolean {
    const { with_code, with_files } = this.place.box;
    const [top] = path.split("/");
    return top === EVIDENCE_FOLDER
      ? with_code === true
      : top !== FILES_FOLDER || with_files === true;
  }

  async #lineOf(
    run_path: string,
    path: string,
    is_small: boolean,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { files } = this.#world;
    const local = join(this.runs_dir, run_path, path);
    syncFile(files, local);
    const bytes = files.readBytes(local) as Uint8Array<ArrayBuffer>;
    const sha256 = digestOf([bytes]);
    const file: RunFile = { run_path, path, bytes: bytes.length, sha256 };
    if (is_small) file.content = bytes.toBase64();
    else file.object = await this.#putObject(file, bytes);
    return new TextEncoder().encode(`${JSON.stringify(file)}\n`);
  }

  /** Puts the large files of a run again that the store has lost; returns how many. */
  async #putLostObjects(run_path: string): Promise<number> {
    const { store, box } = this.place;
    const run = this.#classify(run_path);
    let put = 0;
    for (const file of run.kind === "ended" ? this.#filesOf(run_path, run.manifest) : []) {
      const { path, size_bytes, is_small } = file;
      if (is_small || size_bytes > object_bytes_max) continue;
      if (await store.head(runFileKey(box.name, run_path, path))) continue;
      await this.#lineOf(run_path, path, false);
      put++;
    }
    return put;
  }

  async #putObject(
    { run_path, path, sha256 }: RunFile,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const { store, box } = this.place;
    const key = runFileKey(box.name, run_path, path);
    const meta = { "box-id": box.box_id, path: encodeURIComponent(`${run_path}/${path}`), sha256 };
    const put = { meta, sha256 };
    if (await store.put(key, bytes, { ...put, create_only: true }) === "exists") {
      // Left by an attempt that came to no bundle: the run may have changed since.
      if ((await store.head(key))?.meta.sha256 !== sha256) await store.put(key, bytes, put);
    }
    return key;
  }

  /** A bundle that this box has no note of: the runs in it, which have to be those that are here. */
  async #adopt(seq: number) {
    const { store, box } = this.place;
    const bytes = await store.get(segmentKey(SOURCE, box.name, seq));
    if (!bytes) return { problem: "it is gone" };
    const runs = runsOfBundle(box.name, bytes);
    const other = runs.find(({ run_path, run_id, manifest }) => {
      const here = this.#classify(run_path);
      return here.kind !== "unusable" &&
        here.manifest.created_at !== parseManifest(manifest, run_path, run_id).created_at;
    });
    if (other) return { problem: `run ${idOfPath(other.run_path)} is another one here` };
    const holds = runs.map(({ run_path, files }): [string, number] => [run_path, files.size + 1]);
    return { holds };
  }
}
