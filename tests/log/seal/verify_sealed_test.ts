/** verify --deep where what is sealed was changed: each change is found, with its place. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { checksum_block_bytes } from "../../../src/base/limits.ts";
import { addToChain } from "../../../src/log/seal/chain_recovery.ts";
import { restoreDay } from "../../../src/log/compact/restore.ts";
import { readRegistry } from "../../../src/log/event/registry.ts";
import { sealParts } from "../../../src/log/seal/seal.ts";
import { verifyLog, type VerifyOptions } from "../../../src/log/seal/verify.ts";
import { memoryFolder, runIn, writePart } from "../../harness.ts";
import { withSeed } from "../../laws/random.ts";
import { GOOD_LINE } from "../cases.ts";
import {
  chainLines,
  compactAll,
  editSealed,
  filesOfDays,
  laterWorld,
  sealedOf,
} from "../upkeep.ts";

const DAYS = ["2026-01-23", "2026-01-24", "2026-01-25"];
const [DAY] = DAYS;
const LINES_OF_PART = 2_500;

function label(day: string, number: number, format = "jsonl"): string {
  return `day=${day}/part-${String(number).padStart(6, "0")}.${format}`;
}

/** Three days of two parts each, of 220 kB, all different. */
function writeDays(dir: string): void {
  for (const [at, day] of DAYS.entries()) {
    const time = Date.parse(`${day}T12:00:00Z`);
    for (const number of [1, 2]) {
      const lines = Array.from(
        { length: LINES_OF_PART },
        (_, n) =>
          GOOD_LINE.replace('"e1"', `"e${at}${number}-${n}"`).replace(/\d{13}/, `${time + n}`) +
          "\n",
      );
      writePart(dir, { day, number, writer: "" }, lines);
    }
  }
}

/** Sealed days: as lines, or compacted. */
async function sealedDays(dir: string, form: "lines" | "compacted"): Promise<void> {
  writeDays(dir);
  await sealParts(laterWorld(), dir);
  if (form === "compacted") await compactAll(dir);
}

async function verify(dir: string, options: VerifyOptions = { deep: true }) {
  const world = laterWorld();
  return await verifyLog(world, dir, readRegistry(world, dir), options);
}

/** The first finding, as text. */
async function firstFinding(dir: string): Promise<string> {
  const { findings: [first] } = await verify(dir);
  return first ? `${first.kind} ${first.part}@${first.offset}: ${first.reason}` : "nothing";
}

function pathOf(dir: string, name: string): string {
  return join(dir, "events", name);
}

