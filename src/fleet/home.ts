/**
 * Configuration of a fleet on this box, `data/ledger/fleet.json`: where the fleet is, and who this box is in
 * it. It holds no secret; a key file is remembered by its path.
 */
import { join } from "@std/path";
import { LedgerError, newerFormat } from "../base/error.ts";
import { makeFolderDurably, replaceFile } from "../base/files/durable.ts";
import { uniqueName, type World } from "../base/world.ts";
import type { FleetAddress } from "./address.ts";

/** Who this box is. */
export interface Membership {
  name: string;
  /** 128 random bits, in hex. */
  box_id: string;
  /** It was sent to the store, and the answer is not known. */
  pending?: boolean;
  /** Whether the patches and the attached files of runs leave the box too. */
  with_code?: boolean;
  with_files?: boolean;
}

/** What a box remembers of its fleet. */
interface FleetFacts {
  fleet: FleetAddress;
  ca_path?: string;
  keys_path?: string;
  box?: Membership;
}

const VERSION = 1;

/** The file of one ledger. */
export class FleetHome {
  readonly path: string;

  constructor(readonly world: World, readonly ledger_dir: string) {
    this.path = join(ledger_dir, "fleet.json");
  }

  /** What is remembered; undefined where this box has no fleet. */
  read(): FleetFacts | undefined {
    const { files } = this.world;
    if (!files.facts(this.path)) return undefined;
    let parsed: unknown;
    try {
      parsed = JSON.parse(files.readText(this.path));
    } catch (error) {
      if (error instanceof LedgerError) throw error;
    }
    const { version, ...facts } = Object(parsed) as FleetFacts & { version?: number };
    if (typeof version === "number" && version > VERSION) {
      throw newerFormat(this.path, version, VERSION);
    }
    const { bucket, prefix, endpoint } = Object(facts.fleet);
    const is_read = [bucket, prefix, endpoint].every((word) => typeof word === "string") &&
      (facts.box === undefined ||
        typeof facts.box.name === "string" && typeof facts.box.box_id === "string");
    if (version === VERSION && is_read) return facts;
    throw new LedgerError({
      code: "damaged",
      message: `${this.path} cannot be read`,
      where: { path: this.path },
      hint: "restore it from a backup; or join anew under another name: ledger fleet join",
    });
  }

  /** Remembers more, durably. */
  write(more: Partial<FleetFacts>): void {
    const { files } = this.world;
    const facts = { version: VERSION, ...this.read(), ...more };
    makeFolderDurably(files, this.ledger_dir);
    const bytes = new TextEncoder().encode(`${JSON.stringify(facts, undefined, 2)}\n`);
    replaceFile(files, this.path, bytes, uniqueName(this.world));
  }
}
