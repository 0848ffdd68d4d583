/**
 * Write-ahead for the registry: the chain says which bytes of `_schema.json` count. A change is written
 * durably to `_schema.next.json`, bound by an entry of the chain, then renamed into place. A process that is
 * killed in between leaves the old registry; the next that holds the chain's lock finishes the change. So a
 * registry that something else edited differs from one that a caller changed.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { fileDigest, textDigest } from "../../base/files/checksum.ts";
import { removeQuietly, replaceFile, syncFile } from "../../base/files/durable.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { type Chain, chainPath, type RegistryBound, type RegistryEntry } from "../format/chain.ts";
import { extendChain } from "../format/chain_digest.ts";
import { ledgerPaths } from "../format/layout.ts";
import { readRegistryFile, REGISTRY_VERSION, type RegistryFile } from "./registry.ts";

type RegistryState =
  /** No entry of the chain binds it: 0.1 wrote this ledger, or nothing was sealed yet. */
  | "unbound"
  | "bound"
  /** A change was bound, and its process killed before it was in place. */
  | "interrupted"
  | "changed"
  | "removed";

export function boundRegistry({ entries }: Chain): RegistryEntry | undefined {
  return entries.findLast((entry): entry is RegistryEntry => entry.kind === "registry");
}

export function registryState(world: World, root: string, chain: Chain): RegistryState {
  const bound = boundRegistry(chain);
  if (!bound) return "unbound";
  const digest = digestAt(world, ledgerPaths(root).schema);
  if (digest === bound.sha256) return "bound";
  if (digestAt(world, nextPath(root)) === bound.sha256) return "interrupted";
  return digest === undefined ? "removed" : "changed";
}

function nextPath(root: string): string {
  return join(ledgerPaths(root).events, "_schema.next.json");
}

function digestAt(world: World, path: string): string | undefined {
  return world.files.facts(path) ? fileDigest(world.files, path) : undefined;
}

/** Whether the registry is bound, and no change of it is to be finished or removed. */
export function isSettled(world: World, root: string, chain: Chain): boolean {
  return registryState(world, root, chain) === "bound" && !world.files.facts(nextPath(root));
}

/** Binds a registry that is not bound, and finishes a change that was interrupted. The caller holds the chain's lock. */
export async function settleRegistry(
  world: World,
  root: string,
  chain: Chain,
): Promise<RegistryState> {
  const state = registryState(world, root, chain);
  if (state === "unbound") await bindFirst(world, root, chain);
  if (state === "interrupted") {
    // The process that added the entry may have ended before it was durable.
    syncFile(world.files, chainPath(root));
    putInPlace(world, root);
  } else if (world.files.facts(nextPath(root))) {
    // A change that never came into the chain was not acknowledged.
    removeQuietly(world.files, nextPath(root));
  }
  return state === "unbound" || state === "interrupted" ? "bound" : state;
}

/**
 * Format 2 of the chain begins. Before its first entry the registry says durably, by its own version, that
 * 0.1 must not touch this ledger any more.
 */
async function bindFirst(world: World, root: string, chain: Chain): Promise<void> {
  const { schema, schema_lock } = ledgerPaths(root);
  // A process of 0.1 takes this lock, and not the chain's, to register a type.
  using lock = await takeFileLock(world.files, schema_lock, lock_wait_ms);
  if (!lock) {
    throw new LedgerError({
      code: "busy",
      message: "cannot change the registry: another process holds its lock",
      where: { path: schema_lock },
      hint: "nothing was changed; repeat it",
    });
  }
  const text = registryText(readRegistryFile(world, root));
  replaceFile(world.files, schema, new TextEncoder().encode(text), uniqueName(world));
  extendChain(world, root, chain, [entryFor(world, text)]);
}

/** Puts a changed registry in place. The caller holds the chain's lock and has settled it. */
export function replaceRegistry(
  world: World,
  root: string,
  chain: Chain,
  file: RegistryFile,
  how: { accepted?: true } = {},
): void {
  const text = registryText(file);
  replaceFile(world.files, nextPath(root), new TextEncoder().encode(text), uniqueName(world));
  extendChain(world, root, chain, [{ ...entryFor(world, text), ...how }]);
  putInPlace(world, root);
}

function putInPlace({ files }: World, root: string): void {
  files.rename(nextPath(root), ledgerPaths(root).schema);
  files.syncFolder(ledgerPaths(root).events);
}

/** Binds the registry as it stands, after something else edited it. The caller holds the chain's lock. */
export function acceptRegistry(world: World, root: string, chain: Chain): void {
  replaceRegistry(world, root, chain, readRegistryFile(world, root), { accepted: true });
}

function registryText(file: RegistryFile): string {
  return JSON.stringify({ ...file, registry_version: REGISTRY_VERSION }, null, 2) + "\n";
}

function entryFor(world: World, text: string): RegistryBound {
  return {
    kind: "registry",
    registry_version: REGISTRY_VERSION,
    bytes: new TextEncoder().encode(text).length,
    sha256: textDigest(text),
    at_ms: world.now_ms(),
  };
}

export function registryProblem(root: string, state: "changed" | "removed"): string {
  const { schema } = ledgerPaths(root);
  return state === "changed"
    ? `the registry ${schema} is not the one that the chain binds`
    : `the registry ${schema} is gone`;
}

export function registryChanged(root: string, state: "changed" | "removed"): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot change the registry: ${registryProblem(root, state)}`,
    where: { path: ledgerPaths(root).schema },
    hint:
      "restore the file from a backup; to go on with it as it stands: ledger seal --accept-registry",
  });
}
