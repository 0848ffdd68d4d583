/**
 * A recorded disk: real files, and every change to them in order with what was written, so that a power
 * cut can be replayed after each. What a native library writes is noted when its file is synced, opened
 * or given a name.
 */
import { relative } from "@std/path";
import type { Files, OpenFile, OpenMode } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";

/** A name in a folder: of a file or a folder, or of nothing any more. */
export interface NameChange {
  folder: number;
  name: string;
  node?: number;
}

/** One step of the recording. Nodes are what names stand for: files and folders. */
export type DiskStep =
  | { kind: "names"; text: string; changes: NameChange[] }
  | { kind: "content"; text: string; node: number; at: number; bytes: Uint8Array }
  | { kind: "length"; text: string; node: number; size_bytes: number }
  /** All changes to this node so far are durable: of a file its content, of a folder its names. */
  | { kind: "sync"; text: string; node: number }
  /** Its caller was told that this is done. */
  | { kind: "told"; text: string };

/** A file's size, or a folder's names; and which of the system's files it is. */
type Node =
  & { identity: string }
  & ({ names: Map<string, number> } | { names?: undefined; size_bytes: number });

/** What the disk held when the recording began: all of it durable. */
export interface StartOfDisk {
  folders: Map<number, Map<string, number>>;
  files: Map<number, Uint8Array>;
}

/** The folder that is recorded. */
export const ROOT = 0;

export class RecordedDisk {
  readonly steps: DiskStep[] = [];
  readonly start: StartOfDisk = { folders: new Map(), files: new Map() };
  readonly files: Files;
  readonly #nodes = new Map<number, Node>();
  readonly #real = systemFiles();

  constructor(readonly root: string) {
    this.#nodes.set(ROOT, { identity: "", names: new Map() });
    for (const { name } of Deno.readDirSync(root)) this.#adopt(`${root}/${name}`);
    for (const [id, { names }] of this.#nodes) {
      if (names) this.start.folders.set(id, new Map(names));
    }
    for (const step of this.steps.splice(0)) {
      if (step.kind === "content") this.start.files.set(step.node, step.bytes);
    }
    this.files = this.#recordingFiles();
  }

  /** Notes that a caller was told of something. */
  tell(what: string): void {
    this.steps.push({ kind: "told", text: what });
  }

  #recordingFiles(): Files {
    const real = this.#real;
    return {
      ...real,
      open: (path, mode) => this.#open(path, mode),
      makeFolder: (path, mode) => {
        real.makeFolder(path, mode);
        this.#adopt(path);
      },
      syncFolder: (path) => {
        real.syncFolder(path);
        this.#noteSync(path, "sync folder");
      },
      rename: (from, to) => {
        this.#adopt(from);
        real.rename(from, to);
        const [old_place, new_place] = [this.#placeOf(from)!, this.#placeOf(to)!];
        const node = this.#take(old_place);
        this.#give(new_place, node);
        const text = `rename ${this.#short(from)} to ${this.#short(to)}`;
        const changes = [{ ...new_place, node }, old_place];
        this.steps.push({ kind: "names", text, changes });
      },
      copy: (from, to) => {
        real.copy(from, to);
        this.#adopt(to);
      },
      remove: (path) => {
        real.remove(path);
        this.#noteRemoved(path);
      },
    };
  }

  #open(path: string, mode: OpenMode): OpenFile {
    const file = this.#real.open(path, mode);
    const node = this.#adopt(path);
    // What stands in a lock is for people; outside the root nothing is recorded.
    if (node === undefined || mode === "lock" || this.#nodes.get(node)!.names) return file;
    const { write, truncate, sync, syncData } = file;
    const text = this.#short(path);
    const synced = () => {
      this.#noteForeign(node, path);
      this.steps.push({ kind: "sync", text: `sync ${text}`, node });
    };
    const inode = this.#nodes.get(node) as { size_bytes: number };
    return Object.assign(file, {
      write: (bytes: Uint8Array) => {
        const taken = write.call(file, bytes);
        const written = bytes.slice(0, taken);
        const at = inode.size_bytes;
        inode.size_bytes += taken;
        this.steps.push({ kind: "content", text: `write ${text}`, node, at, bytes: written });
        return taken;
      },
      truncate: (size_bytes: number) => {
        truncate.call(file, size_bytes);
        inode.size_bytes = size_bytes;
        this.steps.push({ kind: "length", text: `truncate ${text}`, node, size_bytes });
      },
      sync: () => {
        sync.call(file);
        synced();
      },
      syncData: () => {
        syncData.call(file);
        synced();
      },
      syncDataInBackground: () => {
        syncData.call(file);
        synced();
        return Promise.resolve();
      },
    });
  }

