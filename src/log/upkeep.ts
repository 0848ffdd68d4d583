/** The other door of this room: what looks the log over and keeps it, which nobody needs who writes. */
export { compactParts } from "./compact.ts";
export { restoreDay } from "./restore.ts";
export { sealParts } from "./seal.ts";
export { surveyLog } from "./survey.ts";
export { verifyLog } from "./verify.ts";
