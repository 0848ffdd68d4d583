/** The demo of a fleet, as a newcomer runs it: with Ceph and engines, and on a machine that has neither. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { stripColors } from "../../scripts/console.ts";
import { IS_FULL, PROJECT, tempFolder } from "../harness.ts";
import { HAS_CEPH } from "./ceph.ts";
import { HAS_ENGINE } from "./engines.ts";

async function demo(vars: Record<string, string>, ...args: string[]) {
  using folder = tempFolder();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", join(PROJECT, "scripts/demo.ts"), ...args],
    env: { ...vars, TMPDIR: folder.path },
  }).output();
  const [words, complaints] = [stdout, stderr].map((bytes) =>
    stripColors(new TextDecoder().decode(bytes))
  );
  const [left, ...others] = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  assertEquals(others, []);
  const hosts = left ? [...Deno.readDirSync(join(folder.path, left))].map(({ name }) => name) : [];
  return { code, words, complaints, hosts: hosts.sort() };
}

const HOSTS = ["office", "research-1", "research-2", "research-3"];
const KILLED = /\$ ledger ship --once --endpoint \S+\n\(killed by SIGKILL\)\n/;
const RESUMED = /\nbox research-2: sent .*, found 1 segment there;/;

Deno.test("the demo names the flags that it knows", async () => {
  const { code, words, complaints } = await demo({}, "--fleet", "--boxes", "3");
  assertEquals([code, words], [2, ""]);
  assertStringIncludes(complaints, "usage: deno task demo [--fleet] [--seed N]");
});

if (IS_FULL) {
  Deno.test("the demo of a fleet shows a kill and one answer of several engines, and leaves its boxes", async () => {
    assert(HAS_CEPH && HAS_ENGINE.clickhouse && HAS_ENGINE.polars, "Ceph and engines are needed");
    const { code, words, complaints, hosts } = await demo({}, "--fleet");
    assertEquals([code, hosts], [0, HOSTS], complaints);
    assertMatch(words, KILLED);
    assertMatch(words, RESUMED);
    assertStringIncludes(words, "\nClickHouse is asked the same ");
    assertMatch(words, /each once, and [34] engines gave the same answer\.\n/);
  });

  Deno.test("without Ceph the demo of a fleet says what to install, and shows the rest", async () => {
    using bin = tempFolder();
    Deno.symlinkSync(Deno.execPath(), join(bin.path, "deno"));
    const { code, words, complaints, hosts } = await demo({ PATH: bin.path }, "--fleet");
    assertEquals([code, hosts], [0, HOSTS], complaints);
    assertStringIncludes(words, "(apt-get install ceph-mon ceph-osd radosgw)\n");
    assertMatch(words, KILLED);
    assertMatch(words, RESUMED);
    assertMatch(words, /acknowledged events of 3 boxes are in what was pulled, each once\.\n/);
  });
}
