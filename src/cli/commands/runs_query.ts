import { DAY_MS } from "../../base/format.ts";
import { LedgerError, quoted } from "../../base/error.ts";
import { runs_listed } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { ArtifactPlace } from "../../runs/catalog/queries.ts";
import { ENDED_STATES, OPEN_STATES } from "../../runs/catalog/listing.ts";
import { RUN_TYPES } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import {
  asIs,
  choice,
  columns,
  count,
  format,
  runsFlags,
  text,
  texts,
  time,
  where,
} from "../flags.ts";
import { listedFields } from "../listed_fields.ts";
import { freshen, openFor } from "../open.ts";
import {
  type Column,
  counted,
  fieldColumns,
  humanCount,
  humanDuration,
  plain,
  print,
  printJson,
  printRows,
  rowFormat,
  say,
  showTime,
} from "../output.ts";
import { usage } from "../parse.ts";

const STATES = [...ENDED_STATES, ...OPEN_STATES, "any"] as const;

export default defineCommand({
  name: "runs query",
  summary: "list runs, or print where an artifact is",
  description: "Lists the runs that match and have ended, the latest first, whether log, folder " +
    "or both know them; says how many others there are, which --status lists. A run is crashed " +
    "when its process died, stale when nothing was heard of it for an hour, unfinished when it " +
    "completed but lacks _SUCCESS. With --run-id and --artifact-type, prints the path of that " +
    "artifact and nothing else; exit code 1 where it cannot be opened.",
  examples: {
    "ledger runs query --limit 10": "the latest ten",
    "ledger runs query --run-type policy --status completed --param policy.kind=fixed_stop":
      "completed policy runs with this parameter",
    "ledger runs query --input prices/2026-01.csv --status any": "which runs read this file",
  },
  flags: {
    "limit": count(`at most so many (default: ${runs_listed})`, { short: "n" }),
    "run-type": text("TYPE", `of this type: ${RUN_TYPES.join(", ")}, … (default: all)`),
    "status": choice(STATES, `${STATES.join(", ")} (default: ${ENDED_STATES.join(" and ")})`, {
      value: "STATUS",
    }),
    "from": time("created at or after this time", { aliases: ["from-date", "since"] }),
    "to": time("created before this time; a day includes all of it", {
      aliases: ["to-date", "until"],
    }),
    "git-branch": text("NAME", "made on this branch"),
    "git-commit": text("HASH", "made with this commit, or one that begins so"),
    "input": text("FILE|DIGEST", "that read this file, or one with its bytes; or a sha256 of one"),
    "param": texts("NAME=VALUE", "with this parameter; dots lead into objects; may be repeated"),
    "where": where(),
    "sort": text(
      "COLUMNS",
      "created_at, -summary.sharpe, total_ms:desc, …; the first decides (default: created_at:desc)",
    ),
    "columns": columns(),
    "run-id": text("ID", "this run, by its id or the beginning of it"),
    "artifact-type": text("ARTIFACT", "with --run-id: print where this artifact is"),
    "format": format(),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    await freshen(world, ledger, flags, "log", "runs");
    const { "run-id": named, "artifact-type": artifact_type } = flags;
    const run_id = named ??
      (artifact_type === undefined ? undefined : world.env("LEDGER_RUN_ID") || undefined);
    if (artifact_type !== undefined) {
      if (run_id === undefined) throw usage("runs query", "--artifact-type goes with --run-id");
      const found = await ledger.runs.findArtifact(run_id, artifact_type);
      if (found === undefined) {
        const types = await ledger.runs.artifactTypes();
        throw noSuchArtifact(run_id, artifact_type, types.names());
      }
      return printArtifact(world, found, flags.json);
    }
    const now_ms = world.now_ms();
    const format = rowFormat(flags);
    const { rows, fields, statuses } = await ledger.runs.list({
      run_id,
      run_type: flags["run-type"],
      status: flags.status,
      from_ms: flags.from?.ms(now_ms),
      until_ms: flags.to && flags.to.ms(now_ms) + (flags.to.is_day ? DAY_MS : 0),
      git_branch: flags["git-branch"],
      git_commit: flags["git-commit"],
      input: flags.input,
      parameters: parametersOf(flags.param),
      where: flags.where,
      sort: flags.sort,
      columns: flags.columns,
      limit: flags.limit ?? runs_listed,
      onNotice: (message) => say(world, message),
    });
    const columns = fields
      ? listedFields(world, fields, rows, format)
      : format === "table"
      ? columnsFor(world, rows)
      : DATA_COLUMNS;
    printRows(world, rows, columns, format);
    const is_cut = flags.limit === undefined && rows.length === runs_listed;
    if (statuses) sayOthers(world, statuses, is_cut ? runs_listed : undefined);
  },
});

