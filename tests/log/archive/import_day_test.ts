/** A day comes back from its archive whole, or nothing is changed and it is said why. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { tarMembers } from "../../../src/base/tar.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { ledgerFolder, sync } from "../../index/indexes.ts";
import { Snapshot } from "../../crash/snapshot.ts";
import { tempFolder } from "../../harness.ts";
import {
  archiveIn,
  assertWhole,
  fillLedger,
  importIn,
  laterWorld,
  linesOf,
  OLD_DAYS,
  retainIn,
  runLater,
} from "../../retained.ts";

const DAY = OLD_DAYS[1];

/** A ledger whose old days are archived, and the archive of one of them. */
async function archived(dir: string): Promise<string> {
  await fillLedger(dir);
  await retainIn(dir);
  return join(archiveIn(dir), `ledger-${DAY}.tar`);
}

function stateOf(dir: string): Map<string, Uint8Array> {
  const { files } = new Snapshot(join(dir, "events"));
  return new Map([...files].filter(([name]) => !name.endsWith("lock")));
}

async function refusal(dir: string, path: string): Promise<LedgerError> {
  return await assertRejects(() => importIn(dir, path), LedgerError);
}

Deno.test("whichever byte of an archive is changed, that is said and nothing is changed", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = await archived(dir);
  const whole = Deno.readFileSync(path);
  const before = stateOf(dir);
  const file = systemFiles().open(path, "read");
  const members = tarMembers(file);
  file.close();
  assertEquals(members.map(({ name }) => name), [
    "manifest.json",
    "part-000001.parquet",
    "part-000002.parquet",
    "SHA256SUMS",
  ]);
  let regions = 0;
  for (let at = 0; at < whole.length; at += at % 512 < 260 ? 13 : 61) {
    const damaged = whole.slice();
    damaged[at] ^= 1 << (at % 8);
    Deno.writeFileSync(path, damaged);
    const { code, message, hint } = await refusal(dir, path);
    assertEquals(code, "damaged", `byte ${at}: ${message}`);
    const member = members.find(({ offset, size_bytes }) =>
      at >= offset && at < offset + size_bytes
    );
    if (member && member.name !== "SHA256SUMS") assertStringIncludes(message, member.name);
    assertStringIncludes(hint!, "nothing was changed");
    regions++;
  }
  assert(regions > 300);
  assertEquals(stateOf(dir), before);
  Deno.writeFileSync(path, whole);
  await importIn(dir, path);
});

Deno.test("an archive that is cut short anywhere, or goes on, is damaged", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = await archived(dir);
  const whole = Deno.readFileSync(path);
  const before = stateOf(dir);
  for (let size = 0; size < whole.length; size += 491) {
    Deno.writeFileSync(path, whole.subarray(0, size));
    assertEquals((await refusal(dir, path)).code, "damaged", `${size} bytes`);
  }
  for (const more of ["x", "\0x", "\0".repeat(512) + "x"]) {
    Deno.writeFileSync(path, whole);
    Deno.writeTextFileSync(path, more, { append: true });
    assertEquals((await refusal(dir, path)).code, "damaged", JSON.stringify(more));
  }
  assertEquals(stateOf(dir), before);
});

