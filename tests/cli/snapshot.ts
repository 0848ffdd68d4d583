/** Texts that are compared word for word; `UPDATE=1` accepts them as they are now. */
import { assertEquals } from "@std/assert";

/** Compares what commands print with a file of `$ ledger …` and what follows each. */
export function assertSnapshot(file: URL, pieces: readonly string[]): void {
  if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(file, pieces.join("\n"));
  const accepted = Deno.readTextFileSync(file).split(/\n(?=\$ )/);
  // One by one, so that a failure shows the one that changed.
  for (const [index, piece] of pieces.entries()) {
    assertEquals(piece.trimEnd(), accepted[index]?.trimEnd());
  }
  assertEquals(accepted.length, pieces.length);
}