for (const form of ["lines", "compacted"] as const) {
  const format = form === "lines" ? "jsonl" : "parquet";

  Deno.test(`of ${form} that are as they were sealed, all is proven`, async () => {
    using folder = memoryFolder();
    await sealedDays(folder.path, form);
    for (const options of [{}, { deep: true }, { lines: true }, { deep: true, lines: true }]) {
      const report = await verify(folder.path, options);
      assertEquals(report.findings, []);
      assertEquals([report.parts, report.proven.parts], [6, 6]);
      assertEquals(report.events, 6 * LINES_OF_PART);
      assertEquals(report.proven.bytes, report.bytes);
      assertEquals(report.head?.number, 7);
      assertEquals(report.head?.seal, JSON.parse(chainLines(folder.path)[6]).seal);
    }
  });

  Deno.test(`one flipped bit anywhere in ${form} is found, with its block`, () =>
    withSeed(async (random) => {
      using folder = memoryFolder();
      const dir = folder.path;
      await sealedDays(dir, form);
      for (let round = 0; round < 60; round++) {
        const name = label(random.pick(DAYS), 1 + random.below(2), format);
        const path = pathOf(dir, name);
        const good = Deno.readFileSync(path);
        const bad = good.slice();
        // Also in the first bytes and in the last, where a Parquet file has its names and its footer.
        const at = random.pick([
          random.below(bad.length),
          random.below(40),
          bad.length - 1 - random.below(400),
        ]);
        bad[at] ^= 1 << random.below(8);
        Deno.writeFileSync(path, bad);
        for (const deep of [true, false]) {
          const { findings, proven } = await verify(dir, { deep });
          const [found] = findings.filter(({ kind }) => kind === "changed");
          const place = `byte ${at} of ${name}`;
          assert(found, `${place} was not found`);
          assertEquals(findings[0], found, place);
          assertEquals(found.part, name);
          assertEquals(found.offset, at - at % checksum_block_bytes, place);
          assertEquals(proven.parts, 5);
        }
        Deno.writeFileSync(path, good);
      }
      assertEquals((await verify(dir)).findings, []);
    }));

  Deno.test(`${form} that were cut short, grew, went or changed places are found`, async () => {
    using folder = memoryFolder();
    const dir = folder.path;
    await sealedDays(dir, form);
    const good = filesOfDays(dir);
    const name = label(DAYS[1], 2, format), other = label(DAYS[2], 1, format);
    const bytes = good.get(name)!;
    const put = (of: string, content: Uint8Array) => Deno.writeFileSync(pathOf(dir, of), content);
    const cases: Record<string, [() => void, string]> = {
      "cut in its first block": [
        () => put(name, bytes.subarray(0, 1_000)),
        `changed ${name}@1000: cut short: 1000 bytes of ${bytes.length}`,
      ],
      "cut by a byte": [
        () => put(name, bytes.subarray(0, -1)),
        `changed ${name}@${bytes.length - 1}: cut short`,
      ],
      "emptied": [() => put(name, new Uint8Array()), `changed ${name}@0: cut short: 0 bytes`],
      "grown": [
        () => put(name, Uint8Array.from([...bytes, 10])),
        `changed ${name}@${bytes.length}: longer than it was`,
      ],
      "gone": [
        () => Deno.removeSync(pathOf(dir, name)),
        `removed ${label(DAYS[1], 2)}@0: sealed as number 5, and gone`,
      ],
      "its day gone": [
        () => Deno.removeSync(pathOf(dir, `day=${DAYS[1]}`), { recursive: true }),
        `removed ${label(DAYS[1], 1)}@0: sealed as number 4, and gone`,
      ],
      "in another's place": [() => {
        put(name, good.get(other)!);
        put(other, bytes);
      }, `changed ${name}@0: `],
      "a copy of another": [() => put(name, good.get(other)!), `changed ${name}@0: `],
    };
    for (const [what, [change, wanted]] of Object.entries(cases)) {
      change();
      const found = await firstFinding(dir);
      assertEquals(found.slice(0, wanted.length), wanted, `${what}: ${found}`);
      Deno.mkdirSync(pathOf(dir, `day=${DAYS[1]}`), { recursive: true });
      for (const [file, content] of good) put(file, content);
      assertEquals(await firstFinding(dir), "nothing", what);
    }
  });

  Deno.test(`${form} that changed places together with their records are found`, async () => {
    using folder = memoryFolder();
    const dir = folder.path;
    await sealedDays(dir, form);
    const [a, b] = [label(DAYS[0], 1, format), label(DAYS[1], 1, format)];
    const [in_a, in_b] = [a, b].map((name) => Deno.readFileSync(pathOf(dir, name)));
    Deno.writeFileSync(pathOf(dir, a), in_b);
    Deno.writeFileSync(pathOf(dir, b), in_a);
    const [of_a, of_b] = [sealedOf(dir, DAYS[0]), sealedOf(dir, DAYS[1])];
    const name = "part-000001.jsonl";
    // All of the record, then only what it says of the Parquet file.
    editSealed(dir, DAYS[0], (parts) => parts[name] = of_b[name]);
    editSealed(dir, DAYS[1], (parts) => parts[name] = of_a[name]);
    const findings = (await verify(dir)).findings.map(({ part, kind }) => `${kind} ${part}`);
    assert(findings.some((text) => text.startsWith(`chain ${label(DAYS[0], 1)}`)), findings.join());
    assert(findings.some((text) => text.startsWith(`chain ${label(DAYS[1], 1)}`)), findings.join());
    if (form === "lines") return;
    const swap = (own: typeof of_a, others: typeof of_a) => ({
      ...own[name],
      compacted: others[name].compacted,
    });
    editSealed(dir, DAYS[0], (parts) => parts[name] = swap(of_a, of_b));
    editSealed(dir, DAYS[1], (parts) => parts[name] = swap(of_b, of_a));
    assertEquals(
      await firstFinding(dir),
      `changed ${a}@0: it holds ${label(DAYS[1], 1)}, or other lines than were sealed`,
    );
  });
}

