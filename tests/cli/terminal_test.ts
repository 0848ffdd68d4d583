/** The program in a real terminal, and beside it the same with its output in a pipe. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openLedger } from "../../src/mod.ts";
import { columnsOf } from "../../src/base/text_width.ts";
import { installShim, tempFolder } from "../harness.ts";
import { has_terminal, inTerminal, type TerminalOptions, withoutCodes } from "../terminal.ts";

/** A folder with a ledger and two runs, and a `ledger` on the path. */
async function lab() {
  const folder = tempFolder();
  installShim(folder.path);
  const dir = `${folder.path}/data/ledger`;
  const runs_dir = `${folder.path}/runs`;
  await using ledger = await openLedger({ dir, runs_dir });
  for (const run_id of ["a-run-with-a-name-that-is-long-enough", "b"]) {
    const run = await ledger.runs.create({ run_type: "policy", run_id, git: false });
    await run.markSuccess({ summary: { avg_return_bps: 31.5 } });
  }
  await ledger.runs.sync();
  const env = { PATH: `${folder.path}:${Deno.env.get("PATH")}`, TERM: "xterm" };
  return {
    path: folder.path,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
    screen: async (line: string, options: Partial<TerminalOptions> = {}) =>
      await inTerminal(line, { cwd: folder.path, ...options, env: { ...env, ...options.env } }),
  };
}

function terminalTest(
  name: string,
  body: (made: Awaited<ReturnType<typeof lab>>) => Promise<void>,
) {
  Deno.test({
    name,
    ignore: !has_terminal,
    async fn() {
      using made = await lab();
      await body(made);
    },
  });
}

terminalTest(
  "in a terminal a table fits and says how long ago; in a pipe it is whole and says when",
  async ({ screen }) => {
    const narrow = withoutCodes((await screen("ledger runs query", { columns: 90 })).text);
    for (const line of narrow.split("\n")) assert(columnsOf(line) <= 90, line);
    assertStringIncludes(narrow, "a-run-with-a-name-that-is-long-enough  ");
    assertMatch(narrow, /\d+ s ago/);
    const piped = (await screen("ledger runs query | cat", { columns: 90 })).text;
    assertStringIncludes(piped, "a-run-with-a-name-that-is-long-enough  policy");
    assertMatch(piped, /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z/);
    assertEquals(piped.includes("ago"), false);
  },
);

terminalTest("forty columns are enough: rows become lines of their own", async ({ screen }) => {
  const { text } = await screen("ledger runs query", { columns: 40 });
  assertStringIncludes(
    withoutCodes(text),
    "run_id     a-run-with-a-name-that-is-long-enough\nrun_type   policy\nstatus     completed\n",
  );
  const { text: help } = await screen("ledger trace latency --help", { columns: 40 });
  const wide = withoutCodes(help).split("\n").filter((line) => columnsOf(line) > 40);
  assertEquals(wide, []);
});

terminalTest("colours are for terminals, and for those who ask for them", async ({ screen }) => {
  const is_coloured = async (line: string, env: Record<string, string> = {}) =>
    (await screen(line, { env })).text.includes("\u001b[");
  assertEquals(await is_coloured("ledger help"), true);
  assertEquals(await is_coloured("ledger help | cat"), false);
  assertEquals(await is_coloured("ledger help", { NO_COLOR: "1" }), false);
  assertEquals(await is_coloured("ledger help | cat", { FORCE_COLOR: "1" }), true);
  assertEquals(await is_coloured("ledger help", { TERM: "dumb" }), false);
});

terminalTest("the log as a table is cut in a terminal, and never in a pipe", async ({ screen }) => {
  const narrow = withoutCodes((await screen("ledger log -n 3", { columns: 60 })).text);
  for (const line of narrow.trimEnd().split("\n")) assert(columnsOf(line) <= 64, line);
  const piped =
    (await screen("ledger log --type run.created --format table | cat", { columns: 60 })).text;
  assertEquals(piped.includes("…"), false);
  assertStringIncludes(piped, '"data_fingerprint":');
});

terminalTest(
  "a stream that takes long tells how far it is, on standard error and in a terminal only",
  async ({ screen, path }) => {
    const event = `printf '{"event_type":"run.started","run_id":"r"}\\n'`;
    // Events come until progress was seen; the same ones go to a process that writes into a pipe.
    const slow = `until [ -e seen ]; do ${event}; sleep 0; done`;
    const in_pipe = "ledger emit --stdin < copy 2>&1 | cat > unseen.txt";
    const { text } = await screen(
      `mkfifo copy; ${in_pipe} & { ${slow}; } | tee copy | ledger emit --stdin > ids.txt; wait`,
      { onText: (text) => text.includes("B/s") && Deno.writeTextFileSync(`${path}/seen`, "") },
    );
    // What is between is gone when the work is done.
    const [nothing, ...progress] = text.split("\r\u001b[K");
    const said = progress.pop()!;
    assertEquals(nothing, "");
    assert(progress.length > 0);
    for (const shown of progress) assertMatch(shown, /^[\d.]+ k?B {2}[\d.]+ k?B\/s$/);
    assertMatch(said, /^[\d,]+ events durable\n$/);
    assertEquals(Deno.readTextFileSync(`${path}/unseen.txt`), said);
  },
);
