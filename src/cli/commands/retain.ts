import { LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { RetainedDay } from "../../ledger/retain.ts";
import { defineCommand } from "../command.ts";
import { count, ledgerFlags, required, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "retain",
  summary: "move old days to archives, or delete them",
  description: "Removes all days that ended so many days ago. With --archive each becomes one " +
    "tar of Parquet files with a manifest and digests, and is read back before the day goes. " +
    "Keeps a day in which a running run began, that is not wholly indexed, or that changed since " +
    "it was sealed. Brings the index up to date first; its rows stay, marked is_archived, unless " +
    "--forget. After a kill at any step, run it again.",
  examples: {
    "ledger retain --days 90 --archive data/ledger/archive --dry-run": "list what would go",
    "ledger retain --days 90 --archive data/ledger/archive": "archive and remove",
    "ledger retain --days 365 --yes": "delete; the index keeps the rows",
    "ledger retain --days 30 --shipped --yes":
      "delete what the fleet's store has, every byte of it",
  },
  flags: {
    "days": required(count("how many days before today stay"), "how many days stay? --days 90"),
    "archive": text("DIR", "where to put the archives, inside the write scope"),
    "dry-run": toggle("print what would be done with each day; do nothing"),
    "forget": toggle("remove the rows from the index too, also those of earlier archives"),
    "shipped": toggle("only days whose every byte the fleet's store has, by fleet/shipped.jsonl"),
    "yes": toggle("delete what is in no archive, without asking"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    const { upkeep } = openFor(world, flags);
    const { days, archive, forget, shipped } = flags;
    const request = {
      days,
      archive,
      forget,
      shipped,
      onNotice: (message: string) => say(world, message),
    };
    const is_plan = flags["dry-run"];
    if (!is_plan && !flags.yes && (forget || archive === undefined)) {
      const lost = (await upkeep.planRetain(request)).filter(isLost);
      if (lost.length > 0) throw notSure(lost);
    }
    const onDay = (day: RetainedDay) => flags.json ? undefined : printDay(world, day);
    const done = is_plan
      ? await upkeep.planRetain(request)
      : await upkeep.retain({ ...request, onDay });
    if (flags.json) return printJson(world, done);
    if (is_plan) done.forEach(onDay);
    printTotals(world, done, days);
    if (is_plan && done.length > 0) say(world, "nothing was done: --dry-run");
  },
});

/** Whether nothing but rows of the index is left of a day, or not even those. */
function isLost({ fate, archive }: RetainedDay): boolean {
  return archive === undefined && (fate === "deleted" || fate === "forgotten");
}

function printDay(world: World, retained: RetainedDay): void {
  const { day, fate, parts, events, bytes, archive, forget, reason, fix } = retained;
  const whereabouts = archive === undefined ? "deleted" : `in ${archive}`;
  const what = `${counted(events, "event")} in ${counted(parts, "part")}, ${humanBytes(bytes)}`;
  const forgotten = forget ? ", and its rows are removed from the index" : "";
  switch (fate) {
    case "archived":
      return print(world, `${day}  ${what} -> ${archive}${forgotten}`);
    case "deleted":
      return print(world, `${day}  ${what}: deleted${forgotten}`);
    case "removed":
      return print(world, `${day}  its remains are removed; it is ${whereabouts}`);
    case "forgotten":
      return print(world, `${day}  its rows are removed from the index; it is ${whereabouts}`);
    case "stays":
      print(world, `${day}  stays: ${reason}`);
      print(world, `            ${fix}`);
  }
}

function printTotals(world: World, done: readonly RetainedDay[], days: number): void {
  if (done.length === 0) return say(world, `no day is older than ${counted(days, "day")}`);
  const going = done.filter(({ fate }) => fate === "archived" || fate === "deleted");
  const sum = (field: "events" | "bytes") => going.reduce((total, day) => total + day[field], 0);
  const staying = done.filter(({ fate }) => fate === "stays").length;
  const kept = staying > 0 ? `; ${counted(staying, "day")} kept` : "";
  const removed = `${counted(sum("events"), "event")}, ${humanBytes(sum("bytes"))}`;
  print(world, `${counted(going.length, "day")} removed from the log: ${removed}${kept}`);
}

function notSure(lost: readonly RetainedDay[]): LedgerError {
  const bytes = lost.reduce((total, day) => total + day.bytes, 0);
  return new LedgerError({
    code: "usage",
    message: `this would remove ${counted(lost.length, "day")} (${humanBytes(bytes)}) for good`,
    hint: "look first: --dry-run; delete: --yes; keep them: --archive DIR",
  });
}
