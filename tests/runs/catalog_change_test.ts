import { assertEquals } from "@std/assert";
import {
  type CatalogEntry,
  changeOf,
  isAlreadySo,
  type OpenRun,
  openStatus,
} from "../../src/runs/catalog/change.ts";
import { parseManifest } from "../../src/runs/manifest/manifest.ts";
import { manifestOf } from "./runs.ts";

const BEFORE = new Map<string, CatalogEntry>([
  ["2026-01/run_id=a", { fingerprint: "1", kind: "ended", run_id: "a" }],
  ["2026-01/run_id=b", { fingerprint: "1", kind: "ended", run_id: "b" }],
  ["2026-01/run_id=c", { fingerprint: "1", kind: "ended", run_id: "c" }],
]);

function after(
  ...changes: [path: string, known: CatalogEntry | undefined][]
): Map<string, CatalogEntry> {
  const known = new Map(BEFORE);
  for (const [path, change] of changes) {
    if (change) known.set(path, change);
    else known.delete(path);
  }
  return known;
}

Deno.test("runs that came, changed, went and began again are told apart", () => {
  const known = after(
    ["2026-01/run_id=a", { fingerprint: "2", kind: "ended", run_id: "a" }],
    ["2026-01/run_id=b", undefined],
    ["2026-01/run_id=c", { fingerprint: "2", kind: "open", run_id: "c" }],
    ["2026-02/run_id=d", { fingerprint: "1", kind: "ended", run_id: "d" }],
  );
  const { registered, updated, gone, withdrawn } = changeOf(BEFORE, known, []);
  assertEquals([[...registered], [...updated], gone, [...withdrawn]], [["d"], ["a"], ["b"], ["c"]]);
});

Deno.test("of two folders of one run the first by path is catalogued, whichever was found first", () => {
  const later: [string, CatalogEntry] = ["2026-02/run_id=a", {
    fingerprint: "1",
    kind: "ended",
    run_id: "a",
  }];
  for (const known of [after(later), new Map([later, ...BEFORE])]) {
    const { path_of, skipped, updated } = changeOf(BEFORE, known, []);
    assertEquals(path_of.get("a"), "2026-01/run_id=a");
    assertEquals([...updated], []);
    assertEquals(skipped.map(({ run_path }) => run_path), ["2026-02/run_id=a"]);
  }
});

Deno.test("a catalog is already so only when nothing that it shows is another", () => {
  const path = "2026-01/run_id=o";
  const manifest = parseManifest(JSON.stringify(manifestOf("o")), path);
  const open: OpenRun = { path, manifest, state: "running", last_written_ms: 5, reason: "r" };
  const known = after([path, { fingerprint: "1", kind: "open", run_id: "o" }]);
  const previous = { entries: known, open: new Map([[path, openStatus("running", 5)]]) };
  const isSo = (now = known, runs = [open]) => isAlreadySo(previous, changeOf(known, now, runs));
  assertEquals(isSo(), true);
  assertEquals(isSo(known, [{ ...open, last_written_ms: 6 }]), false);
  assertEquals(isSo(known, [{ ...open, state: "stale" }]), false);
  const bad: CatalogEntry = { fingerprint: "1", kind: "unusable", reason: "it has no run.json" };
  assertEquals(isSo(new Map([...known, ["2026-01/run_id=x", bad]])), false);
  assertEquals(
    isSo(new Map([...known, [path, { fingerprint: "2", kind: "open", run_id: "o" }]])),
    false,
  );
});