/** One line about the runs that fit and are not listed, unless the caller said how many to list. */
function sayOthers(world: World, statuses: Record<string, number>, listed?: number): void {
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const known = sum(Object.values(statuses));
  const open = Object.entries(statuses)
    .filter(([status]) => !(ENDED_STATES as readonly string[]).includes(status));
  const ended = known - sum(open.map(([, count]) => count));
  const is_cut = listed !== undefined && listed < ended;
  if (!is_cut && open.length === 0) return;
  const cut = is_cut ? `, ${humanCount(listed)} of them listed` : "";
  const others = open.length === 0
    ? ""
    : `; not ended: ${open.map(([status, count]) => `${humanCount(count)} ${status}`).join(", ")}` +
      " (--status any lists them)";
  say(world, `${humanCount(ended)} ended of ${counted(known, "known run")}${cut}${others}`);
}

/** Prints an artifact's path alone on a line: one that opens, or none. */
function printArtifact(world: World, { path, archive }: ArtifactPlace, as_json: boolean): void {
  if (world.files.facts(path)?.is_file !== true) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no file ${path}${archive ? `: its run is archived in ${archive}` : ""}`,
      where: { path },
      hint: archive
        ? `take it out: tar -xzf ${archive}`
        : "what is missing: ledger runs verify --all",
    });
  }
  if (as_json) printJson(world, { path });
  else print(world, path);
}

function parametersOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw usage("runs query", `--param is ${quoted(pair)}; it has to be NAME=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

const SAID_COLUMNS: readonly Column[] = [
  { field: "name", optional: true },
  { field: "group", optional: true },
  { field: "tags", optional: true, show: (tags) => (tags as string[]).join(", ") },
  { field: "pin", title: "pinned", optional: true, show: (is) => is ? "yes" : "" },
];

const DATA_COLUMNS = fieldColumns(
  "run_id run_type status source created_at_ms completed_at_ms total_ms artifacts git_branch " +
    "git_commit git_dirty presence run_path name group pin tags",
);

function columnsFor(world: World, rows: readonly Record<string, unknown>[]): Column[] {
  // Most runs have none of these.
  const said = SAID_COLUMNS.filter(({ field, show = plain }) =>
    rows.some((row) => show(row[field]) !== "")
  );
  return [
    { field: "run_id" },
    ...said,
    { field: "run_type" },
    { field: "status" },
    { field: "created_at_ms", title: "created", right: true, show: showTime(world) },
    {
      field: "total_ms",
      title: "took",
      right: true,
      show: (ms) => ms === null ? "" : humanDuration(Number(ms)),
    },
    { field: "artifacts", right: true, optional: true },
    { field: "git_branch", title: "branch", optional: true },
    {
      field: "git_commit",
      title: "commit",
      optional: true,
      show: (hash) => String(hash ?? "").slice(0, 8),
    },
    {
      field: "presence",
      title: "on disk",
      optional: true,
      show: (is) => is === "present" ? "yes" : is === null ? "" : String(is),
    },
  ];
}

function noSuchArtifact(
  run_id: string,
  artifact_type: string,
  known: readonly string[],
): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `the catalog has no ${quoted(artifact_type)} of run ${quoted(run_id)}`,
    hint: known.includes(artifact_type)
      ? "to list its artifacts: ledger runs show ID; to catalogue new ones: ledger runs sync"
      : `artifact types are ${known.join(", ")}`,
  });
}
