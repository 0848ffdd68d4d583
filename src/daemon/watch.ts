/**
 * The daemon: a control loop that keeps the index up to date with the log, and tells how far behind it
 * is. It survives whatever a sync meets (a damaged index, a full disk that clears, a folder that
 * vanishes): it tells the operator and tries again.
 */
import { join } from "@std/path";
import { asLedgerError, type LedgerError } from "../base/error.ts";
import {
  follow_poll_ms,
  seal_grace_ms,
  seal_poll_ms,
  trace_convert_rest_factor,
  trace_convert_rest_ms,
  unhealthy_after_s,
  watch_debounce_ms,
  watch_interval_s,
  watch_rest_factor,
  watch_rest_ms,
  watch_short_sync_ms,
} from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { SyncReport } from "../index/sync.ts";
import {
  ChangeNotices,
  ledgerPaths,
  listDays,
  type NewlySealed,
  partsOfDay,
  type SealOptions,
} from "../log/mod.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { ShipReport } from "../fleet/ship.ts";
import type { CatalogSyncReport } from "../runs/catalog/catalog.ts";
import type { FlushReport } from "../trace/store/flush.ts";
import { HealthServer, type SyncState, type WatchState } from "./health.ts";
import { catalogTask, PeriodicTask, RepeatedTrouble, type WatchedRuns } from "./periodic_task.ts";

interface Watched {
  readonly dir: string;
  exists(): boolean;
  sync(options?: {
    lock_wait_ms?: number;
    signal?: AbortSignal;
    onNotice?: (message: string) => void;
  }): Promise<SyncReport>;
  readonly runs?: WatchedRuns & {
    exists(): boolean;
    counts?(): Promise<{ ended: number; known: number } | undefined>;
  };
  readonly upkeep?: { seal(options?: SealOptions): Promise<NewlySealed[]> };
  readonly traces?: {
    exists(): boolean;
    convert(signal?: AbortSignal): Promise<FlushReport>;
    waitingBytes(): Promise<number>;
  };
}

interface WatchOptions {
  signal: AbortSignal;
  interval_s?: number;
  unhealthy_after_s?: number;
  /** Where to answer /healthz and /metrics: a port on loopback. */
  health?: { hostname: string; port: number };
  onSync?: (report: SyncReport) => void;
  onCatalogSync?: (report: CatalogSyncReport) => void;
  onSeal?: (sealed: NewlySealed) => void;
  onConvert?: (report: FlushReport) => void;
  /** The fleet that the log is shipped to meanwhile; without one, the network is given up. */
  fleet?: Fleet;
  onShip?: (report: ShipReport) => void;
  onNotice?: (message: string) => void;
  onListen?: (address: string) => void;
}

/** Runs until the signal is aborted; the sync in hand is finished first. */
export async function watchLedger(
  world: World,
  ledger: Watched,
  options: WatchOptions,
): Promise<void> {
  const watch = new Watch(world, ledger, options);
  const server = options.health && new HealthServer(world, options.health, {
    state: () => watch.state(),
    unhealthy_after_s: options.unhealthy_after_s ?? unhealthy_after_s,
    onError: (error) => watch.tell(error),
  });
  const address = server?.listen();
  // What listens goes on; nothing else is to be reached from here.
  if (!options.fleet) world.dropNetwork();
  if (address) options.onListen?.(address);
  try {
    await Promise.all([watch.run(), watch.ship()]);
  } finally {
    await server?.close();
  }
}

/** Little after a short sync; after a long one about so many times as long as it took. */
function restAfter(took_ms: number): number {
  return watch_rest_ms + Math.max(0, took_ms - watch_short_sync_ms) * watch_rest_factor;
}

