/** The executable attaches files from anywhere that it may read, and claims before trials. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { tempFolder } from "../harness.ts";
import { binaryTest } from "./binary.ts";

binaryTest(
  "a run takes files and a claim, shows both, also once archived; pictures are in a report, pins keep it",
  async ({ ledger }) => {
    using elsewhere = tempFolder();
    const path = join(elsewhere.path, "equity.svg");
    const must = async (...args: string[]) => {
      const { code, stdout, stderr } = await ledger(args);
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
      return stdout;
    };
    await must("runs", "create", "--run-type", "policy", "--run-id", "r", "--no-git");
    const claim = "--hypothesis h --metric sharpe --higher --trials 1".split(" ");
    await must("runs", "claim", "r", ...claim);
    for (const text of ["<svg>an older one</svg>", "<svg/>"]) {
      Deno.writeTextFileSync(path, text);
      await must("runs", "attach", "r", path, "--as", "plots/equity.svg");
    }
    await must("runs", "finish", "r");
    const shown = await must("runs", "show", "r");
    assertStringIncludes(shown, "plots/equity.svg  plot  image/svg+xml   6 B  yes");
    assertStringIncludes(shown, "it stands before the first trial: both stand in");
    assertStringIncludes(await must("runs", "verify", "r", "--deep"), "1 attached file: as their");
    assertStringIncludes(await must("report", "r"), `src="data:image/svg+xml;base64,PHN2Zy8+"`);
    const late = await ledger(["runs", "attach", "r", path]);
    assertEquals(late.code, 2);
    assertStringIncludes(late.stderr, "ledger runs annotate r --note");
    // What is said of it is offered by the shell, keeps it, and stands beside its files in an archive.
    await must("runs", "annotate", "r", "--name", "flagship", "--tag", "best", "--pin");
    assertEquals(await must("complete", "--", "runs", "show", "fl"), "flagship\n");
    assertEquals(await must("complete", "--", "runs", "tag", "r", ""), "best\n");
    const prune = ["runs", "prune", "--before", "2999-01", "--archive", "runs/archive", "--yes"];
    assertStringIncludes(await must(...prune), "run_id=r stays: it is pinned");
    await must("runs", "annotate", "flagship", "--unpin");
    assertStringIncludes(await must(...prune), "1 run (");
    const archived = await must("runs", "show", "flagship");
    assertStringIncludes(archived, "plots/equity.svg  plot  image/svg+xml   6 B  archived");
  },
);
