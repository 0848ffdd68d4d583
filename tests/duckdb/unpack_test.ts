import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import type { NativeFacts } from "../../src/base/build.ts";
import { LedgerError } from "../../src/base/error.ts";
import type { FaultHook } from "../../src/base/files/seam.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import {
  digestFaultOfLibrary,
  libraryFolder,
  unpackLibrary,
  type UnpackRequest,
} from "../../src/duckdb/unpack.ts";

const UID = Deno.uid()!;
const CONTENTS: Record<string, Uint8Array<ArrayBuffer>> = {
  "duckdb.node": new TextEncoder().encode("the binding"),
  "libduckdb.so": new TextEncoder().encode("the library ".repeat(300_000)),
};

/** An "executable" that holds two small files the way a real one holds the library. */
function packInto(executable: string): NativeFacts {
  let packed = new TextEncoder().encode("the runtime and the program");
  const files = Object.entries(CONTENTS).map(([name, content]) => {
    const compressed = zstdCompressSync(content);
    const offset_bytes = packed.length;
    packed = new Uint8Array([...packed, ...compressed]);
    return {
      name,
      size_bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
      packed: { offset_bytes, size_bytes: compressed.length },
    };
  });
  Deno.writeFileSync(executable, packed);
  return { package: "small@1", digest: "d1", files };
}

interface Scene {
  request: UnpackRequest;
  folder: string;
  library: string;
  /** Unpacks, and tells why it was necessary. */
  start(hook?: FaultHook): Promise<string | undefined>;
}