Deno.test("a Parquet file that says it holds a part, and holds other lines, is found by --lines", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, { day: DAY, number: 1, writer: "" }, [`${GOOD_LINE}\n`]);
  await compactAll(dir);
  // A forger packs other lines, under the digest of the right ones, and notes what it made.
  const { pack } = await import("../codec/packed.ts");
  const { checksumOf } = await import("../../../src/log/format/checksum.ts");
  const { withFile } = await import("../codec/packed.ts");
  const record = sealedOf(dir, DAY)["part-000001.jsonl"];
  const forged = pack(
    folder.path,
    new TextEncoder().encode(`${GOOD_LINE.replace('"r1"', '"r2"')}\n`),
    new Set(),
    "forged.parquet",
    { label: label(DAY, 1), sha256: record.sha256 },
  );
  Deno.copyFileSync(forged, pathOf(dir, label(DAY, 1, "parquet")));
  const compacted = withFile(forged, (file) => checksumOf(file, Deno.statSync(forged).size));
  editSealed(dir, DAY, (parts) => parts["part-000001.jsonl"].compacted = compacted);
  const { findings } = await verify(dir, { deep: true, lines: true });
  assertEquals(findings.map(({ kind, part }) => [kind, part]), [
    ["changed", label(DAY, 1, "parquet")],
  ]);
});

Deno.test("whatever is edited in a day's record is found", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const bad = "no event\n";
  writePart(dir, { day: DAY, number: 1, writer: "" }, [`${GOOD_LINE}\n`, bad, `${GOOD_LINE}\n`]);
  writePart(dir, { day: DAYS[1], number: 1, writer: "" }, [`${GOOD_LINE}\n`]);
  await sealParts(laterWorld(), dir);
  const path = pathOf(dir, `day=${DAY}/_sealed.json`);
  const good = Deno.readTextFileSync(path);
  const name = "part-000001.jsonl";
  const unharmed = (await verify(dir)).findings.length;
  const zeros = "0".repeat(64);
  const edits: Record<string, unknown> = {
    ...{ number: 9, previous: zeros, seal: zeros, events: 1, bytes: 7, sha256: zeros, first_ms: 1 },
    ...{ last_ms: null, sealed_at_ms: 1, notes_sha256: zeros, lines: 2, last_line_at: 1 },
    ...{ last_line_hash: "1-0", blocks: "AAAAAA==", flaws: [] },
    ...{ format: undefined, after: [] },
  };
  assertEquals(
    Object.keys(sealedOf(dir, DAY)[name]).filter((field) => !(field in edits)),
    [],
    "fields that are not tried",
  );
  for (const [field, value] of Object.entries(edits)) {
    editSealed(dir, DAY, (parts) => Object.assign(parts[name], { [field]: value }));
    const { findings } = await verify(dir);
    const found = findings.filter(({ part, kind }) => part === label(DAY, 1) && kind !== "corrupt");
    assert(found.length > 0, `${field} was edited, and found was ${Deno.inspect(findings)}`);
    assertMatch(found[0].kind, /^(changed|chain)$/);
    Deno.writeTextFileSync(path, good);
  }
  const wholes: Record<string, [() => void, RegExp]> = {
    "no JSON": [
      () => Deno.writeTextFileSync(path, good.slice(0, 50)),
      /chain day=2026-01-23\/_sealed/,
    ],
    "nothing": [() => Deno.writeTextFileSync(path, ""), /chain day=2026-01-23\/_sealed/],
    "a field missing": [
      () => editSealed(dir, DAY, (parts) => delete (parts[name] as { seal?: string }).seal),
      /chain day=2026-01-23\/_sealed.*seal of part-000001/,
    ],
    "the part missing": [
      () => editSealed(dir, DAY, (parts) => delete parts[name]),
      /chain day=2026-01-23\/part-000001.*_sealed\.json does not know it/,
    ],
    "gone": [() => Deno.removeSync(path), /chain day=2026-01-23.*_sealed\.json does not know it/],
  };
  for (const [what, [harm, wanted]] of Object.entries(wholes)) {
    harm();
    const { findings } = await verify(dir);
    const told = findings.map(({ kind, part, reason }) => `${kind} ${part}: ${reason}`).join("\n");
    assertMatch(told, wanted, what);
    Deno.writeTextFileSync(path, good);
  }
  assertEquals((await verify(dir)).findings.length, unharmed);
});

