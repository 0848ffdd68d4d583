/**
 * Pre-registration: what a run, or a group of runs, is to show is claimed by an event before its trials.
 * Places in the log and seals say whether it stood there before them, never timestamps.
 */
import { asLedgerError, LedgerError, quoted } from "../base/error.ts";
import { textDigest } from "../base/files/checksum.ts";
import { counted, typedTime } from "../base/format.ts";
import { withNumbers } from "../base/json.ts";
import { note_chars_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { labelOf } from "../index/coverage.ts";
import { CLAIMS, GROUP_OF_RUN, HAS_LOG_INDEX, PARTS_WITH_TRIALS } from "../index/run_views.ts";
import { type Chain, chainProblem, type DIRECTIONS, readChain } from "../log/mod.ts";
import type { RunEvents } from "../runs/directory/run_lifecycle.ts";
import { labelProblem } from "../runs/manifest/annotation.ts";

/** What is to be shown. */
export interface Claim {
  hypothesis: string;
  /** A metric of the run's summary, or of its trials. */
  metric: string;
  direction: typeof DIRECTIONS[number];
  trials_planned: number;
  /** `FROM..TO`: data that no trial looks at. */
  holdout?: string;
  falsified_if?: string;
}

/** What a claim is about: a run, as it may be named anywhere, or a group, which need not have runs yet. */
export type Claimed = { run: string; group?: undefined } | { group: string; run?: undefined };

/** A claim that stands in the log. */
export interface LoggedClaim extends Claim {
  run_id: string | null;
  group: string | null;
  claimed_at_ms: number;
  order: ClaimOrder;
}

/** Whether a claim stands before the trials that it is about. */
export interface ClaimOrder {
  /** Null where there is no trial yet. */
  is_proven: boolean | null;
  /** A sentence for people. */
  reason: string;
}

/** A claim in words. */
export function claimText({ hypothesis, metric, direction, ...claim }: Claim): string {
  const { trials_planned, holdout, falsified_if } = claim;
  const trials = counted(trials_planned, "trial");
  const held_out = holdout ? `, holdout ${holdout}` : "";
  const falsified = falsified_if ? `, falsified if ${falsified_if}` : "";
  return `${hypothesis} (${direction} ${metric} in ${trials}${held_out}${falsified})`;
}

/** What is needed of a ledger's runs. */
interface RunsOfLedger {
  readonly world: World;
  readonly ledger_dir: string;
  readonly events: RunEvents;
  locate(beginning: string): Promise<{ run_id: string }>;
  openStates(): Promise<Database>;
}

/** Claims something of a run or a group. The same claim made twice counts once, as the first. */
export async function makeClaim(
  runs: RunsOfLedger,
  claimed: Claimed,
  claim: Claim,
  onNotice: (message: string) => void = () => {},
): Promise<Record<string, unknown>> {
  const { group } = claimed;
  const run_id = claimed.run === undefined ? undefined : (await runs.locate(claimed.run)).run_id;
  const name = run_id === undefined ? `group ${quoted(group)}` : `run ${quoted(run_id)}`;
  const refuse: Refuse = (member, value, what) => {
    throw new LedgerError({
      code: "invalid",
      message: `cannot claim something of ${name}: ${member} ${quoted(value)} ${what}`,
      hint: "nothing was written",
    });
  };
  const group_problem = group === undefined ? undefined : labelProblem(group);
  if (group_problem) refuse("group", group, group_problem);
  checkClaim(claim, refuse);
  if (await hasTrials(runs, [run_id ?? null, group ?? null])) {
    onNotice(`${name} has trials in the log already: this claim stands after them`);
  }
  const fields = Object.fromEntries(
    Object.entries({ run_id, group, ...claim }).filter(([, value]) => value !== undefined),
  );
  const digest = textDigest(JSON.stringify(fields)).slice(0, 16);
  const event_id = `${run_id ?? `group:${group}`}:run.claimed:${digest}`;
  const event = { event_type: "run.claimed", event_id, ...fields };
  await runs.events.emit(event);
  return event;
}

type Refuse = (member: string, value: unknown, what: string) => never;
/** A run's id, and the name of a group. */
type Covered = [run_id: string | null, group: string | null];

async function hasTrials(runs: RunsOfLedger, covered: Covered): Promise<boolean> {
  await using database = await openIndex(runs);
  return !!database && (await database.rows(PARTS_WITH_TRIALS, covered)).length > 0;
}

function checkClaim({ trials_planned, holdout, ...texts }: Claim, refuse: Refuse): void {
  for (const [member, text] of Object.entries(texts)) {
    if (text === undefined) continue;
    if (text.trim() === "") refuse(member, text, "says nothing");
    if (text.length > note_chars_max) refuse(member, text, `is longer than ${note_chars_max}`);
  }
  if (!Number.isSafeInteger(trials_planned) || trials_planned < 1) {
    refuse("trials_planned", trials_planned, "has to be a whole number, 1 or more");
  }
  if (holdout === undefined) return;
  const [from, to, ...more] = holdout.split("..");
  const times = [from, to].map((time) => /^\d{4}-/.test(time ?? "") ? typedTime(time) : undefined);
  if (more.length > 0 || times.includes(undefined)) {
    refuse("holdout", holdout, "has to be FROM..TO: 2025-07-01..2025-12-31");
  }
  const [from_ms, to_ms] = times.map((time) => time!.ms(0));
  if (from_ms > to_ms) refuse("holdout", holdout, "ends before it begins");
}

/** The claims about a run and its group, or about a group, with how each stands to the trials. */
export async function claimsOf(runs: RunsOfLedger, claimed: Claimed): Promise<LoggedClaim[]> {
  const run_id = claimed.run === undefined ? null : (await runs.locate(claimed.run)).run_id;
  await using database = await openIndex(runs);
  if (!database) return [];
  const [of_run] = await database.rows<{ group: string | null }>(GROUP_OF_RUN, [run_id]);
  return await claimsIn(database, runs, [run_id, claimed.group ?? of_run?.group ?? null]);
}

/** The same, where the log's index is open already. */
export async function claimsIn(
  database: Database,
  { world, ledger_dir }: Pick<RunsOfLedger, "world" | "ledger_dir">,
  of: Covered,
): Promise<LoggedClaim[]> {
  const claims = (await database.rows<Record<string, unknown>>(CLAIMS, of))
    .map(withNumbers<Omit<LoggedClaim, "order"> & Place>);
  if (claims.length === 0) return [];
  const chain = readChain(world, ledger_dir);
  const found: LoggedClaim[] = [];
  for (const { log_day, log_part, log_offset, ...claim } of claims) {
    const covered: Covered = [claim.run_id, claim.run_id === null ? claim.group : null];
    const trials = await database.rows<Record<string, unknown>>(PARTS_WITH_TRIALS, covered);
    const place = { log_day, log_part, log_offset };
    found.push({ ...claim, order: orderOf(chain, place, trials.map(withNumbers<Place>)) });
  }
  return found;
}

/** Undefined where the log has no index: nothing is known of claims then. */
async function openIndex(runs: RunsOfLedger): Promise<Database | undefined> {
  const database = await runs.openStates().catch((error) => {
    if (asLedgerError(error)?.code !== "not_found") throw error;
    return undefined;
  });
  if (!database) return undefined;
  const has_log = await database.value<boolean>(HAS_LOG_INDEX);
  if (!has_log) {
    database.close();
    return undefined;
  }
  await database.run("use runs.main");
  return database;
}

/** Where a line stands in the log. */
interface Place {
  log_day: string;
  log_part: string;
  log_offset: number;
}

const SAYS_NOTHING = "timestamps are the caller's, and prove nothing";

/**
 * Whether a claim stands before trials; of each part these are in, the place of the first. In one part
 * the order is that of its lines. Of two parts, the one that was sealed first was whole before the
 * other was: a part that is not sealed yet will be sealed later.
 */
function orderOf(chain: Chain, claim: Place, trials: readonly Place[]): ClaimOrder {
  if (trials.length === 0) return { is_proven: null, reason: "no trial stands in the log yet" };
  const unproven = (reason: string): ClaimOrder => ({
    is_proven: false,
    reason: `it cannot be proven that it stands before the first trial: ${reason}`,
  });
  const damage = chainProblem(chain);
  if (damage) return unproven(`the chain is damaged (${damage}): ledger verify --deep`);
  const entryOf = (label: string) => chain.seals.findLast(({ part }) => part === label)?.number;
  const [claim_part, claim_entry] = [labelOf(claim), entryOf(labelOf(claim))];
  const proofs: string[] = [];
  for (const trial of trials) {
    const trial_part = labelOf(trial);
    if (trial_part === claim_part) {
      if (trial.log_offset < claim.log_offset) {
        return unproven(`both stand in ${claim_part}, the trial first`);
      }
      proofs.push(`both stand in ${claim_part}, the claim first`);
      continue;
    }
    const trial_entry = entryOf(trial_part);
    const is_first = claim_entry !== undefined && claim_entry < (trial_entry ?? Infinity);
    if (is_first) {
      const then = trial_entry === undefined ? "not yet" : `as number ${trial_entry}`;
      proofs.push(
        `its part was sealed as number ${claim_entry} of the chain, that of the trial ${then}`,
      );
    } else if (trial_entry !== undefined) {
      return unproven(`${trial_part}, which has a trial, was sealed before ${claim_part}`);
    } else {
      return unproven(`neither ${claim_part} nor ${trial_part} is sealed; ${SAYS_NOTHING}`);
    }
  }
  return { is_proven: true, reason: `it stands before the first trial: ${proofs[0]}` };
}