async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const root = Deno.makeTempDirSync({ prefix: "ledger-unpack-" });
  try {
    const executable = join(root, "executable");
    const native = packInto(executable);
    const store = join(root, "ledger", ".native");
    const request = { files: systemFiles(), native, store, uid: UID, executable };
    const folder = libraryFolder(request);
    await body({
      request,
      folder,
      library: join(folder, "libduckdb.so"),
      start: async (hook) =>
        (await unpackLibrary({ ...request, files: systemFiles(hook) })).unpacked_because,
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function assertWhole({ request, folder }: Scene): void {
  assertEquals(Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort(), [
    "duckdb.node",
    "libduckdb.so",
  ]);
  assertEquals(Deno.lstatSync(folder).mode! & 0o7777, 0o700);
  for (const [name, content] of Object.entries(CONTENTS)) {
    assertEquals(Deno.readFileSync(join(folder, name)), content);
    assertEquals(Deno.lstatSync(join(folder, name)).mode! & 0o7777, 0o600);
  }
  assertEquals(digestFaultOfLibrary(request), undefined);
}

/** Ways to spoil an unpacked library, and what the next start says about each. */
const SPOILED: { what: string; says: RegExp; spoil: (scene: Scene) => void; root?: true }[] = [
  {
    what: "one file missing",
    says: /duckdb\.node in it: it is not there/,
    spoil: ({ folder }) => Deno.removeSync(join(folder, "duckdb.node")),
  },
  {
    what: "a file cut short",
    says: /libduckdb\.so in it: it has 7 bytes instead of/,
    spoil: ({ library }) => Deno.truncateSync(library, 7),
  },
  {
    what: "a file with a byte more",
    says: /libduckdb\.so in it: it has \d+ bytes instead of/,
    spoil: ({ library }) => Deno.writeTextFileSync(library, "!", { append: true }),
  },
  {
    what: "a file that others may write",
    says: /libduckdb\.so in it: its mode is 622 instead of 600/,
    spoil: ({ library }) => Deno.chmodSync(library, 0o622),
  },
  {
    what: "a file that is a link",
    says: /libduckdb\.so in it: it is not a plain file/,
    spoil: ({ library, folder }) => {
      Deno.renameSync(library, `${folder}-elsewhere`);
      Deno.symlinkSync(`${folder}-elsewhere`, library);
    },
  },
  {
    what: "a folder that others may write",
    says: /its mode is 777 instead of 700/,
    spoil: ({ folder }) => Deno.chmodSync(folder, 0o777),
  },
  {
    what: "a folder that no user may enter",
    says: /its mode is 0 instead of 700/,
    spoil: ({ folder }) => Deno.chmodSync(folder, 0),
  },
  {
    what: "a folder that is a link",
    says: /it is not a folder/,
    spoil: ({ folder }) => {
      Deno.renameSync(folder, `${folder}-elsewhere`);
      Deno.symlinkSync(`${folder}-elsewhere`, folder);
    },
  },
  {
    what: "a file in the folder's place",
    says: /it is not a folder/,
    spoil: ({ folder }) => {
      Deno.removeSync(folder, { recursive: true });
      Deno.writeTextFileSync(folder, "");
    },
  },
  {
    what: "a folder of another user",
    says: /it belongs to user 65534 instead of 0/,
    spoil: ({ folder }) => Deno.chownSync(folder, 65534, 65534),
    root: true,
  },
  {
    what: "a file of another user",
    says: /libduckdb\.so in it: it belongs to user 65534 instead of 0/,
    spoil: ({ library }) => Deno.chownSync(library, 65534, 65534),
    root: true,
  },
  {
    what: "what a killed unpacking left",
    says: /it is not there/,
    spoil: ({ folder }) => {
      Deno.renameSync(folder, `${folder}.unpacking`);
      Deno.truncateSync(join(`${folder}.unpacking`, "libduckdb.so"), 7);
    },
  },
];

Deno.test("a library that is as it was unpacked is used again, untouched", () =>
  withScene(async (scene) => {
    assertEquals(await scene.start(), "it is not there");
    assertWhole(scene);
    const before = Deno.lstatSync(scene.library);
    assertEquals(await scene.start(), undefined);
    const after = Deno.lstatSync(scene.library);
    assertEquals([after.ino, after.mtime], [before.ino, before.mtime]);
  }));

if (UID !== 0) console.log("left out: two tests about owners, since only root can give files away");

for (const { what, says, spoil, root } of SPOILED) {
  Deno.test({
    name: `a library with ${what} is replaced at the next start`,
    ignore: root && UID !== 0,
    fn: () =>
      withScene(async (scene) => {
        await scene.start();
        spoil(scene);
        assertMatch(await scene.start() ?? "used as it was", says);
        assertWhole(scene);
        assertEquals(await scene.start(), undefined);
      }),
  });
}

Deno.test("replacing a folder that is a link leaves alone what it points to", () =>
  withScene(async (scene) => {
    const { folder } = scene;
    const elsewhere = `${folder}-elsewhere`;
    Deno.mkdirSync(join(folder, ".."), { recursive: true });
    Deno.mkdirSync(elsewhere);
    Deno.writeTextFileSync(join(elsewhere, "precious"), "yes");
    Deno.symlinkSync(elsewhere, folder);
    await scene.start();
    assertEquals(Deno.readTextFileSync(join(elsewhere, "precious")), "yes");
    assertWhole(scene);
  }));

Deno.test("a store that every user may write is closed to them first", () =>
  withScene(async (scene) => {
    await scene.start();
    Deno.chmodSync(scene.request.store, 0o777);
    assertEquals(await scene.start(), undefined);
    assertEquals(Deno.lstatSync(scene.request.store).mode! & 0o7777, 0o775);
  }));

const NOT_A_STORE: { what: string; put: (store: string, elsewhere: string) => void }[] = [
  { what: "a link", put: (store, elsewhere) => Deno.symlinkSync(elsewhere, store) },
  { what: "a file", put: (store) => Deno.writeTextFileSync(store, "") },
];

for (const { what, put } of NOT_A_STORE) {
  Deno.test(`a store that is ${what} is refused, with what to do, and nothing is removed`, () =>
    withScene(async (scene) => {
      await scene.start();
      const { store } = scene.request;
      Deno.renameSync(store, `${store}-elsewhere`);
      put(store, `${store}-elsewhere`);
      const error = await assertRejects(() => scene.start(), LedgerError);
      assertMatch(error.message, /it is a link or a file/);
      assertMatch(error.hint ?? "", /remove it/);
      Deno.removeSync(store);
      Deno.renameSync(`${store}-elsewhere`, store);
      assertEquals(await scene.start(), undefined);
      assertWhole(scene);
    }));
}

Deno.test("of processes that start at once, one unpacks and all find it whole", () =>
  withScene(async (scene) => {
    const said = await Promise.all(Array.from({ length: 8 }, () => scene.start()));
    assertEquals(said.filter((reason) => reason !== undefined), ["it is not there"]);
    assertWhole(scene);
  }));

Deno.test("only the digest shows that content was changed at the same size", () =>
  withScene(async (scene) => {
    await scene.start();
    const content = Deno.readFileSync(scene.library);
    content[1_000_000] ^= 1;
    Deno.writeFileSync(scene.library, content);
    assertEquals(await scene.start(), undefined);
    assertMatch(digestFaultOfLibrary(scene.request) ?? "", /its content is not what was unpacked/);
  }));

const DAMAGED: { what: string; says: RegExp; damage: (bytes: Uint8Array) => Uint8Array }[] = [
  {
    what: "ends too early",
    says: /it ends too early/,
    damage: (bytes) => bytes.subarray(0, bytes.length - 10),
  },
  {
    what: "holds other bytes",
    says: /cannot unpack the DuckDB library from .*executable: /,
    damage: (bytes) => bytes.map((byte, index) => index === bytes.length - 10 ? byte ^ 255 : byte),
  },
];

for (const { what, says, damage } of DAMAGED) {
  Deno.test(`an executable that ${what} is reported as damaged, and nothing is left behind`, () =>
    withScene(async (scene) => {
      const { executable, store } = scene.request;
      const whole = Deno.readFileSync(executable);
      Deno.writeFileSync(executable, damage(whole));
      const error = await assertRejects(() => scene.start(), LedgerError);
      assertEquals(error.code, "damaged");
      assertMatch(error.message, says);
      assertEquals(Array.from(Deno.readDirSync(store), (entry) => entry.name), [`${UID}.lock`]);
      Deno.writeFileSync(executable, whole);
      await scene.start();
      assertWhole(scene);
    }));
}

Deno.test("content that is whole but not what was built is refused", () =>
  withScene(async ({ request, folder }) => {
    const files = request.native.files.map((file) => ({ ...file, sha256: "0".repeat(64) }));
    const native = { ...request.native, files };
    const error = await assertRejects(() => unpackLibrary({ ...request, native }), LedgerError);
    assertMatch(error.message, /does not have the digest it was built with/);
    assertEquals(request.files.linkFacts(folder), undefined);
  }));

Deno.test("in a store that hands its group down, the folder has its mode all the same", () =>
  withScene(async (scene) => {
    Deno.mkdirSync(scene.request.store, { recursive: true });
    Deno.chmodSync(scene.request.store, 0o2775);
    await scene.start();
    assertWhole(scene);
    assertEquals(await scene.start(), undefined);
  }));

Deno.test("a file system that keeps no modes is reported as one", () =>
  withScene(async ({ request }) => {
    const modeless = {
      ...request.files,
      makeFolder: (path: string) => request.files.makeFolder(path),
      setMode: () => {},
    };
    const error = await assertRejects(
      () => unpackLibrary({ ...request, files: modeless }),
      LedgerError,
    );
    assertMatch(error.message, /does not stay as it has to be: its mode is/);
    assertMatch(error.hint ?? "", /build with --ledger DIR/);
  }));

Deno.test("a folder gets its name only when all that is in it is durable", () =>
  withScene(async (scene) => {
    const done: string[] = [];
    await scene.start((operation, path) => {
      done.push(`${operation} ${path.slice(scene.request.store.length)}`);
    });
    const name = scene.folder.slice(scene.request.store.length);
    const renamed = done.indexOf(`rename ${name}`);
    const synced = [
      `sync ${name}.unpacking/duckdb.node`,
      `sync ${name}.unpacking/libduckdb.so`,
      `sync folder ${name}.unpacking`,
    ];
    for (const step of synced) {
      const at = done.indexOf(step);
      assert(at >= 0 && at < renamed, `${step} is not done before the folder is renamed`);
    }
    assertEquals(done.slice(renamed + 1).includes("sync folder "), true);
  }));

Deno.test("whichever file operation fails, the error says so, and the next start succeeds", async () => {
  let failed = true;
  let tried = 0;
  for (; failed; tried++) {
    failed = false;
    await withScene(async (scene) => {
      let operations = 0;
      const hook: FaultHook = () => {
        if (operations++ !== tried) return;
        failed = true;
        throw Object.assign(new Error("the disk is gone"), { code: "EIO" });
      };
      try {
        await scene.start(hook);
        assertWhole(scene);
      } catch (error) {
        assert(error instanceof LedgerError, `operation ${tried}: ${error}`);
        assertMatch(error.message, /the disk is gone/);
      }
      await scene.start();
      assertWhole(scene);
    });
  }
  assert(tried > 20, `only ${tried} operations were reached`);
});
