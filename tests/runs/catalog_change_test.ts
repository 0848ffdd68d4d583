import { assertEquals } from "@std/assert";
import {
  changeOf,
  isAlreadySo,
  type Known,
  type OpenRun,
  standing,
} from "../../src/runs/catalog/change.ts";
import { parseManifest } from "../../src/runs/manifest/manifest.ts";
import { manifestOf } from "./runs.ts";

const BEFORE = new Map<string, Known>([
  ["2026-01/run_id=a", { stamp: "1", kind: "ended", run_id: "a" }],
  ["2026-01/run_id=b", { stamp: "1", kind: "ended", run_id: "b" }],
  ["2026-01/run_id=c", { stamp: "1", kind: "ended", run_id: "c" }],
]);

function after(...changes: [path: string, known: Known | undefined][]): Map<string, Known> {
  const known = new Map(BEFORE);
  for (const [path, change] of changes) {
    if (change) known.set(path, change);
    else known.delete(path);
  }
  return known;
}

Deno.test("runs that came, changed, went and began again are told apart", () => {
  const known = after(
    ["2026-01/run_id=a", { stamp: "2", kind: "ended", run_id: "a" }],
    ["2026-01/run_id=b", undefined],
    ["2026-01/run_id=c", { stamp: "2", kind: "open", run_id: "c" }],
    ["2026-02/run_id=d", { stamp: "1", kind: "ended", run_id: "d" }],
  );
  const { registered, updated, gone, withdrawn } = changeOf(BEFORE, known, []);
  assertEquals([[...registered], [...updated], gone, [...withdrawn]], [["d"], ["a"], ["b"], ["c"]]);
});

Deno.test("of two folders of one run the first by path is catalogued, whichever was found first", () => {
  const later: [string, Known] = ["2026-02/run_id=a", { stamp: "1", kind: "ended", run_id: "a" }];
  for (const known of [after(later), new Map([later, ...BEFORE])]) {
    const { winners, skipped, updated } = changeOf(BEFORE, known, []);
    assertEquals(winners.get("a"), "2026-01/run_id=a");
    assertEquals([...updated], []);
    assertEquals(skipped.map(({ run_path }) => run_path), ["2026-02/run_id=a"]);
  }
});

Deno.test("a catalog is already so only when nothing that it shows is another", () => {
  const path = "2026-01/run_id=o";
  const manifest = parseManifest(JSON.stringify(manifestOf("o")), path);
  const open: OpenRun = { path, manifest, state: "running", last_written_ms: 5, reason: "r" };
  const known = after([path, { stamp: "1", kind: "open", run_id: "o" }]);
  const previous = { known, open: new Map([[path, standing("running", 5)]]) };
  const isSo = (now = known, runs = [open]) => isAlreadySo(previous, changeOf(known, now, runs));
  assertEquals(isSo(), true);
  assertEquals(isSo(known, [{ ...open, last_written_ms: 6 }]), false);
  assertEquals(isSo(known, [{ ...open, state: "stale" }]), false);
  const bad: Known = { stamp: "1", kind: "unusable", reason: "it has no run.json" };
  assertEquals(isSo(new Map([...known, ["2026-01/run_id=x", bad]])), false);
  assertEquals(isSo(new Map([...known, [path, { stamp: "2", kind: "open", run_id: "o" }]])), false);
});
