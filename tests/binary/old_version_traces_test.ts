/** Two versions on one box: each reads the write-ahead files of traces that the other wrote. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { tempFolder } from "../harness.ts";
import { runProgram } from "./binary.ts";
import { oldBinary, oldVersionTest } from "./old_version.ts";

const NOON_US = Date.UTC(2026, 0, 23, 12) * 1000;

const LINES = ["a", "b", "c"].map((event_id, n) =>
  JSON.stringify({
    event_id,
    event_type: "FILL",
    correlation_id: "bt1",
    created_at: NOON_US + n,
    ...(n === 0 ? {} : { emitted_at: NOON_US + n + 1, received_at: NOON_US + n + 2 }),
    ...(n === 1 ? { processed_at: NOON_US + 9 } : {}),
    data: { name: "Zürich", n },
  })
);

oldVersionTest(
  "0.1.0 reads the traces that wait in this version's files, and stores them; and the other way round",
  async ({ binary, folder }) => {
    using built = tempFolder();
    const old = await oldBinary(built.path);
    const env = { HOME: folder, PATH: Deno.env.get("PATH")! };
    Deno.writeTextFileSync(join(folder, "in.ndjson"), `${LINES.join("\n")}\n`);
    for (const [writer, reader] of [[binary, old], [old, binary]]) {
      const run = async (program: string, ...args: string[]) => {
        const { code, stdout, stderr } = await runProgram(program, ["trace", ...args], folder, env);
        assertEquals(code, 0, stderr);
        return stdout;
      };
      const ask = (program: string) => run(program, "query", "--format", "ndjson");
      await run(writer, "ingest", "in.ndjson");
      const written = await ask(writer);
      assertEquals(written.trimEnd().split("\n").length, LINES.length);
      assertEquals(await ask(reader), written);
      await run(reader, "compact");
      assertEquals(await ask(writer), written);
      Deno.removeSync(join(folder, "data"), { recursive: true });
    }
  },
);
