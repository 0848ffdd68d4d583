/**
 * Whether this machine, these folders and this ledger are fit: each question is answered by looking,
 * not by what a setting says. A finding comes with what to do about it.
 */
import { dirname, resolve } from "@std/path";
import { buildFacts } from "../base/build.ts";
import type { World } from "../base/world.ts";
import { bad, type Check } from "./check.ts";
import {
  checkBuilder,
  checkIndex,
  checkKeeper,
  checkLog,
  checkRuns,
  checkTraces,
  checkTypes,
} from "./ledger.ts";
import {
  checkClock,
  checkFileSystem,
  checkFolder,
  checkLibrary,
  checkPromises,
  checkSpace,
} from "./machine.ts";
import type { Ledger } from "../ledger/ledger.ts";

export type { Check } from "./check.ts";

/** Looks at everything; the order is that of what rests on what. */
export async function examine(world: World, ledger: Ledger): Promise<Check[]> {
  const folder = existingAbove(world, resolve(world.cwd(), ledger.dir));
  const survey = ledger.exists() ? await ledger.survey() : undefined;
  const file_system = world.files.fileSystem(folder);
  const library = await checkLibrary(world);
  return [
    checkFolder(world, "ledger folder", ledger.dir),
    checkFolder(world, "runs folder", ledger.runs.dir),
    checkFileSystem(file_system),
    ...await checkPromises(world, ledger.dir),
    checkClock(world, survey),
    checkSpace(world, file_system, survey),
    library,
    checkLog(survey),
    await checkTypes(ledger),
    await checkTraces(ledger),
    library.ok ? await checkIndex(world, ledger, survey) : indexUnasked(library),
    await checkBuilder(world, ledger),
    await checkKeeper(world, ledger),
    await checkRuns(world, ledger, library),
  ];
}

/** A library that is not as it was built may take the whole process with it: it is not loaded. */
function indexUnasked({ name, fix }: Check): Check {
  return bad("index", `not looked at without a whole ${name}`, fix);
}

function existingAbove(world: World, folder: string): string {
  let there = folder;
  while (!world.files.facts(there) && dirname(there) !== there) there = dirname(there);
  return there;
}

/** Which build this is, for a question to the maintainers. */
export function buildLine(): string {
  const { version, compiled, ledger_dir, runs_dir } = buildFacts();
  return compiled
    ? `ledger ${version}, which may write ${ledger_dir} and ${runs_dir}`
    : `ledger ${version}, from source`;
}
