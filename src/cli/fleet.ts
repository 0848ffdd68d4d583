/** What commands of the fleet share: their flags, and how they open it. */
import { resolve } from "@std/path";
import type { LedgerError } from "../base/error.ts";
import { counted, humanBytes } from "../base/format.ts";
import type { World } from "../base/world.ts";
import { addressText } from "../fleet/address.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { openFleet as open } from "../fleet/open.ts";
import type { Source } from "../fleet/segment.ts";
import type { ShipReport } from "../fleet/ship.ts";
import { type Folders, ledgerFlags, text } from "./flags.ts";
import type { Positional } from "./command.ts";
import { openForRuns } from "./open.ts";
import { say } from "./print.ts";

/** The fleet that a command is about. */
export function fleetWord(required = false): Positional {
  return {
    name: "URL",
    summary: required
      ? "the fleet: s3://BUCKET/PREFIX"
      : "the fleet: s3://BUCKET/PREFIX (default: the one that this box joined)",
    required,
  };
}

/** The flags of every command that talks to a fleet's store. */
export function fleetFlags() {
  return {
    "endpoint": text("URL", "the object store: https://HOST, or http://127.0.0.1:PORT"),
    "keys": text("FILE", "a file with the store's keys, mode 0600 (default: AWS_… variables)"),
    "ca": text("FILE", "certificates of a private authority, PEM"),
    ...ledgerFlags(),
  };
}

/** A chain of a box, for people: its log is what it is first of all. */
export function chainName(box: string, source: Source): string {
  return source === "log" ? box : `${box} ${source}`;
}

interface FleetFlags extends Folders {
  "endpoint"?: string;
  "keys"?: string;
  "ca"?: string;
}

/** Opens the fleet that a command names. */
export async function openFleet(world: World, flags: FleetFlags, url?: string): Promise<Fleet> {
  const path = (name: "keys" | "ca") =>
    flags[name] === undefined ? undefined : resolve(world.cwd(), flags[name]);
  return await open(openForRuns(world, flags), {
    url,
    endpoint: flags.endpoint,
    keys_path: path("keys"),
    ca_path: path("ca"),
  });
}

/** Opens the fleet that this box joined; throws where it has joined none. */
export async function openJoined(world: World, flags: FleetFlags): Promise<Fleet> {
  const fleet = await openFleet(world, flags);
  fleet.home.member();
  return fleet;
}

/** Says that a fleet has no box. */
export function sayNoBox(world: World, { store }: Fleet): void {
  say(world, `no box has joined ${addressText(store.address)}: ledger fleet join`);
}

/** What a shipment did, in words. */
export function shipText({ box, head, artifacts, traces, ...log }: ShipReport): string {
  const adopted = log.adopted + artifacts.adopted + traces.adopted;
  const known = adopted > 0 ? `, found ${counted(adopted, "segment")} there` : "";
  const sent = `${counted(log.shipped, "segment")} (${humanBytes(log.bytes)} of lines)`;
  const runs = artifacts.runs > 0 ? `, ${counted(artifacts.runs, "run")}` : "";
  const events = traces.events > 0 ? `, ${counted(traces.events, "traced event")}` : "";
  return `box ${box}: sent ${sent}${runs}${events}${known}; the last is ${head}`;
}

/** Whether a shipment sent anything. */
export function hasSent({ shipped, artifacts, traces }: ShipReport): boolean {
  return shipped + artifacts.shipped + traces.shipped > 0;
}

/** Does a step again and again until it is stopped; a store that does not answer is asked later. */
export async function untilStopped(
  world: World,
  signal: AbortSignal,
  step: () => Promise<void>,
): Promise<void> {
  const { untilStopped } = await import("../fleet/follow.ts");
  await untilStopped(world, { signal, step, onTrouble: saysTrouble(world) });
}

/** Says why it is tried again. */
export function saysTrouble(world: World): (error: LedgerError) => void {
  return ({ message }) => say(world, `${message}; trying again`);
}
