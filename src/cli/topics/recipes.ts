import type { Topic } from "../topic.ts";

export default {
  name: "recipes",
  summary: "shell, cron, systemd, SLURM, Prometheus: lines to copy",
  see: ["emit", "log", "query", "watch"],
  text: String.raw`
A shell script that records its crash. LEDGER_RUN_ID stands in for --run-id:

  # run.sh
  export LEDGER_RUN_ID="backtest-$$"
  ledger emit run.created --run-type policy --config '{}' --data-fingerprint prices
  trap 'code=$?; [ $code -eq 0 ] || ledger emit run.failed --error "exit code $code"' EXIT
  ledger emit run.started
  sleep 0.1 # your backtest
  ledger emit run.completed --summary '{"trades":117}' --artifact-paths '{}'

Phases show where the time went (ledger query, table phase_timings):

  # before and after a phase
  ledger emit phase.started --run-id r1 --phase-name simulate --phase-order 0
  ledger emit phase.completed --run-id r1 --phase-name simulate --duration-ms 4180 --output-summary '{}'

A program in any language keeps one process open, writes an event a line, and reads one answer for
each: its id once it is durable, or a line that begins with a TAB where it was refused; with --ack=json
an object each:

  # a thousand trials through one process
  seq 1000 | sed 's/.*/{"event_type":"trial.recorded","run_id":"r1","trial_id":"t&","params":{},"metrics":{}}/' |
    ledger emit --stdin --ack > acknowledged.txt

  ## cron: the index every five minutes
  */5 * * * * cd /srv/lab && /usr/local/bin/ledger watch --once >> index.log 2>&1

  ## systemd: /etc/systemd/system/ledger.service
  [Unit]
  Description=ledger index of the lab

  [Service]
  User=lab
  WorkingDirectory=/srv/lab
  ExecStart=/usr/local/bin/ledger watch --health 127.0.0.1:9184
  Restart=always
  RestartSec=5

  [Install]
  WantedBy=multi-user.target

  ## Prometheus: a job in scrape_configs for it
  - job_name: ledger
    static_configs:
      - targets: ["127.0.0.1:9184"]

SLURM, or anything else on a shared folder: every task is a writer of its own.

  # in the script of an array job
  export LEDGER_WRITER="$(hostname -s)-$SLURM_ARRAY_TASK_ID"
  ledger emit run.started --run-id "sweep-$SLURM_ARRAY_TASK_ID"

From a crash to the answer:

  # what failed, and why
  ledger log --type run.failed --since 7d

  # all events of a run
  ledger log --run-id r1

  # runs that began and never ended
  ledger rebuild && ledger query "select run_id, started_at_ms from latest_runs where status = 'running'"

  # is the log whole, and the machine fit?
  ledger verify && { ledger doctor || true; }

fixtures/recipes/README.md lists these and more as whole programs: Python, Node, TypeScript.
`,
} satisfies Topic;
