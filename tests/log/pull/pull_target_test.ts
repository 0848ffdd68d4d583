import { assertEquals } from "@std/assert";
import type { Files } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { PullTarget } from "../../../src/log/pull/target.ts";
import { assertHoldsAllOf, BOX_DAY, boxes, takenOf } from "../../boxes.ts";
import { testWorld, writePart } from "../../harness.ts";
import { SEALED_RECORD } from "../cases.ts";

const PART = { day: BOX_DAY, number: 1, writer: "b" };
/** A record that says of that part that it takes no more lines. */
const SEALED = JSON.stringify({ version: 1, parts: { "part-000001.b.jsonl": SEALED_RECORD } });
const LINE = new TextEncoder().encode('{"event_id":"e"}\n');

Deno.test("lines are added only where the part ends, and not to one that takes none any more", async () => {
  using lab = boxes("a");
  const [a] = lab.all;
  const notices: string[] = [];
  const newTarget = () =>
    new PullTarget(testWorld(), a.ledger_dir, PART, 1_000, (notice) => notices.push(notice));
  const add = async (at: number) => {
    using target = newTarget();
    return await target.add([LINE], at);
  };
  assertEquals([await add(0), await add(LINE.length), await add(LINE.length)], [true, true, false]);
  Deno.writeTextFileSync(a.part("part-000001.b"), "torn", { append: true });
  assertEquals([await add(2 * LINE.length), notices.length], [true, 1]);
  Deno.writeTextFileSync(a.path(`day=${BOX_DAY}`, "part-000001.b.parquet"), "PAR1");
  assertEquals(await add(3 * LINE.length), false);
  Deno.removeSync(a.path(`day=${BOX_DAY}`, "part-000001.b.parquet"));
  const record = a.path(`day=${BOX_DAY}`, "_sealed.json");
  Deno.writeTextFileSync(record, SEALED);
  assertEquals(await add(3 * LINE.length), false);
});

/** Files where another process seals the part as soon as the pull has written to it. */
function sealedMeanwhile(path: string, seal: () => void): Files {
  const system = systemFiles();
  return {
    ...system,
    open: (name, mode) => {
      const file = system.open(name, mode);
      if (name !== path) return file;
      const write = file.write.bind(file);
      file.write = (bytes) => {
        const taken = write(bytes);
        seal();
        return taken;
      };
      return file;
    },
  };
}

Deno.test("a part that is sealed while it is pulled goes on in a new part", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(1);
  await b.emit(2_000, { ballast: 2_000 });
  const record = a.path(`day=${BOX_DAY}`, "_sealed.json");
  const files = sealedMeanwhile(a.part("part-000001.b"), () => {
    Deno.writeTextFileSync(record, SEALED);
  });
  const taken = takenOf(await a.pull(b, {}, { files }));
  assertEquals(taken.map(([into]) => into), [
    `${BOX_DAY}/part-000001.b.jsonl`,
    `${BOX_DAY}/part-000002.b.jsonl`,
  ]);
  assertEquals(taken[0][1] + taken[1][1], 2_000);
  Deno.removeSync(record);
  await assertHoldsAllOf(a, b);
  writePart(a.ledger_dir, { ...PART, number: 3 }, []);
  assertEquals((await a.pull(b)).log, { taken: [], same: 1 });
});

Deno.test("lines are not added to a part whose day left the log since", async () => {
  using lab = boxes("a");
  const [a] = lab.all;
  using target = new PullTarget(testWorld(), a.ledger_dir, PART, 1_000, () => {});
  assertEquals(await target.add([LINE], 0), true);
  const day = a.path(`day=${BOX_DAY}`);
  Deno.renameSync(day, a.path("away"));
  assertEquals(await target.add([LINE], LINE.length), false);
  // Nor to another that has its name now.
  Deno.removeSync(day, { recursive: true });
  writePart(a.ledger_dir, PART, [LINE]);
  assertEquals(await target.add([LINE], LINE.length), false);
});
