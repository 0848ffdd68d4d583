import * as z from "zod/mini";
import { EXIT_OK, LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { RetainedDay } from "../../ledger/retain.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, say } from "../output.ts";
import { usage } from "../parse.ts";

const retain = defineCommand({
  name: "retain",
  summary: "take old days out of the log, into archives or for good",
  description: "Takes all days out that ended so many days ago. With --archive each becomes one " +
    "tar of Parquet files with a manifest and digests, read back whole before the day goes. A day " +
    "stays in which a running run began, or that is not wholly indexed, or not as it was sealed. " +
    "The index is brought up to date first, and keeps the rows, marked is_archived, unless " +
    "--forget. Killed at any step it can simply be run again.",
  examples: [
    { line: "ledger retain --days 90 --archive data/ledger/archive --dry-run", shows: "what goes" },
    { line: "ledger retain --days 90 --archive data/ledger/archive", shows: "archive and remove" },
    { line: "ledger retain --days 365 --yes", shows: "delete; the index keeps the rows" },
  ],
  flags: z.strictObject({
    "days": count({ description: "how many days before today stay; has to be given" }),
    "archive": text({ value: "DIR", description: "where the archives go, inside the write scope" }),
    "dry-run": toggle({ description: "say what would be done with each day, and do nothing" }),
    "forget": toggle({ description: "drop the rows from the index too, of earlier archives also" }),
    "yes": toggle({ description: "do it, where something goes that is in no archive" }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    if (flags.days === undefined) throw usage(retain, "how many days stay? --days 90");
    const { upkeep } = openFor(world, flags);
    const { days, archive, forget } = flags;
    const request = { days, archive, forget, onNotice: (message: string) => say(world, message) };
    const is_plan = flags["dry-run"];
    if (!is_plan && !flags.yes && (forget || archive === undefined)) {
      const lost = (await upkeep.planRetain(request)).filter(isLost);
      if (lost.length > 0) throw notSure(lost);
    }
    const onDay = (day: RetainedDay) => flags.json ? undefined : tell(world, day);
    const done = is_plan
      ? await upkeep.planRetain(request)
      : await upkeep.retain({ ...request, onDay });
    if (flags.json) {
      print(world, JSON.stringify(done));
      return EXIT_OK;
    }
    if (is_plan) done.forEach(onDay);
    tellAll(world, done, days);
    if (is_plan && done.length > 0) say(world, "nothing of this was done yet: --dry-run");
    return EXIT_OK;
  },
});
export default retain;

/** Whether nothing is left of a day but what is in the index, or not even that. */
function isLost({ fate, archive }: RetainedDay): boolean {
  return archive === undefined && (fate === "deleted" || fate === "forgotten");
}

function tell(world: World, retained: RetainedDay): void {
  const { day, fate, parts, events, bytes, archive, forget, reason, fix } = retained;
  const what = `${counted(events, "event")} in ${counted(parts, "part")}, ${humanBytes(bytes)}`;
  const forgotten = forget ? ", its rows leave the index" : "";
  switch (fate) {
    case "archived":
      return print(world, `${day}  ${what} -> ${archive}${forgotten}`);
    case "deleted":
      return print(world, `${day}  ${what}: deleted${forgotten}`);
    case "removed":
      return print(world, `${day}  what was left of it is removed; it is ${whereabouts(archive)}`);
    case "forgotten":
      return print(world, `${day}  its rows leave the index; it is ${whereabouts(archive)}`);
    case "stays":
      print(world, `${day}  stays: ${reason}`);
      print(world, `            ${fix}`);
  }
}

function whereabouts(archive: string | undefined): string {
  return archive === undefined ? "deleted" : `in ${archive}`;
}

function tellAll(world: World, done: readonly RetainedDay[], days: number): void {
  if (done.length === 0) return say(world, `no day is older than ${counted(days, "day")}`);
  const going = done.filter(({ fate }) => fate === "archived" || fate === "deleted");
  const sum = (field: "events" | "bytes") => going.reduce((total, day) => total + day[field], 0);
  const staying = done.filter(({ fate }) => fate === "stays").length;
  print(
    world,
    `${counted(going.length, "day")} out of the log: ${counted(sum("events"), "event")}, ` +
      humanBytes(sum("bytes")) + (staying > 0 ? `; ${counted(staying, "day")} as it was` : ""),
  );
}

function notSure(lost: readonly RetainedDay[]): LedgerError {
  const bytes = lost.reduce((total, day) => total + day.bytes, 0);
  return new LedgerError({
    code: "usage",
    message: `this would remove ${counted(lost.length, "day")} (${humanBytes(bytes)}) for good`,
    hint: "look first with --dry-run; do it with --yes; keep them with --archive DIR",
  });
}
