/**
 * Store of a run's metrics: goes are appended to a write-ahead file, full ones become Parquet, and the end
 * of the run makes one file of all. The caller holds the lock of the run's manifest.
 *
 * A go, the points that are added together, is one record, and so whole or not there; what a killed
 * writer left of one is cut off by the next.
 * Every other step puts a whole file in place, durably, before what it stands for goes.
 */
import { dirname, join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { fileDigest } from "../../base/files/checksum.ts";
import {
  makeFolderDurably,
  openToAppend,
  readFully,
  replaceFile,
  withOpenFile,
  writeFully,
} from "../../base/files/durable.ts";
import { notConfirmed } from "../../base/files/file_error.ts";
import { endOfLastLine } from "../../base/files/lines.ts";
import { readRecords, type RecordDamage, RecordGroup } from "../../base/files/records.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { metrics_segment_bytes_max, metrics_segment_points_max } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import type { Finding, StoredArtifact } from "../manifest/manifest.ts";
import type { StagedFile } from "../manifest/waiting.ts";
import type { MetricPoints } from "./points.ts";
import type { PointsFile } from "./points_file.ts";
import { recordText } from "./record.ts";
import {
  finishedThrough,
  listMetricsSegments,
  METRICS_PATHS,
  type MetricsSegment,
  readSegment,
  segmentStem,
} from "./segments.ts";

/** A go that was written. */
export interface AppendedPoints {
  /** Below the run's folder. */
  path: string;
  bytes: number;
}

/** One file of all points, and where it waits for its place, unless it is there. */
export interface FinishedMetrics {
  entry: StoredArtifact;
  staged?: StagedFile;
  findings: readonly Finding[];
}

/** The end of a record, which says how many points its file has. */
const TOTAL = /"total":(\d+),"check":"#[0-9a-f]{14}"\}\n$/;
const TOTAL_BYTES_MAX = 64;
const NEWLINE = 10;

export class MetricsStore {
  /** Where its segments are. */
  readonly folder: string;
  #group?: RecordGroup;
  /** The segment whose name this process made durable. */
  #named = "";

  constructor(
    readonly world: World,
    readonly run_folder: string,
    readonly run_id: string,
    readonly segment_points_max = metrics_segment_points_max,
  ) {
    this.folder = join(run_folder, METRICS_PATHS.segments);
  }

