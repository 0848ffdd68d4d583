/** What others wrote is read as what it was seen to be, and nothing but read. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import type { Files } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import {
  openInput,
  openRegular,
  outsideFiles,
  readWhole,
} from "../../../src/base/files/outside.ts";
import { outside_text_bytes_max, parquet_footer_bytes_max } from "../../../src/base/limits.ts";
import { readParquet } from "../../../src/parquet/mod.ts";
import { tempFolder, testWorld } from "../../harness.ts";

function refusal(body: () => unknown): string {
  return assertThrows(body, LedgerError).message;
}

Deno.test("a file, or a folder on the way to it, that gives way to a link as it is opened is not read", () => {
  using folder = tempFolder();
  const root = join(folder.path, "box");
  Deno.mkdirSync(join(root, "day"), { recursive: true });
  Deno.mkdirSync(join(folder.path, "own"));
  for (const path of ["box/day/part", "own/part", "secret"]) {
    Deno.writeTextFileSync(join(folder.path, path), path);
  }
  const path = join(root, "day", "part");
  const swaps = [
    () => {
      Deno.removeSync(path);
      Deno.symlinkSync(join(folder.path, "secret"), path);
    },
    () => {
      Deno.removeSync(join(root, "day"), { recursive: true });
      Deno.symlinkSync(join(folder.path, "own"), join(root, "day"));
    },
  ];
  for (const swap of swaps) {
    const files = systemFiles();
    let is_swapped = false;
    const swapping: Files = {
      ...files,
      open(path, mode) {
        if (!is_swapped) swap();
        is_swapped = true;
        return files.open(path, mode);
      },
    };
    const message = refusal(() => outsideFiles(swapping, root).readText(path));
    assert(/another file took its place|links of others are not followed/.test(message), message);
    assert(is_swapped);
    Deno.removeSync(join(root, "day"), { recursive: true });
    Deno.mkdirSync(join(root, "day"));
    Deno.writeTextFileSync(path, "part");
  }
});

Deno.test("below the folder that is named no link is followed; that folder may be one", () => {
  using folder = tempFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  Deno.mkdirSync(at("real", "events"), { recursive: true });
  Deno.writeTextFileSync(at("real", "events", "a"), "text");
  Deno.symlinkSync(at("real"), at("named"));
  Deno.symlinkSync(at("real", "events"), at("real", "linked"));
  const files = outsideFiles(systemFiles(), at("named"));
  assertEquals(files.readText(at("named", "events", "a")), "text");
  assertEquals(files.list(at("named"))?.length, 2);
  assertEquals(files.facts(at("named", "linked"))?.is_link, true);
  for (
    const body of [
      () => files.list(at("named", "linked")),
      () => files.facts(at("named", "linked", "a")),
      () => files.open(at("named", "linked", "a"), "read"),
    ]
  ) assertStringIncludes(refusal(body), "it is a link");
  assertThrows(() => files.facts(at("secret")), Error, "is not below");
});

Deno.test("a folder of others can be changed in no way", () => {
  using folder = tempFolder();
  const path = join(folder.path, "a");
  Deno.writeTextFileSync(path, "text");
  const files = outsideFiles(systemFiles(), folder.path);
  for (
    const body of [
      () => files.open(path, "append"),
      () => files.open(path, "lock"),
      () => files.open(join(folder.path, "b"), "create"),
      () => files.makeFolder(join(folder.path, "b")),
      () => files.remove(path),
      () => files.rename(path, join(folder.path, "b")),
      () => files.copy(path, join(folder.path, "b")),
      () => files.setMode(path, 0),
      () => files.syncFolder(folder.path),
    ]
  ) assertThrows(body, Error, "only read");
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["a"]);
});

Deno.test("what is read whole has a limit, before a byte of it is read", () => {
  using folder = tempFolder();
  const path = join(folder.path, "a");
  Deno.writeTextFileSync(path, "");
  Deno.truncateSync(path, outside_text_bytes_max + 1);
  const files = outsideFiles(systemFiles(), folder.path);
  assertStringIncludes(refusal(() => files.readText(path)), "at most 67 MB are taken");
  assertStringIncludes(refusal(() => openRegular(systemFiles(), path, 9)), "at most 9 B are taken");
});

Deno.test("an input that says more than its limit is not read further", async () => {
  let reads = 0;
  const endless = {
    read(buffer: Uint8Array) {
      reads++;
      return Promise.resolve(buffer.length);
    },
  };
  const error = await assertRejects(() => readWhole(endless, "a\nb", 1_000_000), LedgerError);
  assertStringIncludes(error.message, "a\\u000ab: it is longer than 1.0 MB");
  assert(reads < 10, `${reads} reads`);
});

Deno.test("an input that is closed while a pipe is waited for ends", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "pipe");
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const input = openInput(systemFiles(), path);
  const waiting = input.read(new Uint8Array(9));
  input.close();
  assertEquals(await waiting, null);
});

Deno.test("a Parquet footer that claims more than a footer has takes no memory", () => {
  using folder = tempFolder();
  const path = join(folder.path, "a.parquet");
  const size_bytes = parquet_footer_bytes_max + 1_000_000;
  Deno.writeTextFileSync(path, "PAR1");
  Deno.truncateSync(path, size_bytes - 8);
  const tail = new Uint8Array(8);
  new DataView(tail.buffer).setUint32(0, parquet_footer_bytes_max + 1, true);
  tail.set(new TextEncoder().encode("PAR1"), 4);
  Deno.writeFileSync(path, tail, { append: true });
  assertStringIncludes(
    refusal(() => readParquet(testWorld(), path)),
    "its footer would be 67108865",
  );
});