class Watch {
  #indexed_bytes = 0;
  readonly #done: SyncState = {
    events: 0,
    rejected: 0,
    syncs: 0,
    failures: 0,
    traces_converted: 0,
  };
  readonly #trouble = new RepeatedTrouble();
  readonly #shipping = new RepeatedTrouble();
  /** Until when the log is known to have been indexed whole. */
  #caught_up_ms: number;

  constructor(readonly world: World, readonly ledger: Watched, readonly options: WatchOptions) {
    this.#caught_up_ms = world.now_ms();
  }

  async run(): Promise<void> {
    const { signal } = this.options;
    const interval_ms = (this.options.interval_s ?? watch_interval_s) * 1000;
    using notices = new ChangeNotices(this.world, ledgerPaths(this.ledger.dir).events);
    const seals = this.#sealing();
    const { runs, traces } = this.ledger;
    const { onCatalogSync = () => {}, onNotice = () => {} } = this.options;
    const catalog = runs && catalogTask(this.world, runs, onCatalogSync, onNotice);
    const conversion = this.#converting();
    while (!signal.aborted) {
      if (this.ledger.exists()) notices.watchIfPossible();
      const is_first = this.#done.syncs === 0;
      const took_ms = await this.#syncOnce();
      // The first one loads, perhaps unpacks, the library, and says nothing of those that follow.
      const needed_ms = is_first && this.#done.syncs > 0 ? watch_rest_ms : restAfter(took_ms);
      const rested_ms = this.world.elapsed_ms() + Math.min(interval_ms, needed_ms);
      if (this.ledger.exists() && !signal.aborted) await seals?.look();
      if (traces?.exists() && !signal.aborted) await conversion?.look();
      const has_runs = !signal.aborted && runs?.exists();
      const catalog_wait_ms = has_runs ? await catalog?.look() : undefined;
      // A ledger that is not there yet cannot notify of its first event.
      const wait_ms = this.ledger.exists() ? catalog_wait_ms ?? interval_ms : follow_poll_ms;
      await notices.next(signal, Math.min(wait_ms, interval_ms));
      const rest_ms = rested_ms - this.world.elapsed_ms();
      await this.world.pause(Math.max(watch_debounce_ms, rest_ms), signal);
      notices.forget();
    }
  }

  /** Seals what is finished, so that its proof is as old as it can be. */
  #sealing(): PeriodicTask | undefined {
    const { upkeep } = this.ledger;
    const { onSeal = () => {}, onNotice = () => {} } = this.options;
    return upkeep && new PeriodicTask(
      this.world,
      async () => {
        // A process that fills in an old day would find its part closed again and again.
        const sealed = await upkeep.seal({ quiet_ms: seal_grace_ms, onNotice });
        for (const part of sealed) onSeal(part);
      },
      (took_ms) => seal_poll_ms - took_ms,
      (message) => onNotice(`finished parts were not sealed: ${message}`),
    );
  }

  /** Makes Parquet of write-ahead files that no living writer holds. */
  #converting(): PeriodicTask | undefined {
    const { traces } = this.ledger;
    const { signal, onConvert = () => {}, onNotice = () => {} } = this.options;
    return traces && new PeriodicTask(
      this.world,
      async () => {
        const report = await traces.convert(signal);
        this.#done.traces_converted += report.events;
        if (report.segments > 0) onConvert(report);
      },
      (took_ms) => trace_convert_rest_ms + took_ms * trace_convert_rest_factor,
      (message) => onNotice(`traces were not made Parquet: ${message}`),
    );
  }

  /** Ships beside the syncs, which never wait for it. A fork ends it; what may pass is waited for. */
  async ship(): Promise<void> {
    const { fleet, signal, onShip = () => {} } = this.options;
    if (!fleet) return;
    const { keepShipping } = await import("../fleet/follow.ts");
    const onTrouble = (error: LedgerError) =>
      this.#shipping.met(error, (error) => this.tell(error));
    try {
      await keepShipping(fleet, {
        signal,
        is_patient: true,
        onTrouble,
        onShip: (report) => {
          this.#shipping.end();
          onShip(report);
        },
      });
    } catch (thrown) {
      this.#shipping.met(thrown, (error) => this.tell(error));
    }
  }

  tell({ message, hint }: LedgerError): void {
    this.options.onNotice?.(`${message}${hint ? ` (${hint})` : ""}`);
  }

  /** Syncs if there is something; returns how long it took. Never throws for what the world did. */
  async #syncOnce(): Promise<number> {
    if (!this.ledger.exists()) return 0;
    const started_ms = this.world.elapsed_ms();
    const looked_at_ms = this.world.now_ms();
    try {
      const { signal, onNotice } = this.options;
      const report = await this.ledger.sync({ signal, onNotice });
      const { events, rejected, bytes } = report.total;
      this.#indexed_bytes = bytes;
      this.#caught_up_ms = looked_at_ms;
      Object.assign(this.#done, { events, rejected });
      this.#done.syncs++;
      this.#done.last_sync_ms = this.world.now_ms();
      this.#done.last_sync_seconds = report.seconds;
      this.#trouble.end();
      this.options.onSync?.(report);
    } catch (thrown) {
      if (asLedgerError(thrown)?.code === "interrupted") return 0;
      this.#done.failures++;
      this.#trouble.met(thrown, (error) => this.tell(error));
    }
    return this.world.elapsed_ms() - started_ms;
  }

  /** How it stands right now: the log is looked at, not remembered. */
  async state(): Promise<WatchState> {
    const { files } = this.world;
    let log_bytes = 0;
    if (this.ledger.exists()) {
      for (const day of listDays(files, this.ledger.dir)) {
        for (const part of await partsOfDay(files, this.ledger.dir, day)) {
          log_bytes += part.size_bytes;
        }
      }
    }
    const lag_bytes = Math.max(0, log_bytes - this.#indexed_bytes);
    const behind_ms = this.world.now_ms() - this.#caught_up_ms;
    const { ended: runs_ended, known: runs_known } = await this.ledger.runs?.counts?.() ?? {};
    return {
      lag_bytes,
      lag_seconds: lag_bytes === 0 ? 0 : Math.max(0, behind_ms / 1000),
      log_bytes,
      ...(runs_known === undefined ? {} : { runs_ended, runs_known }),
      traces_waiting_bytes: await this.ledger.traces?.waitingBytes() ?? 0,
      ...await this.#shippingState(),
      ...this.#done,
      last_error: this.#trouble.message,
    };
  }

  /** A box of no fleet has none. */
  async #shippingState(): Promise<Partial<WatchState>> {
    const { world, ledger: { dir } } = this;
    if (!world.files.facts(join(dir, "fleet.json"))) return {};
    const { FleetHome } = await import("../fleet/home.ts");
    try {
      const lag = await new FleetHome(world, dir).lag();
      return {
        ship_lag_bytes: lag?.bytes,
        ship_lag_seconds: lag?.seconds,
        ship_error: this.#shipping.message,
      };
    } catch (thrown) {
      const error = asLedgerError(thrown);
      if (!error) throw thrown;
      return { ship_error: error.message };
    }
  }
}