Deno.test("whatever is done to the chain is found, and the first place is named first", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  await sealedDays(dir, "lines");
  const path = pathOf(dir, "_chain.jsonl");
  const good = chainLines(dir);
  const edited = (at: number, field: string, value: unknown) =>
    good.map((line, n) =>
      n === at ? JSON.stringify({ ...JSON.parse(line), [field]: value }) : line
    );
  const starts = good.map((_, at) => good.slice(0, at).join("\n").length + (at > 0 ? 1 : 0));
  // The first step binds the registry.
  const part = (number: number) => label(DAYS[(number - 2) >> 1], 1 + number % 2);
  const zeros = "0".repeat(64);
  const cases: Record<string, [string[] | string, string]> = {
    "its events edited": [edited(2, "events", 1), `chain ${part(3)}@0: its seal does not fit it`],
    "its digest edited": [edited(2, "sha256", zeros), `chain ${part(3)}@0: its seal does not fit`],
    "its seal edited": [edited(2, "seal", zeros), `chain ${part(3)}@0: its seal does not fit it`],
    "its part edited": [edited(2, "part", part(2)), `chain ${part(2)}@0: its seal does not fit it`],
    "its number edited": [
      edited(2, "number", 9),
      `chain ${part(3)}@0: number 9 of the chain comes`,
    ],
    "its link edited": [edited(2, "previous", zeros), `chain ${part(3)}@0: it does not follow`],
    "its time edited": [edited(2, "sealed_at_ms", 1), `chain ${part(3)}@0: its seal does not fit`],
    "a field added": [edited(2, "more", 1), `chain ${part(3)}@0: its seal does not fit it`],
    "its kind edited": [
      edited(2, "kind", "?"),
      'chain _chain.jsonl, kind "?"@0: its seal does not fit it',
    ],
    "its format edited": [
      edited(2, "format", 3),
      `chain _chain.jsonl@${starts[2]}: a line that is no`,
    ],
    "its format left out": [edited(2, "format", undefined), `chain ${part(3)}@0: 0.1 wrote it`],
    "another registry bound": [
      edited(0, "sha256", zeros),
      "chain _schema.json@0: its seal does not fit it",
    ],
    "the first removed": [good.slice(1), `chain ${part(2)}@0: number 2 of the chain comes after`],
    "one removed": [good.toSpliced(2, 1), `chain ${part(4)}@0: number 4 of the chain comes after`],
    "the last removed": [good.slice(0, -1), `chain ${part(7)}@0: sealed as number 7, and not in`],
    "two cut off": [good.slice(0, -2), `chain ${part(6)}@0: sealed as number 6, and not in the`],
    "all cut off": ["", `chain ${part(2)}@0: sealed as number 2, and not in the chain`],
    "two changed places": [
      [good[0], good[2], good[1], ...good.slice(3)],
      `chain ${part(3)}@0: number 3 of the chain comes after number 1`,
    ],
    "one twice": [good.toSpliced(3, 0, good[2]), `chain ${part(3)}@0: number 3 of the chain comes`],
    "cut within a line": [
      `${good.slice(0, 5).join("\n")}\n${good[5].slice(0, 30)}`,
      `chain _chain.jsonl@${starts[5]}: its last line has no end`,
    ],
    "zeros in the last, which a power cut leaves": [
      [...good.slice(0, 5), good[5].replace(/.{40}$/, "\0".repeat(40))],
      `chain _chain.jsonl@${starts[5]}: its last line has no end`,
    ],
    "zeros in it": [
      good.map((line, at) => at === 1 ? "\0".repeat(line.length) : line),
      `chain _chain.jsonl@${starts[1]}: a line that is no step`,
    ],
  };
  for (const [what, [lines, wanted]] of Object.entries(cases)) {
    const text = typeof lines === "string" ? lines : lines.map((line) => `${line}\n`).join("");
    Deno.writeTextFileSync(path, text);
    const found = await firstFinding(dir);
    assertEquals(found.slice(0, wanted.length), wanted, `${what}: ${found}`);
  }
  Deno.removeSync(path);
  assertMatch(await firstFinding(dir), new RegExp(`^chain ${part(2)}@0: sealed as number 2`));
  Deno.writeTextFileSync(path, good.map((line) => `${line}\n`).join(""));
  assertEquals(await firstFinding(dir), "nothing");
});

