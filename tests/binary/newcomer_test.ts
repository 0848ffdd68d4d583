/**
 * The executable alone: copied into an empty folder of a user who has nothing but an empty home, and
 * started as machines start programs, with less around it than a person has.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { columnsOf } from "../../src/base/text_width.ts";
import { has_terminal, inTerminal, type Screen, withoutCodes } from "../terminal.ts";
import { binaryTest, type Outcome } from "./binary.ts";

/** A user who owns nothing: where we are root, another user than we are. */
const NOBODY = 65_534;
const PATH = "/usr/local/bin:/usr/bin:/bin";

interface Newcomer {
  /** Where the executable is, and nothing else. */
  lab: string;
  home: string;
  /** A line of bash, with `./ledger` in the folder it is started in, and no other environment. */
  bash(line: string, env?: Record<string, string>): Promise<Outcome>;
  /** The same in a terminal. */
  screen(line: string, columns: number, env?: Record<string, string>): Promise<Screen>;
}

function newcomerTest(name: string, body: (newcomer: Newcomer) => Promise<void>): void {
  binaryTest(name, async ({ binary, folder }) => {
    const [lab, home] = [join(folder, "lab"), join(folder, "home")];
    Deno.chmodSync(folder, 0o755);
    for (const path of [lab, home]) Deno.mkdirSync(path);
    Deno.copyFileSync(binary, join(lab, "ledger"));
    Deno.chmodSync(join(lab, "ledger"), 0o755);
    const is_root = Deno.uid() === 0;
    if (is_root) { for (const path of [lab, home]) Deno.chownSync(path, NOBODY, NOBODY); }
    const own = (env: Record<string, string>) => ({ HOME: home, PATH, ...env });
    await body({
      lab,
      home,
      async bash(line, env = {}) {
        const { code, stdout, stderr } = await new Deno.Command("bash", {
          args: ["--norc", "-c", line],
          cwd: lab,
          clearEnv: true,
          env: own(env),
          ...(is_root ? { uid: NOBODY, gid: NOBODY } : {}),
        }).output();
        const decoder = new TextDecoder();
        return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
      },
      screen: (line, columns, env = {}) =>
        inTerminal(line, { cwd: lab, columns, env: own(env), is_bare: true }),
    });
  });
}

const EVENT = "./ledger emit run.started --run-id r1 --event-id e1";

function assertQuiet({ code, stderr }: Outcome, line: string): void {
  assertEquals([code, stderr], [0, ""], line);
}

newcomerTest(
  "alone in an empty folder it does its work, and writes nowhere else",
  async (newcomer) => {
    const { lab, home, bash } = newcomer;
    for (
      const line of [
        "./ledger help",
        "./ledger help durability",
        EVENT,
        "./ledger log",
        "./ledger status",
        "./ledger verify",
        "./ledger rebuild",
        `./ledger query "select run_id, status from latest_runs"`,
        "./ledger runs create --run-type policy --run-id tight && ./ledger runs finish tight",
        "./ledger runs sync && ./ledger runs query --status any",
        `echo '{"event_id":"s1","event_type":"SIGNAL","correlation_id":"bt1"}' | ./ledger trace ingest`,
        "./ledger trace path s1",
        "./ledger complete -- runs show ''",
      ]
    ) assertQuiet(await bash(line), line);
    assertEquals([...Deno.readDirSync(home)], []);
    const made = [...Deno.readDirSync(lab)].map(({ name }) => name).sort();
    assertEquals(made, ["data", "ledger", "runs"]);
  },
);

newcomerTest(
  "with standard input closed every command works, and a stream is an empty one",
  async ({ bash }) => {
    assertQuiet(await bash(`${EVENT} <&-`), EVENT);
    for (const line of ["help", "log", "status", "verify", "rebuild", "query", "schema list"]) {
      assertQuiet(await bash(`./ledger ${line} <&-`), line);
    }
    const { code, stdout, stderr } = await bash(
      "./ledger emit --stdin <&-; ./ledger trace ingest <&-",
    );
    assertEquals([code, stdout, stderr], [0, "0 events\n", "0 events durable\n"]);
  },
);

