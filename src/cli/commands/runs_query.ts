import * as z from "zod/mini";
import { DAY_MS } from "../../base/format.ts";
import { EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { runs_listed } from "../../base/limits.ts";
import { ARTIFACT_TYPES } from "../../runs/artifacts/definitions.ts";
import type { ArtifactPlace } from "../../runs/catalog/queries.ts";
import { RUN_TYPES } from "../../runs/manifest/manifest.ts";
import { isDay } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, count, dir, format, runsDir, text, texts, time } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  type Column,
  humanDuration,
  print,
  printRows,
  rowFormat,
  say,
  showTime,
} from "../output.ts";
import { usage } from "../parse.ts";
import { timeToMs } from "../times.ts";

const runsQuery = defineCommand({
  name: "runs query",
  summary: "list catalogued runs, or print where an artifact is",
  description: "Lists the runs of the catalog that fit, the latest first. With --status running, " +
    "pending, crashed or stale, those that have not ended; unfinished ones say that they " +
    "completed, and lack the last step. With --run-id and --artifact-type, prints the path of that " +
    "artifact and nothing else.",
  examples: [
    { line: "ledger runs query --limit 10", shows: "the latest ten" },
    {
      line: "ledger runs query --run-type policy --status completed --param policy.kind=fixed_stop",
      shows: "those with a parameter",
    },
  ],
  flags: z.strictObject({
    "limit": count({ short: "n", description: "at most so many (default: 20)" }),
    "run-type": choice(RUN_TYPES, { description: "of this type (default: of all)" }),
    "status": choice([
      "completed",
      "failed",
      "running",
      "pending",
      "crashed",
      "stale",
      "unfinished",
    ], {
      value: "STATUS",
      description: "completed, failed, running, pending, crashed, stale or unfinished (default: " +
        "those that ended)",
    }),
    "from": time({ description: "created at or after", aliases: ["from-date", "since"] }),
    "to": time({
      description: "created before; a day counts to its end",
      aliases: ["to-date", "until"],
    }),
    "git-branch": text({ value: "NAME", description: "made on this branch" }),
    "git-commit": text({
      value: "HASH",
      description: "made with this commit, or one beginning so",
    }),
    "param": texts({
      value: "NAME=VALUE",
      description: "made with this parameter; dots lead into objects; may be repeated",
    }),
    "sort": text({
      value: "COLUMN",
      description: "created_at, completed_at, run_id, run_type, status, total_ms, artifacts or " +
        "git_branch; with :asc or :desc (default: created_at:desc)",
    }),
    "run-id": text({ value: "ID", description: "this run, by its id or the beginning of it" }),
    "artifact-type": text({
      value: "ARTIFACT",
      description: "with --run-id: where this artifact of it is",
    }),
    "format": format(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const { "run-id": run_id, "artifact-type": artifact_type } = flags;
    if (artifact_type !== undefined) {
      if (run_id === undefined) {
        throw usage(runsQuery, "whose artifact? --artifact-type goes with --run-id");
      }
      const found = await ledger.runs.findArtifact(run_id, artifact_type);
      if (found === undefined) throw noSuchArtifact(run_id, artifact_type);
      tellArtifact(world, found, flags.json);
      return EXIT_OK;
    }
    const now_ms = world.now_ms();
    const rows = await ledger.runs.query({
      run_id,
      run_type: flags["run-type"],
      status: flags.status,
      from_ms: flags.from === undefined ? undefined : timeToMs("from", flags.from, now_ms),
      until_ms: flags.to === undefined
        ? undefined
        : timeToMs("to", flags.to, now_ms) + (isDay(flags.to) ? DAY_MS : 0),
      git_branch: flags["git-branch"],
      git_commit: flags["git-commit"],
      parameters: parametersOf(flags.param),
      sort: flags.sort,
      limit: flags.limit ?? runs_listed,
    });
    const printed = rowFormat(flags.format, flags.json, "table");
    printRows(
      world,
      rows.map((row) => ({ ...row })),
      printed === "table" ? columnsFor(world) : DATA_COLUMNS,
      printed,
    );
    return EXIT_OK;
  },
});
export default runsQuery;

/** Prints where an artifact is, on a line that holds nothing else; and says so when it is not there. */
function tellArtifact(world: World, { path, archive }: ArtifactPlace, as_json: boolean): void {
  const is_there = world.files.facts(path)?.is_file === true;
  const absence = archive ? `it is archived in ${archive}` : "it is not there";
  const problem = is_there ? undefined : absence;
  if (as_json) return print(world, JSON.stringify({ path, problem }));
  print(world, path);
  if (problem) say(world, `${path}: ${problem}`);
}

function parametersOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw usage(runsQuery, `--param is ${quoted(pair)}; it has to be NAME=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

const DATA_COLUMNS: Column[] = [
  "run_id",
  "run_type",
  "status",
  "created_at_ms",
  "completed_at_ms",
  "total_ms",
  "artifacts",
  "git_branch",
  "git_commit",
  "git_dirty",
  "presence",
  "run_path",
].map((field) => ({ field }));

function columnsFor(world: World): Column[] {
  return [
    { field: "run_id" },
    { field: "run_type" },
    { field: "status" },
    {
      field: "created_at_ms",
      title: "created",
      right: true,
      show: showTime(world),
    },
    {
      field: "total_ms",
      title: "took",
      right: true,
      show: (value) => value === null ? "" : humanDuration(Number(value)),
    },
    { field: "artifacts", right: true },
    { field: "git_branch", title: "branch" },
    {
      field: "git_commit",
      title: "commit",
      show: (value) => value === null ? "" : String(value).slice(0, 8),
    },
    {
      field: "presence",
      title: "on disk",
      show: (value) => value === "present" ? "yes" : String(value),
    },
  ];
}

function noSuchArtifact(run_id: string, artifact_type: string): LedgerError {
  const known: readonly string[] = ARTIFACT_TYPES;
  return new LedgerError({
    code: "not_found",
    message: `the catalog has no ${quoted(artifact_type)} of run ${quoted(run_id)}`,
    hint: known.includes(artifact_type)
      ? "what there is of it: ledger runs show ID; to catalogue what is new: ledger runs sync"
      : `types of artifacts are ${known.join(", ")}`,
  });
}
