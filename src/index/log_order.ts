/** The log's order of events, for ORDER BY. Numbers of parts have six digits, or more. */

/** What events are ordered by: the day, the part by its number, the place in it. */
const PLACE = ["log_day", "length(split_part(log_part, '.', 1))", "log_part", "log_offset"];

/** The first first. */
export const LOG_ORDER = PLACE.join(", ");

/** The last first. */
export const LATEST_FIRST = PLACE.map((column) => `${column} desc`).join(", ");
