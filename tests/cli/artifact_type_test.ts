import { assertEquals } from "@std/assert";
import { runIn, tempFolder } from "../harness.ts";

Deno.test("a word that is no type of artifact is told in one sentence, by every command", async () => {
  using folder = tempFolder();
  for (const command of ["runs write r1", "runs schema"]) {
    const told = async (typed: string) => {
      const { code, stdout, stderr } = await runIn(folder.path, [...command.split(" "), typed]);
      assertEquals([code, stdout], [2, ""]);
      const name = command.replace(" r1", "");
      return stderr.trimEnd().replace(`error: ledger ${name}: `, "").split("\n");
    };
    const types =
      "alerts, paths, features, trades, summary, frontier, errors, equity, returns, positions " +
      "or metrics";
    assertEquals(await told("trade"), [
      `TYPE is "trade"; it has to be ${types}`,
      " hint: did you mean trades?",
    ]);
    assertEquals(await told("nonsense"), [
      `TYPE is "nonsense"; it has to be ${types}`,
      ` hint: see: ledger ${command.replace(" r1", "")} --help`,
    ]);
  }
});
