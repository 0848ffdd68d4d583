/** The lab of equities: what its program prints is what its runs hold, also when one is done again. */
import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { prepare } from "../../scripts/transcriber.ts";
import { openLedger } from "../../src/mod.ts";
import { IS_PLAIN, tempFolder } from "../harness.ts";
import { Lab } from "./lab.ts";

const COMMAND = "deno run -R momentum.ts prices/2024.csv 4";

Deno.test(
  "a run that is done again by the script of rerun has the code, the data and the summary that it had",
  {
    ignore: IS_PLAIN,
  },
  async () => {
    using folder = tempFolder();
    const lab = new Lab(folder.path);
    const type = (line: string) => lab.must(`PATH=$PATH:${dirname(Deno.execPath())}; ${line}`);
    await prepare(COMMAND, lab.path);
    // What was not committed is brought back too.
    const program = Deno.readTextFileSync(lab.at("momentum.ts"));
    Deno.writeTextFileSync(lab.at("momentum.ts"), program.replace("COST = 0.0005", "COST = 0.01"));
    const create = "ledger runs create --run-type backtest --run-id dear --input prices/2024.csv";
    await type(`${create} -- ${COMMAND}`);
    await type(`${COMMAND} equity | ledger runs write dear equity`);
    await type(`ledger runs finish dear --summary "$(${COMMAND})"`);
    // By now the lab is another.
    await type("git checkout --quiet momentum.ts");
    await type("ledger runs rerun dear | sh > again.json");

    await using ledger = await openLedger({ dir: lab.at("data/ledger"), runs_dir: lab.at("runs") });
    const { summary, data_fingerprint } = (await ledger.runs.find("dear")).readManifest();
    const again = JSON.parse(Deno.readTextFileSync(lab.at("again.json")));
    assertEquals(Object.keys(again), ["total_return", "sharpe", "max_drawdown", "turnover"]);
    assertEquals(summary, again);
    assert(/^[0-9a-f]{64}$/.test(data_fingerprint ?? ""), data_fingerprint);
    await ledger.runs.sync();
    const [{ total_return }] = await ledger.query(
      "select last(equity order by ts_ms) / first(equity order by ts_ms) - 1 as total_return from equity",
      { db: "catalog" },
    );
    assertEquals(Math.round(total_return as number * 10_000) / 10_000, again.total_return);
  },
);
