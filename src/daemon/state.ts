/** What the daemon says of itself to probes. */

/** How the daemon is doing. */
export interface WatchState {
  lag_bytes: number;
  lag_seconds: number;
  log_bytes: number;
  events: number;
  rejected: number;
  syncs: number;
  failures: number;
  last_sync_ms?: number;
  last_sync_seconds?: number;
  /** Why the last sync failed; absent when it did not. */
  last_error?: string;
}
