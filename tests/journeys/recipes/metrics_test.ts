/** The Prometheus recipe: what /metrics says is well formed, is scraped, and wakes whom it should. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openLedger } from "../../../src/mod.ts";
import { patience } from "../../crash/kills/crash.ts";
import { Daemon, untilHealth } from "../../daemon.ts";
import { freePorts, tempFolder } from "../../harness.ts";
import { putRecipe, RECIPES, recipeTest, runScript, works } from "./recipes.ts";

/** A daemon on a ledger with one event, which it has indexed. */
async function daemonOn(path: string): Promise<Daemon> {
  await using ledger = await openLedger({ dir: path });
  await ledger.emitRunStarted({ run_id: "r1" });
  const daemon = await Daemon.answering(path);
  await untilHealth(daemon.address, (_, { events }) => events === 1);
  return daemon;
}

recipeTest("prometheus.yml, checked by promtool,", "promtool", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const args = ["check", "config", join(RECIPES, "prometheus.yml")];
  const config = await runScript(path, "promtool", args);
  assertEquals(config.code, 0, config.stdout + config.stderr);
  assertStringIncludes(config.stdout, "SUCCESS: 4 rules found");

  const daemon = await daemonOn(path);
  const metrics = await (await fetch(`${daemon.address}/metrics`)).text();
  await daemon.endWell();
  Deno.writeTextFileSync(join(path, "metrics"), metrics);
  const check = await runScript(path, "sh", ["-c", "promtool check metrics < metrics"]);
  assertEquals([check.code, check.stdout, check.stderr], [0, "", ""]);
});

/** The alerts as they fire, minute after minute. */
const ALERT_TESTS = `
rule_files: [${join(RECIPES, "prometheus-alerts.yml")}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: up{job="ledger"}
        values: 1 1 1 0x10
      - series: ledger_index_lag_seconds
        values: 0 200 400 0x10
      - series: ledger_rejected_lines
        values: 0x5 1x10
      - series: ledger_sync_failures_total
        values: 0 0 5x10
    alert_rule_test:
      - { eval_time: 1m, alertname: LedgerIndexBehind, exp_alerts: [] }
      - { eval_time: 2m, alertname: LedgerIndexBehind, exp_alerts: [{}] }
      - { eval_time: 1m, alertname: LedgerSyncsFail, exp_alerts: [] }
      - { eval_time: 4m, alertname: LedgerSyncsFail, exp_alerts: [{}] }
      - { eval_time: 4m, alertname: LedgerIndexDown, exp_alerts: [] }
      - { eval_time: 9m, alertname: LedgerIndexDown, exp_alerts: [{ exp_labels: { job: ledger } }] }
      - { eval_time: 4m, alertname: LedgerLinesRejected, exp_alerts: [] }
      - { eval_time: 7m, alertname: LedgerLinesRejected, exp_alerts: [{}] }
`;

recipeTest("prometheus-alerts.yml", "promtool", async () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(join(folder.path, "tests.yml"), ALERT_TESTS);
  const { code, stdout, stderr } = await runScript(folder.path, "promtool", [
    "test",
    "rules",
    "tests.yml",
  ]);
  assertEquals(code, 0, stdout + stderr);
});

/** Asks Prometheus until it has a sample; one that never does fails by `patience`. */
async function scraped(server: string, metric: string): Promise<string> {
  const signal = patience();
  for (;;) {
    const response = await fetch(`${server}/api/v1/query?query=${metric}`, { signal })
      .catch((error) => {
        // It does not listen yet.
        if (signal.aborted) throw error;
      });
    // Or is not ready yet, and says so in plain words.
    const answer = response?.ok ? await response.json() : await response?.text();
    const [sample] = answer?.data?.result ?? [];
    if (sample) return sample.value[1];
  }
}

const has_prometheus = { what: "prometheus", is_there: works("prometheus") };
recipeTest("prometheus.yml", has_prometheus, async () => {
  using folder = tempFolder();
  const { path } = folder;
  const daemon = await daemonOn(join(path, "ledger"));
  putRecipe(
    "prometheus.yml",
    join(path, "prometheus.yml"),
    // Another port, and no quarter of a minute until it looks.
    (text) =>
      text.replace("prometheus-alerts.yml", join(RECIPES, "prometheus-alerts.yml"))
        .replaceAll("127.0.0.1:9184", new URL(daemon.address).host)
        .replace("scrape_interval: 15s", "scrape_interval: 1s"),
  );
  const listen = `127.0.0.1:${freePorts(1)[0]}`;
  const prometheus = new Deno.Command("prometheus", {
    args: [
      `--config.file=${join(path, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(path, "tsdb")}`,
      `--web.listen-address=${listen}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const server = `http://${listen}`;
    assertEquals(await scraped(server, "up"), "1");
    assertEquals(await scraped(server, "ledger_events_indexed_total"), "1");
    assertEquals(await scraped(server, "ledger_index_lag_bytes"), "0");
  } finally {
    prometheus.kill("SIGTERM");
    await prometheus.status;
    await daemon.endWell();
  }
});