  /** Appends goes in one write: all of them, or none. They are durable once `sync` has returned. */
  async append(
    goes: readonly MetricPoints[],
  ): Promise<AppendedPoints & { sync(): Promise<void> }> {
    const { world: { files }, folder } = this;
    const last = await this.#last();
    const number = last.is_parquet ? last.number + 1 : last.number;
    const path = this.#path(number, "jsonl");
    const is_named = this.#named === path;
    if (!is_named) makeFolderDurably(files, folder);
    const file = openToAppend(files, path);
    try {
      if (!is_named) files.syncFolder(folder);
      this.#named = path;
      const end = endWithoutTorn(file);
      let total = totalIn(file, end);
      const group = this.#group ??= new RecordGroup();
      for (const go of goes) group.addObject(recordText(go, total += go.count));
      const records = group.take();
      try {
        writeFully(file, records);
      } catch (error) {
        cutBack(file, end);
        throw error;
      }
      const { length: bytes } = records;
      if (total > this.segment_points_max || end + bytes > metrics_segment_bytes_max) {
        await this.#sealWherePossible(number, path);
      }
      return { path: this.#below(path), bytes, sync: () => syncAndClose(file) };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Takes a file of points, which is durable under its temporary name, as a segment. */
  async take({ path, bytes }: { path: string; bytes: number }): Promise<AppendedPoints> {
    const { world: { files }, folder } = this;
    const { number } = await this.#last();
    const target = this.#path(number + 1, "parquet");
    files.rename(path, target);
    files.syncFolder(folder);
    return { path: this.#below(target), bytes };
  }

  /**
   * Makes one file of all points, which waits for its place; undefined where there is nothing that is not
   * in one.
   */
  async finish(is_noted: boolean): Promise<FinishedMetrics | undefined> {
    const { world, run_folder, run_id } = this;
    const through = await finishedThrough(world, run_folder);
    const segments = listMetricsSegments(world.files, run_folder)
      .filter(({ number }) => number > (through ?? 0));
    const target = join(run_folder, METRICS_PATHS.finished);
    if (segments.length === 0) {
      return through && !is_noted
        ? { entry: await this.#finished(target), findings: [] }
        : undefined;
    }
    const { PointsFile, pointsIn } = await import("./points_file.ts");
    const file = new PointsFile(world, target);
    try {
      if (through !== undefined) {
        for await (const points of pointsIn(world, target)) file.add(run_id, points);
      }
      for (const segment of segments) await this.#addSegment(file, segment);
      const { path, bytes } = file.settle(run_id, segments.at(-1)!.number);
      const sha256 = fileDigest(world.files, path);
      const entry = { rows: file.rows, path: METRICS_PATHS.finished, bytes, sha256 };
      const [commit, abandon] = [() => file.putInPlace(), () => file.abandon()];
      return { entry, staged: { path, commit, abandon }, findings: file.findings() };
    } catch (error) {
      file.abandon();
      throw error;
    }
  }

  /** How many places of segments were no record when these became Parquet. */
  get damaged(): number {
    return this.world.files.list(join(this.run_folder, METRICS_PATHS.damaged))?.length ?? 0;
  }

  /** Whether there are segments still. */
  get has_segments(): boolean {
    return this.world.files.facts(this.folder) !== undefined;
  }

  /** Removes the segments: the finished file has their points. */
  clear(): void {
    const { files } = this.world;
    if (!files.facts(this.folder)) return;
    files.remove(this.folder);
    // Points that a power cut brings back would look like a file that no manifest knows.
    files.syncFolder(dirname(this.folder));
  }

  /** The finished file of an end that was cut off before the manifest had it. */
  async #finished(path: string): Promise<StoredArtifact> {
    const { files } = this.world;
    const { parquetFacts } = await import("../../parquet/mod.ts");
    const { rows } = parquetFacts(this.world, path);
    const { size_bytes: bytes } = files.facts(path)!;
    return { rows, path: METRICS_PATHS.finished, bytes, sha256: fileDigest(files, path) };
  }

  /** The last segment, which may be in the finished file already. */
  async #last(): Promise<{ number: number; is_parquet: boolean }> {
    const { world, run_folder } = this;
    const number = await finishedThrough(world, run_folder) ?? 0;
    const last = listMetricsSegments(world.files, run_folder).at(-1);
    return last && last.number > number ? last : { number, is_parquet: true };
  }

  /** What cannot be made Parquet now waits on: the next go tries it again. */
  async #sealWherePossible(number: number, path: string): Promise<void> {
    const { PointsFile } = await import("./points_file.ts");
    let file: PointsFile | undefined;
    try {
      file = new PointsFile(this.world, this.#path(number, "parquet"));
      await this.#addSegment(file, { number, path, is_parquet: false });
      file.settle(this.run_id);
      file.putInPlace();
      this.world.files.remove(path);
    } catch (error) {
      file?.abandon();
      if (!asLedgerError(error)) throw error;
    }
  }

  async #addSegment(file: PointsFile, { number, path, is_parquet }: MetricsSegment): Promise<void> {
    const { world, run_id } = this;
    if (is_parquet) {
      const { pointsIn } = await import("./points_file.ts");
      for await (const points of pointsIn(world, path)) file.add(run_id, points);
      return;
    }
    const { points, damage } = withOpenFile(world.files, path, (opened) => readSegment(opened));
    // Before the segment goes: no byte of it is to be lost.
    for (const each of damage) this.#keep(number, each);
    file.add(run_id, points);
  }

  /** Keeps bytes that are no record, but for what a killed writer left of one. Idempotent. */
  #keep(number: number, { kind, offset, bytes }: RecordDamage): void {
    if (kind === "torn") return;
    const { world, run_folder } = this;
    const folder = join(run_folder, METRICS_PATHS.damaged);
    makeFolderDurably(world.files, folder);
    const path = join(folder, `${segmentStem(number)}.at-${offset}`);
    replaceFile(world.files, path, bytes, uniqueName(world));
  }

  #path(number: number, extension: "jsonl" | "parquet"): string {
    return join(this.folder, `${segmentStem(number)}.${extension}`);
  }

  #below(path: string): string {
    return path.slice(this.run_folder.length + 1);
  }
}

/** After a write that failed, whose error is the one to report: the next go cuts off what stays. */
function cutBack(file: OpenFile, end: number): void {
  try {
    file.truncate(end);
  } catch (error) {
    if (!asLedgerError(error)) throw error;
  }
}

async function syncAndClose(file: OpenFile): Promise<void> {
  try {
    await file.syncDataInBackground();
  } catch (cause) {
    throw notConfirmed(file.path, "metrics", cause);
  } finally {
    file.close();
  }
}

/** Where the last record ends; a torn one, which its writer did not acknowledge, is cut off. */
function endWithoutTorn(file: OpenFile): number {
  const last_byte = new Uint8Array(1);
  const size_bytes = file.findEnd(last_byte);
  if (size_bytes === 0 || last_byte[0] === NEWLINE) return size_bytes;
  const start = endOfLastLine(file, size_bytes);
  const bytes = readFully(file, new Uint8Array(size_bytes - start), start);
  // A whole record whose line break is damaged was acknowledged: the next one follows it as it is.
  if (![...readRecords(bytes)].every(({ kind }) => kind === "torn")) return size_bytes;
  file.truncate(start);
  return start;
}

/** How many points a file has, as its end says; where that says nothing, it is read. */
function totalIn(file: OpenFile, end: number): number {
  if (end === 0) return 0;
  const bytes = new Uint8Array(Math.min(end, TOTAL_BYTES_MAX));
  const text = new TextDecoder().decode(readFully(file, bytes, end - bytes.length));
  const total = TOTAL.exec(text)?.[1];
  return total === undefined ? readSegment(file).total : Number(total);
}
