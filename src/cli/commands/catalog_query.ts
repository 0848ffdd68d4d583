import runs from "./runs_query.ts";

/** The first system's name for `runs query`. */
export default { ...runs, name: "catalog-query", hidden: true };