Deno.test("what the chain says went, or came back, cannot be edited, forged or left out", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  await sealedDays(dir, "lines");
  const [gone, there] = DAYS;
  const parts = [1, 2].map((number) => label(gone, number).split("/")[1]);
  const at_ms = laterWorld().now_ms();
  const took = {
    kind: "taken_out",
    day: gone,
    parts,
    at_ms,
    archive: "a.tar",
    forget: false,
  } as const;
  Deno.renameSync(pathOf(dir, `day=${gone}`), join(dir, "kept"));
  await addToChain(laterWorld(), dir, [took, { kind: "returned", day: gone, parts, at_ms }, took]);
  const late = GOOD_LINE.replace(/\d{13}/, `${Date.parse(there)}`);
  writePart(dir, { day: there, number: 3, writer: "" }, [`${late}\n`]);
  await sealParts(laterWorld(), dir);
  const path = pathOf(dir, "_chain.jsonl");
  const good = chainLines(dir);
  assertEquals([good.length, await firstFinding(dir)], [11, "nothing"]);
  assertEquals((await verify(dir)).head?.number, 11);
  const edited = (at: number, change: object) =>
    good.map((line, n) => n === at ? JSON.stringify({ ...JSON.parse(line), ...change }) : line);
  const forged = { ...took, day: there, parts: ["part-000001.jsonl"] };
  const last = JSON.parse(good.at(-1)!);
  const unfit = `chain day=${gone}, taken out@0: its seal does not fit it`;
  const cases: Record<string, [string[], string]> = {
    "another archive": [edited(7, { archive: "b.tar" }), unfit],
    "rows to drop": [edited(7, { forget: true }), unfit],
    "another time": [edited(9, { at_ms: 1 }), unfit],
    "more parts": [edited(9, { parts: [...parts, "part-000009.jsonl"] }), unfit],
    "another day": [
      edited(7, { day: there }),
      `chain day=${there}, taken out@0: its seal does not`,
    ],
    "never came back": [
      good.toSpliced(8, 1),
      `chain day=${gone}, taken out@0: number 10 of the chain comes after number 8`,
    ],
    "came back another time": [
      edited(8, { at_ms: 1 }),
      `chain day=${gone}, brought back@0: its seal does not fit it`,
    ],
    "never went": [
      good.toSpliced(7, 3),
      `removed ${label(gone, 1)}@0: sealed as number 2, and gone`,
    ],
    "forged without a place": [
      [...good, JSON.stringify(forged)],
      `chain _chain.jsonl@${good.join("\n").length + 1}: a line that is no step of the chain`,
    ],
    "forged at the end": [
      [
        ...good,
        JSON.stringify({ ...forged, format: 2, number: 12, previous: last.seal, seal: last.seal }),
      ],
      `chain day=${there}, taken out@0: its seal does not fit it`,
    ],
  };
  for (const [what, [lines, wanted]] of Object.entries(cases)) {
    Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join(""));
    const found = await firstFinding(dir);
    assertEquals(found.slice(0, wanted.length), wanted, `${what}: ${found}`);
  }
});

Deno.test("a ledger that was made anew shows by the seal that was saved elsewhere", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  await sealedDays(dir, "lines");
  const { head } = await verify(dir);
  for (const day of DAYS) Deno.removeSync(pathOf(dir, `day=${day}/_sealed.json`));
  Deno.removeSync(pathOf(dir, "_chain.jsonl"));
  const path = pathOf(dir, label(DAY, 1));
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("e01-7", "e01-x"));
  await sealParts(laterWorld(), dir);
  const again = await verify(dir);
  assertEquals(again.findings, []);
  assertEquals(again.head?.number, head?.number);
  assert(again.head?.seal !== head?.seal);
});

