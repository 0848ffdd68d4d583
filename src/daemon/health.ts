/** Answers /healthz and /metrics on loopback, so that systemd, cron and Prometheus can ask. */
import { buildFacts } from "../base/build.ts";
import { asLedgerError, LedgerError, quoted } from "../base/error.ts";
import { LOOPBACK_HOSTS } from "../base/http/request.ts";
import { plainAnswer } from "../base/http/response.ts";
import {
  type HttpRequest,
  type HttpResponse,
  type HttpServer,
  serve,
} from "../base/http/server.ts";
import type { World } from "../base/world.ts";

export interface SyncState {
  events: number;
  rejected: number;
  syncs: number;
  failures: number;
  /** Traced events that became Parquet. */
  traces_converted: number;
  last_sync_ms?: number;
  last_sync_seconds?: number;
}

export interface WatchState extends SyncState {
  lag_bytes: number;
  lag_seconds: number;
  log_bytes: number;
  /** Absent where no index tells. */
  runs_ended?: number;
  runs_known?: number;
  /** Bytes of traces in write-ahead files. */
  traces_waiting_bytes: number;
  /** Of a fleet's box: what its store has not acknowledged, as far as is known without network. */
  ship_lag_bytes?: number;
  ship_lag_seconds?: number;
  /** Why nothing is shipped just now, where that is this daemon's task. */
  ship_error?: string;
  last_error?: string;
}

/** What is asked, and from when on the answer is 503. */
interface HealthSource {
  state: () => Promise<WatchState>;
  unhealthy_after_s: number;
  onError: (error: LedgerError) => void;
}

const LOOPBACK = [...LOOPBACK_HOSTS, "::1"];
const METRICS_TYPE = "text/plain; version=0.0.4";

/** Takes `127.0.0.1:9184` apart. Other addresses than loopback are refused. */
export function parseAddress(text: string): { hostname: string; port: number } {
  const [, hostname = "127.0.0.1", port] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && LOOPBACK.includes(hostname) && Number(port) <= 65_535) {
    return { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  }
  throw new LedgerError({
    code: "usage",
    message: `--health is ${quoted(text)}; it has to be a port on loopback, such as 127.0.0.1:9184`,
    hint: "to serve other machines, put a proxy with a login in front of it",
  });
}

export class HealthServer {
  #server?: HttpServer;

  constructor(
    readonly world: World,
    readonly address: { hostname: string; port: number },
    readonly source: HealthSource,
  ) {}

  listen(): string {
    this.#server = serve(this.world, {
      at: this.address,
      allowed_hosts: LOOPBACK_HOSTS,
      handler: (request) => this.#answer(request),
      onError: this.source.onError,
    });
    return this.#server.url;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async #answer({ method, path }: HttpRequest): Promise<HttpResponse> {
    if (path !== "/healthz" && path !== "/metrics") {
      return plainAnswer(404, "there are /healthz and /metrics");
    }
    if (method === "POST") {
      return plainAnswer(405, `${path} is asked with GET`, { "allow": "GET, HEAD" });
    }
    try {
      const state = await this.source.state();
      return path === "/metrics"
        ? { status: 200, headers: { "content-type": METRICS_TYPE }, body: metrics(state) }
        : this.#health(state);
    } catch (thrown) {
      const error = asLedgerError(thrown);
      if (!error) throw thrown;
      // A daemon that cannot even look is no crash: it is what a probe has to hear.
      const { unhealthy_after_s } = this.source;
      return jsonAnswer(503, { status: "failing", reason: error.message, unhealthy_after_s });
    }
  }

  #health(state: WatchState): HttpResponse {
    const { unhealthy_after_s } = this.source;
    const behind = state.lag_seconds > unhealthy_after_s;
    const status = behind ? (state.last_error ? "failing" : "behind") : "ok";
    const reason = behind
      ? `the index is ${state.lag_seconds.toFixed(0)} s and ${state.lag_bytes} bytes behind the log`
      : undefined;
    return jsonAnswer(behind ? 503 : 200, { status, reason, unhealthy_after_s, ...state });
  }
}

function jsonAnswer(status: number, value: Record<string, unknown>): HttpResponse {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: JSON.stringify(value) };
}

type Metric = [type: "gauge" | "counter", name: string, value: number, help: string];

function runsOf({ runs_ended, runs_known }: WatchState): Metric[] {
  if (runs_ended === undefined || runs_known === undefined) return [];
  return [
    ["gauge", "runs_ended", runs_ended, "Runs that completed or failed."],
    ["gauge", "runs_known", runs_known, "All runs that log or folder know."],
  ];
}

function shippingOf({ ship_lag_bytes, ship_lag_seconds, ship_error }: WatchState): Metric[] {
  if (ship_lag_bytes === undefined || ship_lag_seconds === undefined) return [];
  return [
    ["gauge", "ship_lag_bytes", ship_lag_bytes, "Bytes of the log that the fleet has not got yet."],
    ["gauge", "ship_lag_seconds", ship_lag_seconds, "For how long at most the oldest has waited."],
    ["gauge", "ship_failing", ship_error === undefined ? 0 : 1, "1 while shipping fails."],
  ];
}

/** What Prometheus reads. No run is ever named in a label: there is no end to runs. */
function metrics(state: WatchState): string {
  const metrics: Metric[] = [
    [
      "gauge",
      "index_lag_seconds",
      state.lag_seconds,
      "For how long the log has held lines that are not indexed.",
    ],
    ["gauge", "index_lag_bytes", state.lag_bytes, "Bytes of the log that are not indexed."],
    ["gauge", "log_bytes", state.log_bytes, "Bytes of the log."],
    ...runsOf(state),
    ...shippingOf(state),
    ["counter", "events_indexed_total", state.events, "Events in the index."],
    ["gauge", "rejected_lines", state.rejected, "Lines of the log that are no events."],
    ["counter", "syncs_total", state.syncs, "Syncs that ended well."],
    ["counter", "sync_failures_total", state.failures, "Syncs that failed."],
    ["gauge", "last_sync_seconds", state.last_sync_seconds ?? 0, "How long the last sync took."],
    [
      "gauge",
      "last_sync_timestamp_seconds",
      (state.last_sync_ms ?? 0) / 1000,
      "When the last sync ended.",
    ],
    [
      "gauge",
      "traces_waiting_bytes",
      state.traces_waiting_bytes,
      "Bytes of traces in write-ahead files, which are not Parquet yet.",
    ],
    [
      "counter",
      "traces_converted_total",
      state.traces_converted,
      "Traced events that became Parquet.",
    ],
    ["gauge", `build_info{version="${buildFacts().version}"}`, 1, "The program."],
  ];
  return metrics.map(([type, series, value, help]) => {
    const name = `ledger_${series.split("{")[0]}`;
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\nledger_${series} ${value}\n`;
  }).join("");
}
