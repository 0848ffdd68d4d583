/** Which topics of help there are. A text is loaded only when it is wanted. */
import type { Topic } from "./topic.ts";

const LOADERS = {
  log: () => import("./topics/log.ts"),
  index: () => import("./topics/index.ts"),
  runs: () => import("./topics/runs.ts"),
  filters: () => import("./topics/filters.ts"),
  traces: () => import("./topics/traces.ts"),
  years: () => import("./topics/years.ts"),
  fleet: () => import("./topics/fleet.ts"),
  legacy: () => import("./topics/legacy.ts"),
  durability: () => import("./topics/durability.ts"),
  permissions: () => import("./topics/permissions.ts"),
  recipes: () => import("./topics/recipes.ts"),
  troubles: () => import("./topics/troubles.ts"),
  changes: () => import("./topics/changes.ts"),
} as const satisfies Record<string, () => Promise<{ default: Topic }>>;

/** What they are called. */
export const TOPIC_NAMES: readonly string[] = Object.keys(LOADERS);

/** A topic by its name. */
export function loadTopic(name: string): Promise<Topic> | undefined {
  if (!Object.hasOwn(LOADERS, name)) return undefined;
  return LOADERS[name as keyof typeof LOADERS]().then((module) => module.default);
}
