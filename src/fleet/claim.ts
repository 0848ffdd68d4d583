/**
 * Claim of a box's name: one create-only object a name, which holds the box's random id. The id is on this
 * disk before the claim is sent, so that a box whose answer was lost knows its own claim again.
 */
import { LedgerError, quoted } from "../base/error.ts";
import { firstNames } from "../base/format.ts";
import type { World } from "../base/world.ts";
import { shippedPath } from "../log/pull/shipped.ts";
import { checkBoxName } from "./address.ts";
import { chainFolder, SOURCES } from "./segment.ts";
import type { ObjectStore } from "./store.ts";
import type { FleetHome, Membership } from "./home.ts";

/** The claim of a name, as it stands in the store. */
export interface Claim {
  box_id: string;
  claimed_at: string;
}

function claimKey(name: string): string {
  return `boxes/${name}.json`;
}

/** Claims a name for this box, or finds its own claim again. Returns what is remembered of it. */
export async function claimBox(
  store: ObjectStore,
  home: FleetHome,
  name: string,
  extras: Pick<Membership, "with_code" | "with_files"> = {},
): Promise<Membership> {
  checkBoxName(name);
  const { world } = store;
  const { box } = home.read() ?? {};
  if (box && box.name !== name && !box.pending) {
    throw new LedgerError({
      code: "invalid",
      message: `this box is ${quoted(box.name)} already`,
      where: { path: home.path },
      hint: "what it shipped is under that name; a box keeps its name",
    });
  }
  if (!box) refuseRecords(world, home);
  const box_id = box?.name === name ? box.box_id : newBoxId(world.random_uuid());
  const member: Membership = { name, box_id, ...extras };
  home.write({ box: { ...member, pending: true } });
  const claim: Claim = { box_id, claimed_at: new Date(world.now_ms()).toISOString() };
  const bytes = new TextEncoder().encode(`${JSON.stringify(claim)}\n`);
  const key = claimKey(name);
  const outcome = await store.put(key, bytes, {
    create_only: true,
    is_recognizable: true,
    content_type: "application/json",
  });
  if (outcome === "exists") {
    const there = await readClaim(store, name);
    if (there?.box_id !== box_id) {
      home.write({ box: box && box.name !== name ? box : undefined });
      throw new LedgerError({
        code: "invalid",
        message: there
          ? `another box has claimed the name ${quoted(name)} (${there.claimed_at})`
          : `the name ${quoted(name)} could not be claimed: the store did not keep the claim`,
        hint: there
          ? "give this box another name: --as NAME; a box that lost its disk takes a new one too"
          : "try again",
      });
    }
  }
  home.write({ box: member });
  return member;
}

/** Throws where another box has noted what it shipped: a new one would take that for its own. */
function refuseRecords(world: World, home: FleetHome): void {
  const paths = SOURCES.map((source) => shippedPath(home.ledger_dir, source));
  const path = paths.find((path) => world.files.facts(path));
  if (path === undefined) return;
  throw new LedgerError({
    code: "invalid",
    message: `${path} is of a box that ${home.path} does not name any more`,
    where: { path },
    hint: "restore fleet.json; or, for a new box, remove fleet/ from the ledger's folder",
  });
}

/** The claim of a name; undefined where it is free. */
export async function readClaim(store: ObjectStore, name: string): Promise<Claim | undefined> {
  const bytes = await store.get(claimKey(name));
  if (!bytes) return undefined;
  try {
    const { box_id, claimed_at } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof box_id === "string") return { box_id, claimed_at: String(claimed_at) };
  } catch {
    // Said below.
  }
  throw new LedgerError({
    code: "damaged",
    message: `the claim of box ${quoted(name)} cannot be read`,
    hint: `look at ${claimKey(name)} in the bucket`,
  });
}

/** The names that are claimed, in order. */
export async function listBoxes(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list("boxes/")) {
    const [, name] = /^boxes\/(.+)\.json$/.exec(key) ?? [];
    if (name !== undefined) names.push(name);
  }
  return names;
}

/** The names of all boxes, or the one that is asked for; throws where the store has nothing of that. */
export async function namesOf(store: ObjectStore, only?: string): Promise<string[]> {
  const names = await listBoxes(store);
  if (only === undefined) return names;
  if (names.includes(only)) return [only];
  // A box whose claim was deleted has segments still.
  for await (const _ of store.list(chainFolder("log", only))) return [only];
  throw new LedgerError({
    code: "not_found",
    message: `there is no box ${quoted(only)} in this fleet`,
    hint: names.length > 0 ? `there are: ${firstNames(names)}` : "no box has joined it yet",
  });
}

/** 128 bits, in hex. */
function newBoxId(uuid: string): string {
  return uuid.replaceAll("-", "");
}
