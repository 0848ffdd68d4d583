/** What the health endpoint answers, asked over a real socket. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { buildFacts } from "../../src/base/build.ts";
import { LedgerError } from "../../src/base/error.ts";
import { HealthServer, parseAddress, type WatchState } from "../../src/daemon/health.ts";
import { openLedger } from "../../src/mod.ts";
import { watchLedger } from "../../src/daemon/watch.ts";
import { untilHealth } from "../daemon.ts";
import { ledger, tempFolder, testWorld } from "../harness.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const UNHEALTHY_AFTER_S = 120;

const KEEPING_UP: WatchState = {
  lag_bytes: 0,
  lag_seconds: 0,
  log_bytes: 4_096,
  runs_ended: 12,
  runs_known: 15,
  events: 12,
  rejected: 1,
  syncs: 3,
  failures: 2,
  traces_converted: 40,
  traces_waiting_bytes: 1_200,
  last_sync_ms: 1_769_126_400_500,
  last_sync_seconds: 0.25,
};

/** An endpoint whose daemon stands as the test says. */
class Endpoint implements AsyncDisposable {
  state: WatchState = KEEPING_UP;
  /** What the state cannot be had for. */
  trouble?: Error;
  readonly errors: string[] = [];
  readonly #server = new HealthServer(testWorld(), LOOPBACK, {
    state: () => this.trouble ? Promise.reject(this.trouble) : Promise.resolve(this.state),
    unhealthy_after_s: UNHEALTHY_AFTER_S,
    onError: ({ message }) => this.errors.push(message),
  });
  readonly address = this.#server.listen();

  async ask(path: string): Promise<{ status: number; type: string | null; text: string }> {
    const response = await fetch(this.address + path);
    const type = response.headers.get("content-type");
    return { status: response.status, type, text: await response.text() };
  }

  /** The answer when the daemon stands so. */
  async health(state: Partial<WatchState>) {
    this.state = { ...KEEPING_UP, ...state };
    const { status, text } = await this.ask("/healthz");
    return { code: status, ...JSON.parse(text) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

Deno.test("an index that keeps up is healthy, and its figures are told", async () => {
  await using endpoint = new Endpoint();
  const { status, type, text } = await endpoint.ask("/healthz");
  assertEquals([status, type], [200, "application/json"]);
  const wanted = { status: "ok", unhealthy_after_s: UNHEALTHY_AFTER_S, ...KEEPING_UP };
  assertEquals(JSON.parse(text), wanted);
  assertEquals((await endpoint.ask("/healthz?from=probe")).status, 200);
});

Deno.test("health turns 503 past the limit, says why, and turns back below it", async () => {
  await using endpoint = new Endpoint();
  const at_limit = await endpoint.health({ lag_seconds: UNHEALTHY_AFTER_S, lag_bytes: 700 });
  assertEquals([at_limit.code, at_limit.status, at_limit.reason], [200, "ok", undefined]);
  const behind = await endpoint.health({ lag_seconds: 120.6, lag_bytes: 700 });
  assertEquals([behind.code, behind.status], [503, "behind"]);
  assertEquals(behind.reason, "the index is 121 s and 700 bytes behind the log");
  const last_error = "cannot write /x: No space left on device";
  const failing = await endpoint.health({ lag_seconds: 200, lag_bytes: 900, last_error });
  assertEquals([failing.code, failing.status, failing.last_error], [503, "failing", last_error]);
  // A sync that failed is tried again: no alarm is due while the index is near enough.
  const retrying = await endpoint.health({ lag_seconds: 3, lag_bytes: 900, last_error });
  assertEquals([retrying.code, retrying.status, retrying.last_error], [200, "ok", last_error]);
  assertEquals((await endpoint.health({})).code, 200);
});

function metricsOf(state: WatchState, sync: { seconds: number; at: number }): string {
  return `# HELP ledger_index_lag_seconds For how long the log has held lines that are not indexed.
# TYPE ledger_index_lag_seconds gauge
ledger_index_lag_seconds ${state.lag_seconds}
# HELP ledger_index_lag_bytes Bytes of the log that are not indexed.
# TYPE ledger_index_lag_bytes gauge
ledger_index_lag_bytes ${state.lag_bytes}
# HELP ledger_log_bytes Bytes of the log.
# TYPE ledger_log_bytes gauge
ledger_log_bytes ${state.log_bytes}
# HELP ledger_runs_ended Runs that completed or failed.
# TYPE ledger_runs_ended gauge
ledger_runs_ended ${state.runs_ended}
# HELP ledger_runs_known All runs that log or folder know.
# TYPE ledger_runs_known gauge
ledger_runs_known ${state.runs_known}
# HELP ledger_events_indexed_total Events in the index.
# TYPE ledger_events_indexed_total counter
ledger_events_indexed_total ${state.events}
# HELP ledger_rejected_lines Lines of the log that are no events.
# TYPE ledger_rejected_lines gauge
ledger_rejected_lines ${state.rejected}
# HELP ledger_syncs_total Syncs that ended well.
# TYPE ledger_syncs_total counter
ledger_syncs_total ${state.syncs}
# HELP ledger_sync_failures_total Syncs that failed.
# TYPE ledger_sync_failures_total counter
ledger_sync_failures_total ${state.failures}
# HELP ledger_last_sync_seconds How long the last sync took.
# TYPE ledger_last_sync_seconds gauge
ledger_last_sync_seconds ${sync.seconds}
# HELP ledger_last_sync_timestamp_seconds When the last sync ended.
# TYPE ledger_last_sync_timestamp_seconds gauge
ledger_last_sync_timestamp_seconds ${sync.at}
# HELP ledger_traces_waiting_bytes Bytes of traces in write-ahead files, which are not Parquet yet.
# TYPE ledger_traces_waiting_bytes gauge
ledger_traces_waiting_bytes ${state.traces_waiting_bytes}
# HELP ledger_traces_converted_total Traced events that became Parquet.
# TYPE ledger_traces_converted_total counter
ledger_traces_converted_total ${state.traces_converted}
# HELP ledger_build_info The program.
# TYPE ledger_build_info gauge
ledger_build_info{version="${buildFacts().version}"} 1
`;
}

Deno.test("metrics have the names, types and form that Prometheus reads", async () => {
  await using endpoint = new Endpoint();
  const { status, type, text } = await endpoint.ask("/metrics");
  assertEquals([status, type], [200, "text/plain; version=0.0.4"]);
  assertEquals(text, metricsOf(KEEPING_UP, { seconds: 0.25, at: 1_769_126_400.5 }));
  const { last_sync_ms: _, last_sync_seconds: __, ...never_synced } = KEEPING_UP;
  endpoint.state = { ...never_synced, lag_seconds: 0.5, lag_bytes: 2 ** 40, last_error: "it is" };
  const before_first = (await endpoint.ask("/metrics")).text;
  assertEquals(before_first, metricsOf(endpoint.state, { seconds: 0, at: 0 }));
});

Deno.test("any other path is 404, and names the two that there are", async () => {
  await using endpoint = new Endpoint();
  for (const path of ["/", "/health", "/healthz/", "/metrics/x", "/%2e%2e/etc/passwd"]) {
    const { status, text } = await endpoint.ask(path);
    assertEquals([path, status, text], [path, 404, "there are /healthz and /metrics\n"]);
  }
});

Deno.test("both paths are asked with GET or HEAD, and say so to a POST", async () => {
  await using endpoint = new Endpoint();
  for (const path of ["/healthz", "/metrics"]) {
    const head = await fetch(endpoint.address + path, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    const post = await fetch(endpoint.address + path, { method: "POST", body: "x" });
    assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
    assertEquals(await post.text(), `${path} is asked with GET\n`);
  }
});

Deno.test("a daemon that cannot look at its log is 503 and says why; a mistake of ours is 500 and told", async () => {
  await using endpoint = new Endpoint();
  endpoint.trouble = new LedgerError({ code: "io", message: "cannot list /x: Input/output error" });
  for (const path of ["/healthz", "/metrics"]) {
    const { status, text } = await endpoint.ask(path);
    assertEquals([status, JSON.parse(text).status], [503, "failing"]);
    assertEquals(JSON.parse(text).reason, "cannot list /x: Input/output error");
  }
  endpoint.trouble = new TypeError("x is not a function");
  const { status, text } = await endpoint.ask("/healthz");
  assertEquals(status, 500);
  assert(!text.includes("function"), text);
  assertEquals(endpoint.errors, ['cannot answer GET "/healthz": x is not a function']);
});

Deno.test("a port that is in use is an error that names it and says what to do", async () => {
  using folder = tempFolder();
  await using endpoint = new Endpoint();
  const port = Number(new URL(endpoint.address).port);
  const second = new HealthServer(testWorld(), { ...LOOPBACK, port }, {
    state: () => Promise.resolve(KEEPING_UP),
    unhealthy_after_s: UNHEALTHY_AFTER_S,
    onError: () => {},
  });
  const error = assertThrows(() => second.listen(), LedgerError, `127.0.0.1:${port}`);
  assertEquals(error.code, "io");
  // One that never listened has nothing to close.
  await second.close();
  const args = ["watch", "--health", `127.0.0.1:${port}`, "--dir", folder.path];
  const { code, stdout, stderr } = await ledger(args, { cwd: folder.path });
  assertEquals([code, stdout], [1, ""]);
  // It binds first: nothing was begun that would have to be left.
  assertEquals([...Deno.readDirSync(folder.path)], []);
  assertEquals(
    stderr.split("\n").map((line) => line.replace(/: Addr.*$/, "")),
    [
      `error: cannot answer on 127.0.0.1:${port}`,
      " hint: another program may have the port; take another one, or 0 for any",
      "",
    ],
  );
});

Deno.test("only loopback is listened on", () => {
  const taken: Record<string, ReturnType<typeof parseAddress>> = {
    "9184": { hostname: "127.0.0.1", port: 9184 },
    "127.0.0.1:0": { hostname: "127.0.0.1", port: 0 },
    "localhost:65535": { hostname: "localhost", port: 65_535 },
    "[::1]:80": { hostname: "::1", port: 80 },
  };
  for (const [text, address] of Object.entries(taken)) assertEquals(parseAddress(text), address);
  for (
    const text of ["0.0.0.0:80", "[::]:80", "example.org:80", ":80", "127.0.0.1:65536", "x", ""]
  ) {
    const error = assertThrows(() => parseAddress(text), LedgerError, JSON.stringify(text));
    assertEquals(error.code, "usage");
  }
});

Deno.test("while another holds the index the lag grows with the clock, and then it is caught up", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  let now_ms = Date.UTC(2026, 0, 23, 12);
  const world = testWorld({ now_ms: () => now_ms });
  await using writer = await openLedger({ dir, world });
  await writer.emitRunStarted({ run_id: "a" });
  const stop = new AbortController();
  const listening = Promise.withResolvers<string>();
  const watching = watchLedger(world, writer, {
    signal: stop.signal,
    interval_s: 1,
    health: LOOPBACK,
    unhealthy_after_s: 60,
    onListen: listening.resolve,
  });
  const address = await listening.promise;
  await untilHealth(address, (status, { events }) => status === 200 && events === 1);
  {
    using lock = Deno.openSync(join(dir, "index", ".lock"), { read: true, write: true });
    await lock.lock(true);
    await writer.emitRunStarted({ run_id: "b" });
    const part = join(dir, "events", "day=2026-01-23", "part-000001.jsonl");
    const lag_bytes = Deno.readTextFileSync(part).split("\n")[1].length + 1;
    for (const [seconds, code] of [[0, 200], [60, 200], [1, 503], [60, 503]]) {
      now_ms += seconds * 1000;
      const behind_s = (now_ms - Date.UTC(2026, 0, 23, 12)) / 1000;
      const response = await fetch(`${address}/healthz`);
      const health = await response.json();
      assertEquals([health.lag_seconds, health.lag_bytes], [behind_s, lag_bytes]);
      assertEquals(response.status, code, health.reason);
      assert(code === 200 || health.reason.includes(`${behind_s} s and ${lag_bytes} bytes`));
    }
  }
  await untilHealth(
    address,
    (status, { events, lag_bytes, lag_seconds }) =>
      status === 200 && events === 2 && lag_bytes === 0 && lag_seconds === 0,
  );
  stop.abort();
  await watching;
});
