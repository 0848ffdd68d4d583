/**
 * Lineage of runs: a walk over uses of artifacts and links, from one run up to what it rests on and down
 * to what rests on it. Each run's own are drawn once, where they are met first; a circle ends there too.
 */
import type { Database } from "../duckdb/connection.ts";
import { HAS_LOG_INDEX } from "../index/run_views.ts";

/** How a run rests on another: it read an artifact of it, or is linked to it. */
export interface Relation {
  /** The artifact's type, or the link's kind. */
  what: string;
  is_link: boolean;
  /** Of what was read; null of a link. */
  sha256: string | null;
  /** Whether the artifact is another one now; null where that cannot be told. */
  is_changed: boolean | null;
}

/** A run in the tree. */
export interface LineageRun {
  /** 1 stands below the run that was asked for. */
  depth: number;
  is_last: boolean;
  run_id: string;
  name: string | null;
  /** Null of a run that neither log nor folders know. */
  status: string | null;
  /** What there is between it and the run above it. */
  by: Relation[];
  /** What follows it stands elsewhere. */
  is_repeated: boolean;
}

/** A run, what it rests on, and what rests on it; each tree in the order of its lines. */
export interface RunLineage extends Pick<LineageRun, "run_id" | "name" | "status"> {
  up: LineageRun[];
  down: LineageRun[];
}

interface Edge extends Omit<Relation, "is_changed"> {
  from_id: string;
  to_id: string;
}

type Facts = Pick<LineageRun, "name" | "status">;
const UNKNOWN: Facts = { name: null, status: null };

/** The ends of an edge, in the direction of a walk. */
const WALKS = {
  up: { near: "from_id", far: "to_id" },
  down: { near: "to_id", far: "from_id" },
} as const;
type Walk = typeof WALKS[keyof typeof WALKS];

const EDGES = `
  select run_id as from_id, used_run_id as to_id, artifact_type as what, false as is_link, sha256,
    used_at_ms as at_ms
  from runs.main.artifact_uses
  union all
  select run_id, to_run_id, kind, true, null, linked_at_ms from runs.main.run_links`;

/** The lineage of a run. The database has the view `run_states`. */
export async function lineageOf(database: Database, run_id: string): Promise<RunLineage> {
  const has_log = await database.value<boolean>(HAS_LOG_INDEX);
  const edgesOf = async ({ near, far }: Walk) =>
    has_log
      ? await database.rows<Edge & Record<string, unknown>>(
        `with recursive edges as (${EDGES}),
         reached as (
           select $1 as run_id
           union
           select ${far} from edges join reached on ${near} = run_id)
         select from_id, to_id, what, is_link, sha256 from edges
         where ${near} in (select run_id from reached) order by at_ms, from_id, to_id, what, sha256`,
        [run_id],
      )
      : [];
  const [up, down] = [await edgesOf(WALKS.up), await edgesOf(WALKS.down)];
  const ids = [run_id, ...[...up, ...down].flatMap(({ from_id, to_id }) => [from_id, to_id])];
  const these = `where run_id in (select unnest(cast($1::json as varchar[])))`;
  const list = [JSON.stringify([...new Set(ids)])];
  const states = await database.rows<{ run_id: string } & Facts>(
    `select run_id, name, status from run_states ${these}`,
    list,
  );
  const artifacts = await database.rows<{ run_id: string; artifact_type: string; sha256: string }>(
    `select run_id, artifact_type, sha256 from run_artifacts ${these} and sha256 is not null`,
    list,
  );
  const facts = new Map(states.map(({ run_id, name, status }) => [run_id, { name, status }]));
  const digests = new Map(
    artifacts.map(({ run_id, artifact_type, sha256 }) => [`${run_id}\n${artifact_type}`, sha256]),
  );
  const treeOf = (edges: readonly Edge[], walk: Walk) =>
    linesOf(run_id, edges, walk, facts, digests);
  return {
    run_id,
    ...facts.get(run_id) ?? UNKNOWN,
    up: treeOf(up, WALKS.up),
    down: treeOf(down, WALKS.down),
  };
}

function linesOf(
  root: string,
  edges: readonly Edge[],
  { near, far }: Walk,
  facts: ReadonlyMap<string, Facts>,
  digests: ReadonlyMap<string, string>,
): LineageRun[] {
  const from = Map.groupBy(edges, (edge) => edge[near]);
  const below = (run_id: string, depth: number): LineageRun[] => {
    const runs = [...Map.groupBy(from.get(run_id) ?? [], (edge) => edge[far])];
    return runs.map(([other, between], at) => ({
      depth,
      is_last: at === runs.length - 1,
      run_id: other,
      ...facts.get(other) ?? UNKNOWN,
      by: between.map((edge) => relationOf(edge, digests)),
      is_repeated: false,
    }));
  };
  const lines: LineageRun[] = [];
  const drawn = new Set([root]);
  const waiting = below(root, 1).reverse();
  for (let run = waiting.pop(); run; run = waiting.pop()) {
    run.is_repeated = drawn.has(run.run_id);
    lines.push(run);
    if (run.is_repeated) continue;
    drawn.add(run.run_id);
    waiting.push(...below(run.run_id, run.depth + 1).reverse());
  }
  return lines;
}

function relationOf(
  { to_id, what, is_link, sha256 }: Edge,
  digests: ReadonlyMap<string, string>,
): Relation {
  const now = digests.get(`${to_id}\n${what}`);
  const is_known = !is_link && sha256 && now !== undefined;
  return { what, is_link, sha256, is_changed: is_known ? sha256 !== now : null };
}
