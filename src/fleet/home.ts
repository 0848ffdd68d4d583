/**
 * Configuration of a fleet on this box, `data/ledger/fleet.json`: where the fleet is, and who this box is in
 * it. It holds no secret; a key file is remembered by its path.
 */
import { join } from "@std/path";
import { LedgerError, newerFormat } from "../base/error.ts";
import { makeFolderDurably, replaceFile } from "../base/files/durable.ts";
import { uniqueName, type World } from "../base/world.ts";
import type { ShippingLag } from "../log/pull/shipping_lag.ts";
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

  /** Who this box is; throws where that is not known. */
  member(): Membership {
    const { box } = this.read() ?? {};
    if (box && !box.pending) return box;
    throw new LedgerError({
      code: "usage",
      message: box
        ? `whether this box is ${box.name} is not known yet`
        : "this box has joined no fleet",
      where: { path: this.path },
      hint: `join ${box ? "again" : "one"}: ledger fleet join s3://BUCKET/PREFIX --endpoint URL ` +
        `--as ${box?.name ?? "NAME"}`,
    });
  }

  /** How far the store is behind this box's log, as far as is known here; undefined of no fleet's box. */
  async lag(options?: { count?: boolean }): Promise<ShippingLag & { box: string } | undefined> {
    const { box } = this.read() ?? {};
    if (!box) return undefined;
    const { shippingLag } = await import("../log/pull/shipping_lag.ts");
    return { box: box.name, ...await shippingLag(this.world, this.ledger_dir, options) };
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
