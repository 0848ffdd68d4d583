/** Names that are given to files: never one that something has, whatever the file system can do. */
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { beginReplacement, giveFreeName, moveToFreeName } from "../../src/base/files/durable.ts";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { systemError, tempFolder } from "../harness.ts";

const WITHOUT_LINKS = systemFiles((operation) => {
  if (operation === "link") throw systemError("EPERM", "Operation not permitted");
});

for (const [what, files] of [["links", systemFiles()], ["no links", WITHOUT_LINKS]] as const) {
  Deno.test(`where there are ${what}, a file gets a name that is free, and no other`, () => {
    using folder = tempFolder();
    const at = (name: string) => join(folder.path, name);
    Deno.writeTextFileSync(at("mine"), "mine");
    Deno.writeTextFileSync(at("taken"), "theirs");
    Deno.symlinkSync("nowhere", at("link"));
    for (const name of ["taken", "link"]) {
      assertEquals(giveFreeName(files, at("mine"), at(name)), false);
      const error = assertThrows(() => moveToFreeName(files, at("mine"), at(name)), LedgerError);
      assertEquals(error.code, "invalid");
    }
    moveToFreeName(files, at("mine"), at("free"));
    const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort();
    assertEquals(names, ["free", "link", "taken"]);
    const texts = ["free", "taken"].map((name) => Deno.readTextFileSync(at(name)));
    assertEquals(texts, ["mine", "theirs"]);
  });

  Deno.test(`where there are ${what}, a file that came meanwhile is not replaced`, () => {
    using folder = tempFolder();
    const path = join(folder.path, "target");
    const replacement = beginReplacement(files, path, "u");
    Deno.writeTextFileSync(path, "theirs");
    assertThrows(() => replacement.putInFreePlace(), LedgerError, "a file has that name");
    replacement.abandon();
    assertEquals(Deno.readTextFileSync(path), "theirs");
    assertEquals(Array.from(Deno.readDirSync(folder.path)).length, 1);
  });
}
