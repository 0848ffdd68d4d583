/** The other door of this room: what looks the log over and keeps it, which nobody needs who writes. */
export { compactParts } from "./compact/compact.ts";
export { restoreDay } from "./compact/restore.ts";
export { sealParts } from "./seal/seal.ts";
export { surveyLog } from "./read/survey.ts";
export { verifyLog } from "./seal/verify.ts";
