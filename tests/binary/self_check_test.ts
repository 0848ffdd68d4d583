import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { SelfCheck } from "../../src/duckdb/native.ts";
import { type Bench, binaryTest } from "./binary.ts";

const LIBRARY = /^libduckdb\./;

async function selfCheck({ ledger }: Bench): Promise<SelfCheck> {
  const { code, stdout, stderr } = await ledger(["self-check", "--json"]);
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

/** The folder that the library was unpacked to, and the path of its big file. */
function unpackedPlaces({ folder }: Bench): { store: string; unpacked: string; library: string } {
  const store = join(folder, "data", "ledger", ".native");
  const [unpacked, ...others] = Array.from(Deno.readDirSync(store))
    .filter((entry) => entry.isDirectory).map((entry) => join(store, entry.name));
  assertEquals(others, []);
  const library = Array.from(Deno.readDirSync(unpacked)).find(({ name }) => LIBRARY.test(name));
  assert(library, "the library is not in the folder it was unpacked to");
  return { store, unpacked, library: join(unpacked, library.name) };
}

function assertAnswered(check: SelfCheck, unpacked: boolean): void {
  assertEquals(check.answer, 42);
  assertMatch(check.duckdb_version, /^v1\./);
  assertEquals(check.unpacked, unpacked, check.unpacked_because ?? "not unpacked");
}

binaryTest(
  "from an empty folder, the executable loads DuckDB and gets an answer",
  async (bench) => {
    const check = await selfCheck(bench);
    assertAnswered(check, true);
    const { store, unpacked, library } = unpackedPlaces(bench);
    assertEquals(check.folder, Deno.realPathSync(unpacked));
    assertEquals(Deno.lstatSync(unpacked).mode! & 0o7777, 0o700);
    assertEquals(Deno.lstatSync(library).mode! & 0o7777, 0o600);
    assertEquals(
      Array.from(Deno.readDirSync(store), ({ name }) => name).sort(),
      [unpacked.slice(store.length + 1), `${Deno.uid()}.lock`].sort(),
    );
  },
);

binaryTest("the second start takes the library that the first unpacked", async (bench) => {
  await selfCheck(bench);
  const { library } = unpackedPlaces(bench);
  const before = Deno.lstatSync(library);
  assertAnswered(await selfCheck(bench), false);
  const after = Deno.lstatSync(library);
  assertEquals([after.ino, after.mtime], [before.ino, before.mtime]);
});

binaryTest("a command that asks nothing of DuckDB unpacks nothing", async (bench) => {
  assertEquals((await bench.ledger(["--version"])).code, 0);
  assertEquals(Array.from(Deno.readDirSync(bench.folder)), []);
});

binaryTest(
  "of executables that start at once, one unpacks and all get an answer",
  async (bench) => {
    const checks = await Promise.all(Array.from({ length: 4 }, () => selfCheck(bench)));
    assertEquals(checks.map(({ answer }) => answer), [42, 42, 42, 42]);
    assertEquals(checks.filter(({ unpacked }) => unpacked).length, 1);
  },
);

type Places = ReturnType<typeof unpackedPlaces>;

const SPOILED: { what: string; spoil: (places: Places) => void; root?: boolean }[] = [
  {
    what: "of the wrong size",
    spoil: ({ library }) => Deno.writeTextFileSync(library, "!", { append: true }),
  },
  {
    what: "cut short",
    spoil: ({ library }) => Deno.truncateSync(library, 1_000_000),
  },
  {
    what: "half unpacked",
    spoil: ({ unpacked }) => Deno.removeSync(join(unpacked, "duckdb.node")),
  },
  {
    what: "that others may write",
    spoil: ({ library }) => Deno.chmodSync(library, 0o666),
  },
  {
    what: "in a folder that others may write",
    spoil: ({ unpacked }) => Deno.chmodSync(unpacked, 0o777),
  },
  {
    what: "in a folder that is a link",
    spoil: ({ unpacked }) => {
      Deno.renameSync(unpacked, join(unpacked, "../../elsewhere"));
      Deno.symlinkSync(join(unpacked, "../../elsewhere"), unpacked);
    },
  },
  {
    what: "of another user",
    spoil: ({ library }) => Deno.chownSync(library, 65534, 65534),
    root: true,
  },
  {
    what: "in another user's folder",
    spoil: ({ unpacked }) => Deno.chownSync(unpacked, 65534, 65534),
    root: true,
  },
];

for (const { what, spoil, root } of SPOILED) {
  binaryTest(`an unpacked library ${what} is replaced at the next start`, async (bench) => {
    await selfCheck(bench);
    spoil(unpackedPlaces(bench));
    assertAnswered(await selfCheck(bench), true);
    assertAnswered(await selfCheck(bench), false);
  }, { root });
}

binaryTest("a ledger folder that is a link to another disk works", async (bench) => {
  Deno.mkdirSync(join(bench.folder, "data"));
  Deno.mkdirSync(join(bench.folder, "big disk"));
  Deno.symlinkSync("../big disk", join(bench.folder, "data", "ledger"));
  assertAnswered(await selfCheck(bench), true);
  assertAnswered(await selfCheck(bench), false);
});

binaryTest(
  "where the library cannot be unpacked, the error says why and what to do",
  async (bench) => {
    Deno.mkdirSync(join(bench.folder, "data"));
    Deno.writeTextFileSync(join(bench.folder, "data", "ledger"), "a file in the way");
    const { code, stdout, stderr } = await bench.ledger(["self-check"]);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, join(bench.folder, "data", "ledger", ".native"));
    assertEquals(stderr.includes("    at "), false, "a stack trace is for us, not for users");
  },
);
