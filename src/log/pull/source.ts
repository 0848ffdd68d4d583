/**
 * Another ledger, as the place that lines are pulled from: its parts by the box that wrote them first,
 * and their whole lines. It is only read. Whatever cannot be read there concerns that part alone.
 */
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { kindOf } from "../../base/files/outside.ts";
import { pulled_number_max, read_bytes } from "../../base/limits.ts";
import { counted, escaped } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import { parsePartLabel, type PartId, partLabel, partPath } from "../format/layout.ts";
import { type OpenPart, openPart } from "../read/part_file.ts";
import { type PartExtent, partNamesOf, partsOfDay } from "../read/parts.ts";
import type { ReplicationState } from "./replication_state.ts";

/** Something about the other ledger, or the other box, that wants attention; the rest went on. */
export interface PullFinding {
  what: string;
  reason: string;
  hint?: string;
}

/** Something that cannot be read where we pull from. Not an error of ours: others go on. */
export class SourceProblem extends Error {
  constructor(readonly problem: LedgerError) {
    super(problem.message);
    this.name = "SourceProblem";
  }
}

/** Does something with the other ledger; its errors become problems of that ledger. */
export async function atSource<Result>(body: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    throw ofThatLedger(error);
  }
}

/** The same for what is done at once. */
export function atSourceNow<Result>(body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    throw ofThatLedger(error);
  }
}

function ofThatLedger(error: unknown): unknown {
  const problem = asLedgerError(error);
  return problem ? new SourceProblem(problem) : error;
}

/** What cannot be read there, as a finding; throws any other error again. */
export function findingOf(error: unknown, what: string): PullFinding {
  if (!(error instanceof SourceProblem)) throw error;
  const { message: reason, hint } = error.problem;
  return { what: escaped(what), reason: escaped(reason), hint };
}

/** A part as its own box wrote it, as far as the other ledger has it. */
export interface Origin {
  /** The box that wrote it. */
  host: string;
  part: PartId;
  label: string;
  /** Whether the other ledger is that box's own. */
  is_direct: boolean;
  ranges: { extent: PartExtent; from: number; to?: number }[];
  /** Other than before, whenever its lines may be. */
  stamp: string;
}

/** The parts of a day of the other ledger, whose own box is `host`. */
export async function originsOfDay(
  world: World,
  root: string,
  host: string,
  day: string,
  pulled: ReplicationState | undefined,
  onFinding: (finding: PullFinding) => void,
): Promise<Origin[]> {
  const extents = await atSource(() =>
    partsOfDay(world.files, root, day, (part, { message: reason, hint }) => {
      onFinding({ what: partLabel(part), reason: escaped(reason), hint });
    })
  );
  const by_label = new Map(extents.map((extent) => [extent.label, extent]));
  for (const finding of atSourceNow(() => strangeParts(world, root, day))) onFinding(finding);
  const came_from_others = new Map<string, number>();
  const origins: Origin[] = [];
  for (const [other, { parts }] of pulled ?? []) {
    // What it lost and took back from a third box is its own again.
    if (other === host) continue;
    for (const [label, { here }] of parts) {
      const part = parsePartLabel(label)!;
      if (part.day !== day) continue;
      const ranges: Origin["ranges"] = [];
      for (const { part, from, to, own } of here) {
        if (!own) came_from_others.set(part, Math.max(to, came_from_others.get(part) ?? 0));
        const extent = by_label.get(part);
        // What was taken out there, or cannot be read, ends what can be had of it.
        if (!extent) break;
        if (extent.size_bytes < to) {
          onFinding(claimed(part, other, to, extent.size_bytes));
          break;
        }
        ranges.push({ extent, from, to });
      }
      if (ranges.length === 0) continue;
      origins.push(originOf(world, { host: other, part, label, is_direct: false, ranges }));
    }
  }
  for (const extent of extents) {
    const { part, label } = extent;
    const known_to = came_from_others.get(label);
    if (known_to !== undefined) {
      if (extent.size_bytes > known_to) onFinding(unaccounted(label, extent.size_bytes - known_to));
      continue;
    }
    // `strangeParts` reported it.
    if (part.number > pulled_number_max) continue;
    // Without that state, a writer's part may be its own or a third box's.
    if (!pulled && part.writer !== "") continue;
    const ranges = [{ extent, from: 0 }];
    origins.push(originOf(world, { host, part, label, is_direct: true, ranges }));
  }
  return origins;
}

/** Names of parts that are no files, and numbers after which no next one could be given. */
function strangeParts({ files }: World, root: string, day: string): PullFinding[] {
  return partNamesOf(files, root, day).flatMap(({ number, writer, format }): PullFinding[] => {
    const part = { day, number, writer };
    const path = partPath(root, part).replace(/jsonl$/, format);
    const facts = files.linkFacts(path);
    if (facts && !facts.is_file) {
      return [{ what: partLabel(part), reason: `it is ${kindOf(facts)}: nothing was taken` }];
    }
    if (number <= pulled_number_max) return [];
    const reason = `its number is larger than ${pulled_number_max}: nothing was taken`;
    return [{ what: partLabel(part), reason }];
  });
}

