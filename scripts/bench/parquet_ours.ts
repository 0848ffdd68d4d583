/** Stores trades as the library does, and prints rows a second: ROWS CODEC PATH. */
import { systemWorld } from "../../src/base/world.ts";
import type { ParquetCodec } from "../../src/parquet/mod.ts";
import { artifactDefinition } from "../../src/runs/artifacts/definitions.ts";
import { writeArtifactFile } from "../../src/runs/artifacts/file.ts";
import { RUN_ID, trades } from "./parquet_rows.ts";

const [count, codec, target] = Deno.args;
const rows = trades(Number(count));
const start = performance.now();
await writeArtifactFile(systemWorld(), {
  definition: artifactDefinition("trades"),
  run_id: RUN_ID,
  target,
  source: { rows },
  codec: codec as ParquetCodec,
});
console.log(Number(count) / ((performance.now() - start) / 1000));