Deno.test("what is not sealed is said to be unproven, and exit codes tell", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  await sealedDays(dir, "compacted");
  writePart(dir, { day: DAYS[2], number: 9, writer: "" }, [
    `${GOOD_LINE}\n`.replace(/\d{13}/, `${Date.parse(DAYS[2])}`),
  ]);
  const good = await runIn(dir, ["verify", "--deep"]);
  assertEquals(good.code, 0, good.stdout);
  assertMatch(
    good.stdout,
    /6 parts \(.*\) proven unchanged since sealed; the chain ends with number 7/,
  );
  assertMatch(good.stdout, /1 part not sealed yet: no digest proves it unchanged/);
  const name = label(DAYS[1], 2, "parquet");
  const bytes = Deno.readFileSync(pathOf(dir, name));
  bytes[70] ^= 4;
  Deno.writeFileSync(pathOf(dir, name), bytes);
  for (const args of [["verify", "--deep"], ["verify"], ["verify", "--deep", "--lines"]]) {
    const bad = await runIn(dir, args);
    assertEquals(bad.code, 3);
    assertMatch(bad.stdout, new RegExp(`changed +${name} at byte 0`), bad.stdout);
  }
});

Deno.test("a sealed part that was changed is left alone by repair", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  await sealedDays(dir, "lines");
  const path = pathOf(dir, label(DAY, 1));
  const cut = Deno.readFileSync(path).subarray(0, 1_000);
  Deno.writeFileSync(path, cut);
  const { findings } = await verify(dir, { repair: true });
  assertEquals(findings.map(({ kind }) => kind), ["changed", "torn"]);
  assertEquals(Deno.readFileSync(path), cut);
});

Deno.test("flaws are told again of sealed lines, of compacted ones, and once they are settled", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const wrong_day = GOOD_LINE.replace(/\d{13}/, "1");
  const wrong_fields = GOOD_LINE.replace('"run_id":"r1"', '"run_id":5');
  writePart(dir, { day: DAY, number: 1, writer: "" }, [
    ...[GOOD_LINE, "no event", wrong_day, wrong_fields].map((line) => `${line}\n`),
  ]);
  const told = async (options: VerifyOptions) => {
    const { findings, settled } = await verify(dir, options);
    return [findings, settled].map((of) => of.map(({ quarantined_as: _, ...finding }) => finding));
  };
  const [open] = [await told({ deep: true })];
  assertEquals(open[0].map(({ kind }) => kind), ["corrupt", "wrong_day", "wrong_fields"]);
  await sealParts(laterWorld(), dir);
  assertEquals(await told({ deep: true }), open);
  await compactAll(dir);
  for (const lines of [false, true]) assertEquals(await told({ deep: true, lines }), open);
  const repaired = await told({ deep: true, repair: true });
  assertEquals(repaired, [open[0].slice(1), open[0].slice(0, 1)]);
  const [{ name }] = [...Deno.readDirSync(pathOf(dir, "_quarantine"))];
  assertEquals(Deno.readTextFileSync(join(pathOf(dir, "_quarantine"), name)), "no event");
  await restoreDay(laterWorld(), dir, DAY);
  assertEquals(await told({ deep: true }), repaired);
});

Deno.test("whenever a part is compacted or restored under verify, it finds nothing wrong", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, { day: DAY, number: 1, writer: "" }, [`${GOOD_LINE}\n`]);
  await sealParts(laterWorld(), dir);
  const lines = filesOfDays(dir);
  await compactAll(dir);
  const compacted = filesOfDays(dir);
  const put = (files: Map<string, Uint8Array>) => {
    for (const [name, bytes] of files) Deno.writeFileSync(pathOf(dir, name), bytes);
    for (const name of filesOfDays(dir).keys()) {
      if (!files.has(name)) Deno.removeSync(pathOf(dir, name));
    }
  };
  const { systemFiles } = await import("../../../src/base/files/system_files.ts");
  for (const [before, after] of [[lines, compacted], [compacted, lines]]) {
    for (let nth = 1;; nth++) {
      put(before);
      let operations = 0;
      const files = systemFiles(() => {
        if (++operations === nth) put(after);
      });
      const world = laterWorld({ files });
      const report = await verifyLog(world, dir, readRegistry(laterWorld(), dir), { deep: true });
      assertEquals(report.findings, [], `before operation ${nth}`);
      assertEquals([report.events, report.proven.parts], [1, 1], `before operation ${nth}`);
      if (operations < nth) break;
    }
  }
});