newcomerTest("a reader who has enough ends it without a word", async ({ bash }) => {
  const many = `printf '{"event_type":"run.started","run_id":"r%s"}\\n' $(seq 20000)`;
  assertEquals((await bash(`${many} | ./ledger emit --stdin`)).code, 0);
  assertEquals((await bash("./ledger rebuild")).code, 0);
  for (
    const line of [
      "./ledger log",
      "./ledger log --format table",
      "./ledger log --format json",
      `./ledger query "select * from events"`,
      `./ledger query --format csv "select * from events"`,
      "./ledger help",
      "./ledger help recipes",
      "./ledger schema show run.created",
    ]
  ) {
    const { stdout, stderr } = await bash(`${line} | head -n 1 >/dev/null; echo \${PIPESTATUS[0]}`);
    assertEquals([stdout, stderr], ["0\n", ""], line);
  }
});

newcomerTest(
  "without any output at all it still does what it was asked, and its exit code says so",
  async ({ bash }) => {
    for (const closed of [">&-", "2>&-", "<&- >&- 2>&-"]) {
      const { code, stderr } = await bash(`${EVENT} ${closed}`);
      assertEquals(stderr.includes("    at "), false, stderr);
      assertEquals(code === 0 || stderr !== "" || closed.includes("2>"), true, closed);
      assertEquals((await bash(`./ledger emit run.start --run-id r1 ${closed}`)).code, 2, closed);
    }
    const { stdout } = await bash("./ledger log --type run.started | wc -l");
    assertEquals(stdout.trim(), "3");
  },
);

newcomerTest("with LANG=C, and without TERM, it writes what it always writes", async ({ bash }) => {
  const line = `${EVENT} --event-data '{"where":"Zürich 实行"}' && ./ledger log && ./ledger help`;
  const usual = await bash(line, { LANG: "en_US.UTF-8", TERM: "xterm" });
  assertQuiet(usual, line);
  assertStringIncludes(usual.stdout, "Zürich 实行");
  const bare = await bash("./ledger log -n 1 && ./ledger help", { LANG: "C", LC_ALL: "C" });
  assertQuiet(bare, "LANG=C");
  assert(usual.stdout.endsWith(bare.stdout));
  assertEquals(bare.stdout.includes("\u001b"), false);
});

newcomerTest(
  "in a terminal of forty columns, help and tables are read without scrolling sideways",
  async ({ bash, screen }) => {
    if (!has_terminal) return;
    assertQuiet(
      await bash("./ledger runs create --run-type policy --run-id tight --no-git"),
      "create",
    );
    assertEquals((await bash("./ledger runs finish tight && ./ledger runs sync")).code, 0);
    assertQuiet(await bash(`echo '{"event_type":"SIGNAL"}' | ./ledger trace ingest`), "ingest");
    for (
      const line of [
        "./ledger help",
        "./ledger runs query",
        "./ledger trace query",
        "./ledger runs --help",
      ]
    ) {
      const { code, text } = await screen(line, 40, { TERM: "xterm" });
      assertEquals(code, 0);
      const wide = withoutCodes(text).split("\n").filter((each) => columnsOf(each) > 40);
      assertEquals(wide, [], line);
    }
    assertMatch(withoutCodes((await screen("./ledger runs query", 40)).text), / \d+ s ago/);
    // A terminal of an unknown kind gets plain text.
    assertEquals((await screen("./ledger help", 40)).text.includes("\u001b"), false);
  },
);

newcomerTest("it answers the shell that completes its own lines", async ({ bash }) => {
  const { stdout, stderr } = await bash(
    `source <(./ledger completions bash)
    COMP_WORDS=(./ledger help dur) COMP_CWORD=2; _ledger; echo "\${COMPREPLY[@]}"
    COMP_WORDS=(./ledger runs show "") COMP_CWORD=3; _ledger; echo "\${#COMPREPLY[@]}"`,
  );
  assertEquals([stdout, stderr], ["durability\n0\n", ""]);
});