  /** The node of a path; what is not known of it yet is noted as it stands there. */
  #adopt(path: string): number | undefined {
    const place = this.#placeOf(path);
    if (!place) return path === this.root ? ROOT : undefined;
    const facts = this.#real.facts(path);
    if (!facts) return undefined;
    let node = this.#lookUp(place);
    if (node === undefined) {
      const { identity } = facts;
      const linked = facts.is_file && facts.links > 1 ? this.#nodeOf(identity) : undefined;
      node = linked ?? this.#nodes.size;
      if (linked === undefined) {
        const content = facts.is_folder ? { names: new Map<string, number>() } : { size_bytes: 0 };
        this.#nodes.set(node, { identity, ...content });
      }
      this.#give(place, node);
      const what = facts.is_folder ? "make folder" : linked === undefined ? "create" : "link";
      const text = `${what} ${this.#short(path)}`;
      this.steps.push({ kind: "names", text, changes: [{ ...place, node }] });
    }
    if (facts.is_folder) {
      for (const { name } of Deno.readDirSync(path)) this.#adopt(`${path}/${name}`);
    } else this.#noteForeign(node, path);
    return node;
  }

  /** The file of which this is another name. */
  #nodeOf(identity: string): number | undefined {
    // The last of them: the system gives a removed file's number to a new one.
    return [...this.#nodes].findLast(([, node]) => node.identity === identity)?.[0];
  }

  /** Notes what was written past the seam. */
  #noteForeign(node: number, path: string): void {
    const inode = this.#nodes.get(node) as { size_bytes: number };
    const size_bytes = this.#real.facts(path)?.size_bytes;
    if (size_bytes === undefined || size_bytes === inode.size_bytes || path.endsWith(".lock")) {
      return;
    }
    const bytes = this.#real.readBytes(path);
    inode.size_bytes = bytes.length;
    const text = `others write ${this.#short(path)}`;
    this.steps.push({ kind: "length", text, node, size_bytes: 0 });
    this.steps.push({ kind: "content", text, node, at: 0, bytes });
  }

  #noteSync(path: string, what: string): void {
    const node = this.#adopt(path);
    if (node === undefined) return;
    this.steps.push({ kind: "sync", text: `${what} ${this.#short(path)}`, node });
  }

  /** From the bottom up, as the system removes a folder. */
  #noteRemoved(path: string): void {
    const place = this.#placeOf(path);
    const node = place && this.#lookUp(place);
    if (place === undefined || node === undefined) return;
    for (const name of this.#nodes.get(node)?.names?.keys() ?? []) {
      this.#noteRemoved(`${path}/${name}`);
    }
    this.#take(place);
    this.steps.push({ kind: "names", text: `remove ${this.#short(path)}`, changes: [place] });
  }

  /** The folder that a path's name stands in; undefined for the root and what is outside. */
  #placeOf(path: string): { folder: number; name: string } | undefined {
    const below = relative(this.root, path);
    if (below === "" || below.startsWith("..")) return undefined;
    const names = below.split("/");
    const name = names.pop()!;
    let folder = ROOT;
    for (const [at, each] of names.entries()) {
      const next = this.#nodes.get(folder)?.names?.get(each) ??
        this.#adopt([this.root, ...names.slice(0, at + 1)].join("/"));
      if (next === undefined) return undefined;
      folder = next;
    }
    return { folder, name };
  }

  #lookUp({ folder, name }: { folder: number; name: string }): number | undefined {
    return this.#nodes.get(folder)?.names?.get(name);
  }

  #give({ folder, name }: { folder: number; name: string }, node: number): void {
    this.#nodes.get(folder)!.names!.set(name, node);
  }

  #take(place: { folder: number; name: string }): number {
    const node = this.#lookUp(place)!;
    this.#nodes.get(place.folder)!.names!.delete(place.name);
    return node;
  }

  #short(path: string): string {
    return relative(this.root, path) || ".";
  }
}
