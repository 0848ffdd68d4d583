import type { Topic } from "../topic.ts";

const topic: Topic = {
  name: "recipes",
  summary: "shell, cron, systemd, SLURM, Prometheus: lines to copy",
  pieces: [
    "A shell script that tells its crash as a crash. LEDGER_RUN_ID stands in for --run-id:",
    {
      shows: "run.sh",
      line: `export LEDGER_RUN_ID="backtest-$$"
ledger emit run.created --run-type policy --config '{}' --data-fingerprint prices
trap 'code=$?; [ $code -eq 0 ] || ledger emit run.failed --error "exit code $code"' EXIT
ledger emit run.started
sleep 0.1 # your backtest
ledger emit run.completed --summary '{"trades":117}' --artifact-paths '{}'`,
    },
    "Phases, so that the time can be found again (ledger query, table phase_timings):",
    {
      shows: "before and after a phase",
      line: `ledger emit phase.started --run-id r1 --phase-name simulate --phase-order 0
ledger emit phase.completed --run-id r1 --phase-name simulate --duration-ms 4180 --output-summary '{}'`,
    },
    "A program in any language keeps one process open, writes an event a line, and reads one answer " +
    "for each: its id once it is durable, or a line that begins with a TAB where it was refused; with " +
    "--ack=json an object each:",
    {
      shows: "a thousand trials through one process",
      line:
        `seq 1000 | sed 's/.*/{"event_type":"trial.recorded","run_id":"r1","trial_id":"t&","params":{},"metrics":{}}/' |
  ledger emit --stdin --ack > acknowledged.txt`,
    },
    {
      shows: "cron: the index every five minutes",
      file: "*/5 * * * * cd /srv/lab && /usr/local/bin/ledger watch --once >> index.log 2>&1",
      commands: ["ledger watch --once"],
    },
    {
      shows: "systemd: /etc/systemd/system/ledger.service",
      file: `[Unit]
Description=ledger index of the lab

[Service]
User=lab
WorkingDirectory=/srv/lab
ExecStart=/usr/local/bin/ledger watch --health 127.0.0.1:9184
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target`,
      commands: ["ledger watch --health 127.0.0.1:9184"],
    },
    {
      shows: "Prometheus: a job in scrape_configs for it",
      file: `- job_name: ledger
  static_configs:
    - targets: ["127.0.0.1:9184"]`,
      commands: [],
    },
    "SLURM, or anything else on a shared folder: every task is a writer of its own.",
    {
      shows: "in the script of an array job",
      line: `export LEDGER_WRITER="$(hostname -s)-\${SLURM_ARRAY_TASK_ID:-0}"
ledger emit run.started --run-id "sweep-\${SLURM_ARRAY_TASK_ID:-0}"`,
    },
    "From a crash to the answer:",
    { shows: "what failed, and why", line: "ledger log --type run.failed --since 7d" },
    { shows: "everything that a run said", line: `ledger log --run-id r1` },
    {
      shows: "runs that began and never ended",
      line:
        `ledger rebuild && ledger query "select run_id, started_at_ms from latest_runs where status = 'running'"`,
    },
    {
      shows: "is the log whole, and the machine fit?",
      line: "ledger verify && { ledger doctor || true; }",
    },
    "The README has these and more as whole programs: Python, Node, TypeScript.",
  ],
  see: ["emit", "log", "query", "watch"],
};
export default topic;
