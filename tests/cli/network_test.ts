/** Which command may reach the network: those of the fleet, and a watch that ships; all others give it up first. */
import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { withBox } from "../fleet/fleets.ts";
import { STRICT_KEYS } from "../fleet/strict_store.ts";
import { runIn } from "../harness.ts";

Deno.test("commands of the fleet and ship reach the network, watch listens, and no other has it", async () => {
  const of_network: Record<string, string> = {};
  for (const name of COMMANDS.names()) {
    const { network } = await COMMANDS.load(name)!;
    if (network !== undefined) of_network[name] = network;
  }
  const { watch, ...reaching } = of_network;
  assertEquals(watch, "listens");
  for (const [name, network] of Object.entries(reaching)) {
    assertEquals([name.split(" ")[0], network], [name === "ship" ? "ship" : "fleet", "reaches"]);
  }
});

Deno.test("a command that is none of the fleet's gives the network up once it begins, a watch unless it ships", async () => {
  await withBox(async (box) => {
    await box.emit(1);
    for (
      const [words, is_dropped] of [
        [["status"], true],
        [["watch", "--once"], true],
        [["watch", "--once", "--ship"], false],
        [["ship", "--once"], false],
      ] as const
    ) {
      let dropped = 0;
      const dropNetwork = () => void dropped++;
      const { code, stderr } = await runIn(box.dir, [...words], {
        dropNetwork,
        vars: { ...STRICT_KEYS },
      });
      assertEquals([code, dropped > 0], [0, is_dropped], `${words.join(" ")}: ${stderr}`);
    }
  });
});
