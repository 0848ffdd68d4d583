/** Answers /healthz and /metrics on loopback, so that systemd, cron and Prometheus can ask. */
import { buildFacts } from "./base/build.ts";
import { LedgerError, quoted } from "./base/error.ts";
import type { WatchState } from "./watch.ts";

/** What is asked, and from when on the answer is 503. */
export interface HealthSource {
  state: () => Promise<WatchState>;
  unhealthy_after_s: number;
}

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]", "::1"];

/** Takes `127.0.0.1:9184` apart. Other addresses than loopback are refused. */
export function parseAddress(text: string): { hostname: string; port: number } {
  const [, hostname = "127.0.0.1", port] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && LOOPBACK.includes(hostname) && Number(port) <= 65_535) {
    return { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  }
  throw new LedgerError({
    code: "usage",
    message: `--health is ${quoted(text)}; it has to be a port on loopback, such as 127.0.0.1:9184`,
    hint: "to be asked from elsewhere, put a proxy with a login before it",
  });
}

/** The endpoint of one daemon. */
export class HealthServer {
  #server?: Deno.HttpServer<Deno.NetAddr>;

  constructor(
    readonly address: { hostname: string; port: number },
    readonly source: HealthSource,
  ) {}

  /** Begins to answer; returns where. */
  listen(): Promise<string> {
    const { hostname, port } = this.address;
    return new Promise((resolve, reject) => {
      try {
        this.#server = Deno.serve({
          hostname,
          port,
          onListen: (at) => resolve(`http://${at.hostname}:${at.port}`),
        }, (request) => this.#answer(request));
      } catch (cause) {
        reject(
          new LedgerError({
            code: "io",
            message: `cannot answer on ${hostname}:${port}: ${(cause as Error).message}`,
            hint: "another program may have the port; take another one, or 0 for any",
            cause,
          }),
        );
      }
    });
  }

  async close(): Promise<void> {
    await this.#server?.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname !== "/healthz" && pathname !== "/metrics") {
      return new Response("there are /healthz and /metrics\n", { status: 404 });
    }
    const state = await this.source.state();
    return pathname === "/metrics"
      ? new Response(metrics(state), { headers: { "content-type": "text/plain; version=0.0.4" } })
      : this.#health(state);
  }

  #health(state: WatchState): Response {
    const { unhealthy_after_s } = this.source;
    const behind = state.lag_seconds > unhealthy_after_s;
    const status = behind ? (state.last_error ? "failing" : "behind") : "ok";
    const reason = behind
      ? `the index is ${state.lag_seconds.toFixed(0)} s and ${state.lag_bytes} bytes behind the log`
      : undefined;
    return Response.json({ status, reason, unhealthy_after_s, ...state }, {
      status: behind ? 503 : 200,
    });
  }
}

/** What Prometheus reads. No run is ever named in a label: there is no end to runs. */
function metrics(state: WatchState): string {
  const lines: string[] = [];
  const metric = (name: string, type: string, help: string, value: number, labels = "") => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name}${labels} ${value}`);
  };
  const gauge = (name: string, help: string, value: number) => metric(name, "gauge", help, value);
  const counter = (name: string, help: string, value: number) =>
    metric(name, "counter", help, value);
  gauge(
    "ledger_index_lag_seconds",
    "For how long the log has held lines that are not indexed.",
    state.lag_seconds,
  );
  gauge("ledger_index_lag_bytes", "Bytes of the log that are not indexed.", state.lag_bytes);
  gauge("ledger_log_bytes", "Bytes of the log.", state.log_bytes);
  counter("ledger_events_indexed_total", "Events in the index.", state.events);
  gauge("ledger_rejected_lines", "Lines of the log that are no events.", state.rejected);
  counter("ledger_syncs_total", "Syncs that ended well.", state.syncs);
  counter("ledger_sync_failures_total", "Syncs that failed.", state.failures);
  gauge("ledger_last_sync_seconds", "How long the last sync took.", state.last_sync_seconds ?? 0);
  gauge(
    "ledger_last_sync_timestamp_seconds",
    "When the last sync ended.",
    (state.last_sync_ms ?? 0) / 1000,
  );
  metric("ledger_build_info", "gauge", "The program.", 1, `{version="${buildFacts().version}"}`);
  return lines.join("\n") + "\n";
}