function claimed(what: string, host: string, bytes: number, size_bytes: number): PullFinding {
  return {
    what,
    reason: `the record there says that it has ${counted(bytes, "byte")} or more, from ${host}, ` +
      `and it has ${counted(size_bytes, "byte")}: what is behind is not taken`,
    hint: "the record is damaged, or that part is; see: ledger verify, on that box",
  };
}

function originOf(world: World, origin: Omit<Origin, "stamp">): Origin {
  const stamp = origin.ranges.map(({ extent: { path, size_bytes }, from, to = size_bytes }) => {
    const format = path.slice(path.lastIndexOf(".") + 1);
    // One that is renamed at this moment looks like none, and is read again next time.
    const { modified_ms = 0 } = world.files.facts(path) ?? {};
    return `${format} ${from} ${to} ${modified_ms}`;
  }).join(", ");
  return { ...origin, stamp };
}

function unaccounted(what: string, bytes: number): PullFinding {
  return {
    what,
    reason: `came from a third box, and its last ${bytes} bytes are in no record of a pull: left`,
    hint: "end the pull that was begun there, then pull here again",
  };
}

export interface LineBlock {
  start: number;
  end: number;
  /** In order; each is valid until the next one is asked for. */
  pieces: Iterable<Uint8Array>;
  /** Whether it is one line that is too long to be an event; else each piece has whole lines. */
  is_too_long: boolean;
}

/** The whole lines of a part between two starts of lines, also those that are too long to be events. */
export function* wholeLines(part: OpenPart, from: number, to: number): Generator<LineBlock> {
  for (const { start, end, bytes } of part.blocks(from)) {
    if (end === start) continue;
    const until = Math.min(end, to);
    const in_memory = bytes.length === end - start;
    const pieces = in_memory ? [bytes.subarray(0, until - start)] : piecesOf(part, start, until);
    yield { start, end: until, pieces, is_too_long: !in_memory };
    if (until === to) return;
  }
}

function* piecesOf(part: OpenPart, start: number, end: number): Generator<Uint8Array> {
  for (let at = start; at < end;) {
    const bytes = part.bytesBetween(at, Math.min(at + read_bytes, end));
    if (bytes.length === 0) return;
    yield bytes;
    at += bytes.length;
  }
}

/** The lines of an origin, one after another, wherever the other ledger has them. */
export class OriginLines {
  readonly #parts: { part: OpenPart; from: number; to: number; path: string }[] = [];

  private constructor(readonly origin: Origin) {}

  static async open(world: World, origin: Origin): Promise<OriginLines> {
    const lines = new OriginLines(origin);
    try {
      for (const { extent, from, to } of origin.ranges) {
        const part = await atSource(() => openPart(world, extent));
        const opened = { part, from, to: to ?? extent.size_bytes, path: extent.path };
        lines.#parts.push(opened);
        if (to !== undefined || extent.compacted) continue;
        opened.to = await atSource(() => part.startOfLineBefore(extent.size_bytes + 1));
      }
    } catch (error) {
      lines[Symbol.dispose]();
      throw error;
    }
    return lines;
  }

  get end(): number {
    return this.#parts.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  *blocks(from: number): Generator<LineBlock> {
    let passed = 0;
    for (const { part, from: first, to, path } of this.#parts) {
      const shift = passed - first;
      passed += to - first;
      let at = Math.max(first, from - shift);
      if (at >= to) continue;
      for (const block of ofSource(wholeLines(part, at, to))) {
        at = block.end;
        const pieces = ofSource(block.pieces);
        const { is_too_long } = block;
        yield { start: block.start + shift, end: block.end + shift, pieces, is_too_long };
      }
      if (at < to) throw new SourceProblem(endsEarly(path, to - at));
    }
  }

  *bytesBetween(from: number, to: number): Generator<Uint8Array> {
    let left = to - from;
    if (left === 0) return;
    for (const bytes of bytesOf(this.blocks(from))) {
      yield bytes.subarray(0, Math.min(bytes.length, left));
      left -= bytes.length;
      if (left <= 0) return;
    }
  }

  [Symbol.dispose](): void {
    for (const { part } of this.#parts) part[Symbol.dispose]();
  }
}

export function* bytesOf(blocks: Iterable<LineBlock>): Generator<Uint8Array> {
  for (const { pieces } of blocks) yield* pieces;
}

/** The same things; an error of their source becomes a problem of the other ledger. */
export function* ofSource<Thing>(things: Iterable<Thing>): Generator<Thing> {
  const iterator = things[Symbol.iterator]();
  for (;;) {
    const next = atSourceNow(() => iterator.next());
    if (next.done) return;
    yield next.value;
  }
}

function endsEarly(path: string, bytes: number): LedgerError {
  return new LedgerError({
    code: "io",
    message:
      `${path} ends ${counted(bytes, "byte")} before it should: it got shorter while it was ` +
      "read, or what is said of it is wrong",
    where: { path },
    hint: "what came before that is taken; pull again, and see: ledger verify --deep, on that box",
  });
}
