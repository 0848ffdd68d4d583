/** The lazy door of this room: upkeep of the log, which no writer loads. */
export { compactParts, planCompact } from "./compact/compact.ts";
export { restoreDay } from "./compact/restore.ts";
export { sealParts } from "./seal/seal.ts";
export { surveyLog } from "./read/survey.ts";
export { verifyLog } from "./seal/verify.ts";