Deno.test("the system's own tar takes an archive apart, and its digests fit", async () => {
  using folder = ledgerFolder();
  const path = await archived(folder.path);
  using out = tempFolder();
  const run = async (command: string, args: string[]) => {
    const { success, stderr } = await new Deno.Command(command, { args, cwd: out.path }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  await run("tar", ["-xf", path]);
  await run("sha256sum", ["--check", "--strict", "SHA256SUMS"]);
});

Deno.test("an archive of another ledger is refused, whatever days this one has", async () => {
  using folder = ledgerFolder();
  using other = ledgerFolder();
  using empty = ledgerFolder();
  const path = await archived(folder.path);
  await fillLedger(other.path);
  await new Ledger({ dir: other.path, world: laterWorld() }).emitRunStarted({ run_id: "r" });
  Deno.mkdirSync(join(empty.path, "events"));
  const in_empty = await refusal(empty.path, path);
  assertEquals(in_empty.code, "invalid");
  assertMatch(in_empty.message, /another ledger: here, day=.*part-000001.jsonl was never sealed/);
  {
    await using ledger = new Ledger({ dir: other.path, world: laterWorld() });
    await ledger.emitRunFailed({ run_id: "r", error: "", timestamp_ms: Date.UTC(2026, 0, 20) });
  }
  await new Ledger({ dir: other.path, world: laterWorld() }).upkeep.seal();
  const before = stateOf(other.path);
  const in_other = await refusal(other.path, path);
  assertMatch(
    in_other.message,
    /another ledger: here, day=.*part-00000[12].jsonl was sealed as an/,
  );
  assertEquals(stateOf(other.path), before);
});

Deno.test("what is no archive, or is not there, is said", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await archived(dir);
  const path = join(dir, "x.tar");
  assertEquals((await refusal(dir, path)).code, "not_found");
  Deno.writeTextFileSync(path, "not a tar ".repeat(1000));
  assertEquals((await refusal(dir, path)).code, "damaged");
  Deno.writeFileSync(path, new Uint8Array(10_240));
  assertStringIncludes((await refusal(dir, path)).message, "this is no archive of a day");
});

Deno.test("an import that is repeated says that the day is here, and ends well", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = await archived(dir);
  const first = await runLater(dir, ["archive", "import", path]);
  assertEquals(first.code, 0, first.stderr);
  assertMatch(
    first.stdout,
    /^day=2026-01-21.part-000001.jsonl {2}\d events?, .*, as it was sealed\n/,
  );
  assertStringIncludes(first.stderr, "ledger rebuild");
  const before = stateOf(dir);
  const again = await runLater(dir, ["archive", "import", path]);
  assertEquals([again.code, again.stdout], [
    0,
    `${DAY} is in the log already, identical to its archive\n`,
  ]);
  const json = await runLater(dir, ["archive", "import", path, "--json"]);
  assertEquals(JSON.parse(json.stdout).was_here, true);
  assertEquals(stateOf(dir), before);
  await new Ledger({ dir, world: laterWorld() }).upkeep.restore(DAY);
  const restored = await runLater(dir, ["archive", "import", path]);
  assertEquals([restored.code, restored.stdout], [0, again.stdout]);
});

Deno.test("a part that went missing, or rotted, is healed from the archive", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = await archived(dir);
  await importIn(dir, path);
  const lines = await linesOf(dir);
  const part = join(dir, "events", `day=${DAY}`, "part-000002.parquet");
  for (const damage of [() => Deno.removeSync(part), () => Deno.writeTextFileSync(part, "rot")]) {
    damage();
    assertEquals((await importIn(dir, path)).was_here, false);
    assertEquals(await linesOf(dir), lines);
    await assertWhole(dir);
  }
});

Deno.test("lines that are here and were changed are never overwritten", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = await archived(dir);
  await importIn(dir, path);
  await new Ledger({ dir, world: laterWorld() }).upkeep.restore(DAY);
  const lines = join(dir, "events", `day=${DAY}`, "part-000001.jsonl");
  Deno.writeTextFileSync(lines, "something\n");
  const before = stateOf(dir);
  assertStringIncludes((await refusal(dir, path)).message, "is here, and not as it was sealed");
  assertEquals(stateOf(dir), before);
});

Deno.test("an archive that was made before is used again, and one of other parts is left alone", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = await archived(dir);
  const bytes = Deno.readFileSync(path);
  await importIn(dir, path);
  await new Ledger({ dir, world: laterWorld() }).upkeep.restore(DAY);
  await sync(dir);
  const [again] = await retainIn(dir);
  assertEquals(again.archive, path);
  assertEquals(Deno.readFileSync(path), bytes);
  await importIn(dir, path);
  await sync(dir);
  Deno.copyFileSync(join(archiveIn(dir), `ledger-${OLD_DAYS[0]}.tar`), path);
  const [beside] = await retainIn(dir);
  assertEquals(beside.archive, join(archiveIn(dir), `ledger-${DAY}.2.tar`));
});
