/** What a command is asked to write lies beside the ledger's own files, and never takes the place of one. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Lab } from "../journeys/lab.ts";
import { contentsOf, tempFolder } from "../harness.ts";

async function filledLab(folder: string): Promise<{ lab: Lab; part: string }> {
  const lab = new Lab(folder);
  await lab.must("ledger emit run.started --run-id r1");
  await lab.must("ledger runs create --run-type policy --run-id rr");
  await lab.must("ledger rebuild");
  await lab.must(`echo '{"event_id":"e1","event_type":"FILL"}' | ledger trace ingest -`);
  const [part] = Object.keys(contentsOf(lab.path)).filter((path) => path.includes("part-000001"));
  return { lab, part };
}

Deno.test("no output takes the place of a file of the ledger, or lies among them", async () => {
  using folder = tempFolder();
  const { lab, part } = await filledLab(folder.path);
  Deno.symlinkSync("data/ledger/events", lab.at("link"));
  const [manifest] = Object.keys(contentsOf(lab.path, "runs")).filter((path) =>
    path.endsWith("run.json")
  );
  const before = contentsOf(lab.path);
  for (
    const line of [
      `ledger report --out ${part}`,
      `ledger report --out ${lab.at(part)}`,
      `ledger report --out ${manifest}`,
      "ledger report --out data/ledger/events/_schema.json",
      "ledger report --out data/ledger/index/report.html",
      "ledger report --out link/report.html",
      "ledger trace export --to chrome --out data/ledger/index/runs.duckdb",
      `ledger trace sample --rate 1 --out ${part}`,
      `ledger rebuild --db ${part}`,
      `ledger rebuild --full --db ${part}`,
      "ledger rebuild --db data/ledger/index/catalog.duckdb",
      "ledger rebuild --db data/ledger/events/other.duckdb",
    ]
  ) {
    const { code, text } = await lab.type(line);
    assertEquals(code, 2, `${line}\n${text}`);
    assertStringIncludes(text, "nothing was changed");
  }
  assertEquals(contentsOf(lab.path), before);
});

Deno.test("an output may lie beside them, also where one was before", async () => {
  using folder = tempFolder();
  const { lab } = await filledLab(folder.path);
  for (const path of ["data/ledger/report.html", "runs/report.html", "report.html"]) {
    for (const _ of ["first", "again"]) await lab.must(`ledger report --out ${path}`);
    assertStringIncludes(Deno.readTextFileSync(lab.at(path)), "<html");
  }
});

Deno.test("an index is built under another name, and not over a file that is none", async () => {
  using folder = tempFolder();
  const { lab } = await filledLab(folder.path);
  for (const path of ["other.duckdb", "data/ledger/index/copy.duckdb"]) {
    for (const flag of ["", "--full"]) await lab.must(`ledger rebuild ${flag} --db ${path}`);
  }
  for (const content of ["precious", ""]) {
    Deno.writeTextFileSync(lab.at("mine.duckdb"), content);
    for (const flag of ["", "--full"]) {
      const { code, text } = await lab.type(`ledger rebuild ${flag} --db mine.duckdb`);
      assertEquals(code, 2, text);
      assertStringIncludes(text, "the file there is not an index");
    }
    assertEquals(Deno.readTextFileSync(lab.at("mine.duckdb")), content);
  }
});
