import runs from "./runs_sync.ts";

/** The first system's name for `runs sync`. */
export default { ...runs, name: "catalog-sync", hidden: true };
