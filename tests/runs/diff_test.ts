import { assertEquals } from "@std/assert";
import { parseManifest, type RunManifest } from "../../src/runs/manifest/manifest.ts";
import { diffRuns } from "../../src/runs/catalog/diff.ts";
import { manifestOf } from "./runs.ts";

function manifest(different: Record<string, unknown>, text = ""): RunManifest {
  const json = JSON.stringify(manifestOf("r", different));
  return parseManifest(json.replace('"PUT HERE"', text), "run.json");
}

/** What differs: name, one, other, change. */
function differences(a: RunManifest, b: RunManifest) {
  return diffRuns(a, b).filter(({ differs }) => differs)
    .map(({ about, name, a, b, change }) => [`${about} ${name}`, a, b, change]);
}

Deno.test("two runs are compared by what they are, ran with, took and came to", () => {
  const a = manifest({
    git_branch: "main",
    parameters: { policy: { kind: "fixed", bps: 500 }, tags: ["x", 1], same: 1 },
    timing: { total_ms: 1000, plan_ms: 0 },
    summary: { run_id: "a", avg: -2, rate: 0 },
  });
  const b = manifest({
    run_type: "full",
    parameters: { policy: { kind: "fixed", bps: 250 }, tags: ["x", 2], same: 1 },
    timing: { total_ms: 1500, plan_ms: 3 },
    summary: { run_id: "b", avg: 1, rate: 0.123456 },
  });
  assertEquals(differences(a, b), [
    ["run run_type", "policy", "full", undefined],
    ["run git_branch", "main", undefined, undefined],
    ["parameters policy.bps", 500, 250, "-250 (-50.0 %)"],
    ["parameters tags", ["x", 1], ["x", 2], undefined],
    ["timing total_ms", 1000, 1500, "+500 (+50.0 %)"],
    ["timing plan_ms", 0, 3, "+3"],
    ["summary avg", -2, 1, "+3 (+150.0 %)"],
    ["summary rate", 0, 0.123456, "+0.1235"],
  ]);
  assertEquals(differences(a, a), []);
  const all = diffRuns(a, a).map(({ about, name }) => `${about} ${name}`);
  assertEquals(all.includes("parameters same") && !all.includes("summary run_id"), true);
});

Deno.test("what one of two runs lacks, or leaves empty, differs", () => {
  const cases: [unknown, unknown, unknown[][]][] = [
    [{ x: {} }, {}, [["parameters x", {}, undefined, undefined]]],
    [{ x: { y: 1 } }, { x: {} }, [
      ["parameters x.y", 1, undefined, undefined],
      ["parameters x", undefined, {}, undefined],
    ]],
    [{ x: null }, {}, [["parameters x", null, undefined, undefined]]],
    [{ x: 1 }, { x: "1" }, [["parameters x", 1, "1", undefined]]],
    [{ x: [] }, { x: {} }, [["parameters x", [], {}, undefined]]],
  ];
  for (const [a, b, wanted] of cases) {
    const found = differences(manifest({ parameters: a }), manifest({ parameters: b }));
    assertEquals(found, wanted, JSON.stringify([a, b]));
  }
});

Deno.test("numbers that only digits can tell apart are told apart", () => {
  const of = (digits: string) => manifest({ parameters: { seed: "PUT HERE" } }, digits);
  const [one, other] = ["9007199254740993", "9007199254740992"].map(of);
  assertEquals(differences(one, one), []);
  assertEquals(differences(one, other).map(([name, a, b]) => [name, JSON.stringify([a, b])]), [
    ["parameters seed", "[9007199254740993,9007199254740992]"],
  ]);
});

Deno.test("runs without summaries and timings, or with null for them, are compared all the same", () => {
  const bare = manifest({ summary: null, timing: null, dataset: null, parameters: null });
  assertEquals(differences(bare, manifest({ dataset: undefined })), []);
  assertEquals(differences(bare, manifest({ dataset: undefined, summary: { avg: 1 } })), [
    ["summary avg", undefined, 1, undefined],
  ]);
});
