/** The facade of a fleet: opened from what a box remembers, or from an address that a caller gives. */
import { join } from "@std/path";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { addressText, type FleetAddress, parseAddress } from "./address.ts";
import { claimBox } from "./claim.ts";
import { FleetHome, type Membership } from "./home.ts";
import { KeySource } from "./keys.ts";
import { type ProbeResult, probeStore } from "./probe.ts";
import type { BoxStatus, FleetVerification, TableStatus, VerifyBoxesOptions } from "./boxes.ts";
import type { Engine } from "./engines.ts";
import type { FoldJob, FoldReport } from "./fold.ts";
import type { FleetPullReport, PullOptions } from "./pull/pull.ts";
import type { JobFolder } from "./lake/job_folder.ts";
import type { UpkeepOptions } from "./lake/upkeep.ts";
import type { FleetRetainOptions, FleetRetainReport } from "./retain.ts";
import type { RepairReport, ShipOptions, Shipper, ShipReport } from "./ship.ts";
import { runsDir } from "../base/build.ts";
import { ObjectStore } from "./store.ts";
import { StoreRefusal } from "./store_answers.ts";

/** Which fleet, and how its store is reached. What is left out is as the box remembers it. */
export interface FleetOptions {
  /** `s3://BUCKET/PREFIX`, with the URL of its store. */
  url?: string;
  endpoint?: string;
  /** A file with keys. Default: the environment. */
  keys_path?: string;
  /** A file with the certificates of a private authority. */
  ca_path?: string;
  /** The folder of this box's runs. Default: as a ledger has it. */
  runs_dir?: string;
}

/** What makes a bucket a fleet: `fleet.json` at its root. */
export interface FleetRecord {
  format: number;
  fleet_id: string;
  created_at: string;
  probe: ProbeResult[];
}

const FORMAT = 1;
const RECORD_KEY = "fleet.json";

/** What `init` did. */
export interface InitReport {
  record: FleetRecord;
  /** Whether it was there before. */
  is_old: boolean;
  has_made_bucket: boolean;
  probe: ProbeResult[];
}

/** A fleet, as one process talks to it. */
export class Fleet implements Disposable {
  #ships?: Shipper;
  #folds?: FoldJob;

  private constructor(
    readonly store: ObjectStore,
    readonly home: FleetHome,
    readonly options: FleetOptions,
  ) {}

  /** Opens the fleet that a caller names, or the one that the ledger's box remembers. */
  static open(world: World, ledger_dir: string, options: FleetOptions = {}): Fleet {
    const home = new FleetHome(world, ledger_dir);
    const known = home.read();
    const address = addressOf(known?.fleet, options);
    const ca_path = options.ca_path ?? known?.ca_path;
    const keys_path = options.keys_path ?? known?.keys_path;
    const ca = ca_path === undefined ? undefined : certificatesAt(world, ca_path);
    const store = new ObjectStore(world, address, new KeySource(world, keys_path), ca);
    return new Fleet(store, home, { ...options, ca_path, keys_path });
  }

