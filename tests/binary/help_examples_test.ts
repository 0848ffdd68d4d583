/** Help is true: each example of each command is run as it stands, one after the other. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runExample } from "../cli/examples.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { installShim } from "../harness.ts";
import { binaryTest } from "./binary.ts";

binaryTest(
  "every example in every command's help works, in a folder that was empty before",
  async ({ folder }) => {
    const [shim, work] = ["bin", "work"].map((name) => join(folder, name));
    for (const path of [shim, work]) Deno.mkdirSync(path);
    const path = `${installShim(shim, "shipped")}:${Deno.env.get("PATH")}`;
    const failed: string[] = [];
    for (const name of COMMANDS.names()) {
      for (const line of Object.keys((await COMMANDS.load(name)!).examples)) {
        const failure = await runExample(line, work, path);
        if (failure) failed.push(failure);
      }
    }
    assertEquals(failed, []);
  },
);
