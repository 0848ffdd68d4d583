/**
 * A user of the library as a process of its own, to be raced and to be killed: creates runs, and ends
 * them, one after another. Arguments: the ledger's folder, that of runs, the name that all its ids
 * begin with, and how many to make before it syncs the catalog; with "hold" for a number, it makes
 * one and holds it.
 */
import { openLedger } from "../../../src/mod.ts";

const [dir, runs_dir, name, count] = Deno.args;
await using ledger = await openLedger({ dir, runs_dir });

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function makeRun(run_id: string, n: number): Promise<void> {
  const owned = n % 2 === 0;
  say(`creates ${run_id}`);
  await using run = await ledger.runs.create({
    ...{ run_type: "policy", run_id, owned, git: false, parameters: { n } } as const,
    inputs: [new URL(import.meta.url).pathname],
  });
  say(`created ${run_id}`);
  const path = "results/summary.json";
  Deno.mkdirSync(`${run.folder}/results`);
  Deno.writeTextFileSync(`${run.folder}/${path}`, "{}");
  await run.noteArtifact("summary", { rows: 1, path, bytes: 2, sha256: "0".repeat(64) }, { n });
  say(`ends ${run_id}`);
  if (n % 3 === 2) await run.markFailed("on purpose");
  else await run.markSuccess();
  say(`ended ${run_id}`);
}

if (count === "hold") {
  await ledger.runs.create({ run_type: "policy", run_id: name, owned: true, git: false });
  say("holds");
  await Deno.stdin.read(new Uint8Array(1));
} else {
  for (let n = 0; n < Number(count); n++) await makeRun(`${name}-${n}`, n);
  await ledger.runs.sync();
}