  /** Where jobs on the tables work. */
  get #jobs(): string {
    return join(this.home.ledger_dir, "fleet", "fold");
  }

  get world(): World {
    return this.store.world;
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
  }

  /** Tries the store, and makes the bucket a fleet; one that is a fleet already stays as it is. */
  async init(): Promise<InitReport> {
    const { store, world } = this;
    const has_made_bucket = await this.#makeBucket();
    const probe = await probeStore(store);
    const fresh: FleetRecord = {
      format: FORMAT,
      fleet_id: world.random_uuid(),
      created_at: new Date(world.now_ms()).toISOString(),
      probe,
    };
    const bytes = new TextEncoder().encode(`${JSON.stringify(fresh, undefined, 2)}\n`);
    if (!await this.record()) {
      const content_type = "application/json";
      await store.put(RECORD_KEY, bytes, {
        create_only: true,
        is_recognizable: true,
        content_type,
      });
    }
    const record = await this.check();
    // A box of one fleet may make others, and stays where it is.
    if (!this.home.read()?.box) this.#remember();
    return { record, is_old: record.fleet_id !== fresh.fleet_id, has_made_bucket, probe };
  }

  /** Claims a name for this box. */
  async join(
    name: string,
    extras: Pick<Membership, "with_code" | "with_files"> = {},
  ): Promise<Membership> {
    await this.check();
    this.#checkSameFleet();
    this.#remember();
    return await claimBox(this.store, this.home, name, extras);
  }

  /** Sends what is durable: the box's log, ended runs, traced events. One try: what the store does not answer is thrown. */
  async ship(options?: ShipOptions): Promise<ShipReport> {
    return await this.#stoppable(options, async () => (await this.#shipper()).ship(options));
  }

  /** Puts again what the store has lost. */
  async repair(options?: ShipOptions): Promise<RepairReport> {
    return await this.#stoppable(options, async () => (await this.#shipper()).repair(options));
  }

  /** Does what its caller may stop: the signal ends also what the store is being asked. */
  async #stoppable<T>(
    { signal }: { signal?: AbortSignal } = {},
    task: () => Promise<T>,
  ): Promise<T> {
    this.store.stop = signal;
    try {
      return await task();
    } finally {
      this.store.stop = undefined;
    }
  }

  async #shipper(): Promise<Shipper> {
    const { Shipper } = await import("./ship.ts");
    return this.#ships ??= new Shipper(
      this.store,
      this.home,
      runsDir(this.world, this.options.runs_dir),
    );
  }

  /**
   * Takes new segments of all boxes into the tables, and merges days that are over. What it knows of the tables
   * stays for the next time.
   */
  async fold(options?: UpkeepOptions): Promise<FoldReport> {
    return await this.#stoppable(options, async () => {
      await this.check();
      const { FoldJob } = await import("./fold.ts");
      this.#folds ??= new FoldJob(this.store, this.#jobs);
      return await this.#folds.run(options);
    });
  }

  /** Fetches what is new of all boxes, or of one, into the cache, and brings the cache's index up to date. */
  async pull(options?: PullOptions): Promise<FleetPullReport> {
    return await this.#stoppable(options, async () => {
      const { fleet_id } = await this.check();
      const { pullFleet } = await import("./pull/pull.ts");
      return await pullFleet(this.store, this.home.ledger_dir, fleet_id, options);
    });
  }

  /** Removes days that are older from the tables, and old segments of boxes. */
  async retain(options: FleetRetainOptions): Promise<FleetRetainReport> {
    return await this.#stoppable(options, async () => {
      await this.check();
      const { retainFleet } = await import("./retain.ts");
      using job = await this.#job();
      return await retainFleet(this.store, job, options);
    });
  }

  async #job(): Promise<JobFolder> {
    const { JobFolder } = await import("./lake/job_folder.ts");
    return await JobFolder.open(this.world, this.#jobs);
  }

  /** How each box stands, or one of them. */
  async status(box?: string): Promise<BoxStatus[]> {
    await this.check();
    const { statusOfBoxes } = await import("./boxes.ts");
    return await statusOfBoxes(this.store, this.home, box);
  }

  /** How far each table has come with each box, or with one. */
  async tables(box?: string): Promise<TableStatus[]> {
    await this.check();
    const { statusOfTables } = await import("./boxes.ts");
    using job = await this.#job();
    return await statusOfTables(this.store, job.path, box);
  }

  /** Follows the chain of segments of each box, or of one; `deep` reads each segment, and of all boxes the ids. */
  async verify(options: VerifyBoxesOptions = {}): Promise<FleetVerification> {
    await this.check();
    const { verifyBoxes } = await import("./boxes.ts");
    const verification = await verifyBoxes(this.store, options);
    if (options.deep && options.only === undefined) {
      const { repeatedIds } = await import("./lake/repeated.ts");
      using job = await this.#job();
      verification.ids = await repeatedIds(this.store, job);
    }
    return verification;
  }

  /** The lines with which an engine reads the tables; keys are not in them. Nothing is asked of the store. */
  async sql(engine: Engine): Promise<string> {
    const { linesFor } = await import("./engines.ts");
    return linesFor(engine, this.store.address);
  }

  /** What makes this bucket a fleet; undefined where nothing does. */
  async record(): Promise<FleetRecord | undefined> {
    const bytes = await this.store.get(RECORD_KEY);
    if (!bytes) return undefined;
    let record: FleetRecord | undefined;
    try {
      record = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      // Said below.
    }
    if (typeof record?.format === "number" && record.format <= FORMAT) return record;
    throw new LedgerError({
      code: typeof record?.format === "number" ? "newer_format" : "damaged",
      message: typeof record?.format === "number"
        ? `this fleet is of format ${record.format}, and this program knows ${FORMAT}`
        : `${RECORD_KEY} in ${addressText(this.store.address)} is no record of a fleet`,
      hint: "use a newer ledger executable, or another prefix: nothing was changed",
    });
  }

  /** Throws where the bucket is no fleet. */
  async check(): Promise<FleetRecord> {
    const record = await this.record();
    if (!record) throw this.#noFleet();
    return record;
  }

  #noFleet(): LedgerError {
    const { address } = this.store;
    return new LedgerError({
      code: "not_found",
      message: `there is no fleet at ${addressText(address)} (${address.endpoint})`,
      hint: `make one: ledger fleet init ${addressText(address)} --endpoint ${address.endpoint}`,
    });
  }

  async #makeBucket(): Promise<boolean> {
    if (await this.store.hasBucket()) return false;
    try {
      await this.store.createBucket();
      return true;
    } catch (error) {
      if (!(error instanceof StoreRefusal)) throw error;
      throw error.with({
        message: `there is no bucket ${this.store.address.bucket}, and these keys may not make it`,
        hint: "make it with the store's own tools, and try again",
      });
    }
  }

  /** What a box has shipped is in one fleet: in another its chain would have no beginning. */
  #checkSameFleet(): void {
    const { fleet, box } = this.home.read() ?? {};
    if (!fleet || !box || addressText(fleet) === addressText(this.store.address)) return;
    throw new LedgerError({
      code: "invalid",
      message: `this box is ${box.name} of ${addressText(fleet)} already`,
      where: { path: this.home.path },
      hint: "to leave that fleet, remove fleet.json and fleet/ from the ledger's folder",
    });
  }

  #remember(): void {
    const { address: fleet } = this.store;
    const { ca_path, keys_path } = this.options;
    this.home.write({ fleet, ca_path, keys_path });
  }
}

function certificatesAt({ files }: World, path: string): string {
  const text = files.readText(path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new LedgerError({
    code: "invalid",
    message: `${path} holds no certificate`,
    where: { path },
    hint: "--ca names a PEM file: -----BEGIN CERTIFICATE-----",
  });
}

function addressOf(known: FleetAddress | undefined, { url, endpoint }: FleetOptions): FleetAddress {
  if (url !== undefined) {
    const is_known = known && addressText(known) === url.replace(/\/+$/, "");
    const at = endpoint ?? (is_known ? known.endpoint : undefined);
    const address = parseAddress(url, at ?? "https://unknown");
    if (at !== undefined) return address;
    throw new LedgerError({
      code: "usage",
      message: `where is the object store of ${url}? it takes --endpoint URL`,
      hint: "such as --endpoint https://s3.eu-central-1.amazonaws.com",
    });
  }
  // What is remembered is a text that others may have changed: it is held to the same rules.
  if (known) return parseAddress(addressText(known), endpoint ?? known.endpoint);
  throw new LedgerError({
    code: "usage",
    message: "this box is in no fleet",
    hint: "name one: s3://BUCKET/PREFIX --endpoint URL; or join it: ledger fleet join",
  });
}
