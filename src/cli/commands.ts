/** The table of commands: the file of each, loaded when the command is called. */
import type { Command, CommandTable } from "./command.ts";

type Loader = () => Promise<{ default: Command }>;

/** Another name for a command: the first system's, or a shorter one. */
function alias(name: string, load: Loader): Record<string, Loader> {
  return { [name]: async () => ({ default: { ...(await load()).default, name } }) };
}

/** The headings that commands are listed under. */
const GROUPS = {
  "The log": {
    "emit": () => import("./commands/emit.ts"),
    "log": () => import("./commands/log.ts"),
    "status": () => import("./commands/status.ts"),
    "verify": () => import("./commands/verify.ts"),
  },
  "The log over the years": {
    "seal": () => import("./commands/seal.ts"),
    "compact": () => import("./commands/compact.ts"),
    "restore": () => import("./commands/restore.ts"),
    "pull": () => import("./commands/pull.ts"),
    "retain": () => import("./commands/retain.ts"),
    "archive import": () => import("./commands/archive_import.ts"),
  },
  "The index": {
    "rebuild": () => import("./commands/rebuild.ts"),
    "watch": () => import("./commands/watch.ts"),
    "query": () => import("./commands/query.ts"),
    "report": () => import("./commands/report.ts"),
  },
  "The first system": {
    "legacy compare": () => import("./commands/legacy_compare.ts"),
    "legacy import": () => import("./commands/legacy_import.ts"),
    "legacy archive": () => import("./commands/legacy_archive.ts"),
  },
  "Types": {
    "schema list": () => import("./commands/schema_list.ts"),
    "schema show": () => import("./commands/schema_show.ts"),
    "schema register": () => import("./commands/schema_register.ts"),
    "schema migrate": () => import("./commands/schema_migrate.ts"),
  },
  "Runs": {
    "runs create": () => import("./commands/runs_create.ts"),
    "runs write": () => import("./commands/runs_write.ts"),
    "runs claim": () => import("./commands/runs_claim.ts"),
    "runs attach": () => import("./commands/runs_attach.ts"),
    "runs log": () => import("./commands/runs_log.ts"),
    "runs finish": () => import("./commands/runs_finish.ts"),
    "runs sync": () => import("./commands/runs_sync.ts"),
    "runs annotate": () => import("./commands/runs_annotate.ts"),
    "runs query": () => import("./commands/runs_query.ts"),
    "runs show": () => import("./commands/runs_show.ts"),
    "runs diff": () => import("./commands/runs_diff.ts"),
    "runs rank": () => import("./commands/runs_rank.ts"),
    "runs group": () => import("./commands/runs_group.ts"),
    "runs lineage": () => import("./commands/runs_lineage.ts"),
    "runs schema": () => import("./commands/runs_schema.ts"),
    "runs rerun": () => import("./commands/runs_rerun.ts"),
    "runs verify": () => import("./commands/runs_verify.ts"),
    "runs compact": () => import("./commands/runs_compact.ts"),
    "runs prune": () => import("./commands/runs_prune.ts"),
    "artifacts put": () => import("./commands/artifacts_put.ts"),
  },
  "Traces": {
    "trace id": () => import("./commands/trace_id.ts"),
    "trace ingest": () => import("./commands/trace_ingest.ts"),
    "trace query": () => import("./commands/trace_query.ts"),
    "trace path": () => import("./commands/trace_path.ts"),
    "trace tree": () => import("./commands/trace_tree.ts"),
    "trace latency": () => import("./commands/trace_latency.ts"),
    "trace sample": () => import("./commands/trace_sample.ts"),
    "trace export": () => import("./commands/trace_export.ts"),
    "trace publish": () => import("./commands/trace_publish.ts"),
    "trace stats": () => import("./commands/trace_stats.ts"),
    "trace compact": () => import("./commands/trace_compact.ts"),
  },
  "The fleet": {
    "fleet init": () => import("./commands/fleet_init.ts"),
    "fleet join": () => import("./commands/fleet_join.ts"),
    "ship": () => import("./commands/ship.ts"),
    "fleet fold": () => import("./commands/fleet_fold.ts"),
    "fleet pull": () => import("./commands/fleet_pull.ts"),
    "fleet status": () => import("./commands/fleet_status.ts"),
    "fleet verify": () => import("./commands/fleet_verify.ts"),
    "fleet retain": () => import("./commands/fleet_retain.ts"),
    "fleet sql": () => import("./commands/fleet_sql.ts"),
  },
  "This program": {
    "demo": () => import("./commands/demo.ts"),
    "doctor": () => import("./commands/doctor.ts"),
    "help": () => import("./commands/help.ts"),
    "completions": () => import("./commands/completions.ts"),
  },
} satisfies Record<string, Record<string, Loader>>;

/** They work, and are neither listed nor offered. */
const HIDDEN: Record<string, Loader> = {
  ...alias("catalog-sync", () => import("./commands/runs_sync.ts")),
  ...alias("catalog-query", () => import("./commands/runs_query.ts")),
  ...alias("runs catalog-sync", () => import("./commands/runs_sync.ts")),
  ...alias("runs catalog-query", () => import("./commands/runs_query.ts")),
  ...alias("runs tag", () => import("./commands/runs_annotate.ts")),
  "complete": () => import("./commands/complete.ts"),
  "self-check": () => import("./commands/self_check.ts"),
};

const LISTED: readonly string[] = Object.values(GROUPS).flatMap((group) => Object.keys(group));
const LOADERS = new Map<string, Loader>(
  [...Object.values(GROUPS), HIDDEN].flatMap((group): [string, Loader][] => Object.entries(group)),
);

/** The commands of this program. */
export const COMMANDS: CommandTable = {
  groups: GROUPS,
  names: () => [...LOADERS.keys()],
  listed: (first) => LISTED.filter((name) => first === undefined || name.startsWith(`${first} `)),
  load: (name) => LOADERS.get(name)?.().then((module) => module.default),
  match(args) {
    for (const length of [2, 1]) {
      const name = args.slice(0, length).join(" ");
      if (args.length >= length && LOADERS.has(name)) return { name, rest: args.slice(length) };
    }
    return undefined;
  },
};
