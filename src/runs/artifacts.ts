/** Types. */
export const ARTIFACT_TYPES = [
  "alerts",
  "paths",
  "features",
  "trades",
  "summary",
  "frontier",
  "errors",
];
