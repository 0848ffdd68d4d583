/** What a run keeps of its code: the very bytes, no secret, and nothing run that a repository names. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inflateSync } from "node:zlib";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { asLedgerError } from "../../src/base/error.ts";
import { sectionsOf } from "../../src/runs/evidence/patch.ts";
import type { World } from "../../src/base/world.ts";
import type { ChangedFile } from "../../src/runs/evidence/changes.ts";
import type { NewRun } from "../../src/runs/directory/run_lifecycle.ts";
import { codeOf } from "../../src/runs/manifest/code_facts.ts";
import type { Files } from "../../src/base/files/seam.ts";
import { IS_FULL, systemError, testWorld } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { commitAll, exists, git, GIT_ENV, putFiles, runTool, worldIn } from "./repositories.ts";
import { inLab, type Lab, ledgerOf, newLab } from "./runs.ts";

/** A lab with a folder for a repository. */
function newRepository(): Lab & { repository: string } {
  const lab = newLab();
  const repository = join(lab.path, "repository");
  Deno.mkdirSync(repository);
  return { ...lab, repository, [Symbol.dispose]: () => lab[Symbol.dispose]() };
}

interface Made {
  folder: string;
  manifest: Record<string, unknown>;
  code: ReturnType<typeof codeOf>;
  list: (ChangedFile & { more?: true })[];
  patch: string;
}

/** Begins a run in a folder; what it keeps of the code. */
async function make(
  lab: Lab,
  cwd: string,
  run: Partial<NewRun> = {},
  world: World = worldIn(cwd),
): Promise<Made> {
  const { folder } = await ledgerOf(lab, world).runs.create({
    run_type: "policy",
    run_id: "r",
    ...run,
  });
  return madeIn(folder);
}

function madeIn(folder: string): Made {
  const manifest = JSON.parse(Deno.readTextFileSync(join(folder, "run.json")));
  const code = codeOf(manifest);
  const text = (file?: { path: string }) => file ? textAt(join(folder, file.path)) : "";
  const list = text(code.files).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { folder, manifest, code, list, patch: text(code.patch) };
}

/** Bytes as text of Latin-1. */
function textAt(path: string): string {
  return Array.from(Deno.readFileSync(path), (byte) => String.fromCharCode(byte)).join("");
}

/** The files of a folder without what git keeps; links by where they lead. */
function filesIn(folder: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(join(folder, below))) {
    if (name === ".git") continue;
    const path = join(below, name);
    const full = join(folder, path);
    if (isDirectory) Object.assign(found, filesIn(folder, path));
    else if (isSymlink) found[path] = `-> ${Deno.readLinkSync(full)}`;
    else found[path] = `${(Deno.statSync(full).mode! & 0o100) !== 0} ${textAt(full)}`;
  }
  return found;
}

/** Gives the printed commands to a shell in a fresh folder; where they brought the run back. */
async function rerun(lab: Lab, world: World = testWorld()): Promise<string> {
  const { code, stdout, stderr } = await inLab(lab, ["runs", "rerun", "r", "--print"], {
    hostname: () => world.hostname(),
  });
  assertEquals([code, stderr], [0, ""]);
  const fresh = join(lab.path, "fresh");
  Deno.mkdirSync(fresh);
  Deno.writeTextFileSync(join(fresh, "rerun.sh"), stdout);
  const shell = new Deno.Command("sh", { args: ["rerun.sh"], cwd: fresh, env: GIT_ENV });
  const { success, stderr: said } = await shell.output();
  assert(success, `${stdout}\n${new TextDecoder().decode(said)}`);
  return join(fresh, "rerun-r");
}

/** What of a run cannot be brought back. */
async function cannot(lab: Lab, world?: World): Promise<string[]> {
  return (await ledgerOf(lab, world).runs.planRerun("r")).cannot;
}

const LINES = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join("");

Deno.test("the printed commands bring back code, changes, untracked files, inputs and arguments, to the byte", async () => {
  using lab = newRepository();
  const { repository } = lab;
  const at = (path: string) => join(repository, path);
  await commitAll(repository, {
    "src/code.py": LINES,
    "crlf.txt": "a\r\nb\r\n",
    "latin.txt": "caf\xe9\n",
    "data.bin": "\0\x01\x02",
    "gone.txt": "x\n",
    "gone.bin": "\0",
    "tool.sh": "echo 1\n",
    "end.txt": "no newline",
    'odd "name" \\ é.txt': "1\n",
    "a b/c d.txt": "1\n",
    "uv.lock": `hash = "sha256:${"ab".repeat(32)}"\n`,
    ".gitignore": "*.tmp\n",
  });
  putFiles(repository, {
    "src/code.py": `first\n${LINES.replace("line 9\n", "").replace("line 20", "line twenty")}last`,
    "crlf.txt": "a\r\nB\r\n",
    "latin.txt": "caf\xe9s\n",
    "data.bin": "\0\x01\x02\xff more",
    "end.txt": "no newline either",
    'odd "name" \\ é.txt': "2\n",
    "a b/c d.txt": "2\n",
    "uv.lock": `hash = "sha256:${"cd".repeat(32)}"\n`,
    "new/file.py": "print(1)\n",
    "new/empty": "",
    "new/one line": "without end",
    'new/"q"\\.py': "tab\there\n",
    "new/blob": "\0\xff\xfe",
    "new/run.sh": "#!/bin/sh\n",
    "staged.py": "s\n",
    "prices.csv": "ts_ms,close\n1704067200000,1.5\n",
    "ignored.tmp": "not looked at",
  });
  Deno.removeSync(at("gone.txt"));
  Deno.removeSync(at("gone.bin"));
  Deno.chmodSync(at("tool.sh"), 0o755);
  Deno.chmodSync(at("new/run.sh"), 0o755);
  await git(repository, "add", "staged.py");
  Deno.symlinkSync("src/code.py", at("link"));
  await git(repository, "add", "link");
  const made = await make(lab, at("src"), {
    argv: [
      "sh",
      "-c",
      'printf "%s|" "$@" "$TZ" > out.txt',
      "--",
      "it's $HOME",
      "a\nb",
      "\x1b[1m",
      "",
    ],
    inputs: ["../prices.csv"],
    parameters: { lookback: 20 },
    seed: 7,
  }, worldIn(at("src"), { vars: { TZ: "Asia/Tokyo" } }));
  assertEquals(made.code.files!.left_out, 0, JSON.stringify(made.list));
  assertEquals(made.code.lock_files!.map(({ path }) => path), ["../uv.lock"]);
  assertEquals(await cannot(lab), []);
  const back = await rerun(lab);
  const script = Deno.readTextFileSync(join(back, "../rerun.sh"));
  assertStringIncludes(script, '# the run, with seed 7 and parameters {"lookback":20}');
  assertEquals(script.split("  uv.lock").length, 2, "a changed lock file is compared once");
  const expected = filesIn(repository);
  delete expected["ignored.tmp"];
  const out = "false it's $HOME|a\nb|\x1b[1m||Asia/Tokyo|";
  assertEquals(filesIn(back), { ...expected, "src/out.txt": out });
});

Deno.test("random changes come back to the byte, but for lines that look like secrets", async () => {
  await withSeed(async (random) => {
    using lab = newRepository();
    const { repository } = lab;
    const line = () =>
      random.pick(["a", "b", "", "x\r", "\xff", "@@ -1 +1 @@", "diff --git a/x b/x"]);
    const secret = () => random.pick(['password = "hunter2"', "AKIAIOSFODNN7EXAMPLE", "u://a:b@c"]);
    const content = (lines: number) =>
      random.times(random.below(lines), () => random.chance(0.1) ? secret() : line()).join("\n");
    const paths = random.times(25, (index) => `f${index}`);
    const before = Object.fromEntries(paths.map((path) => [path, content(30)]));
    await commitAll(repository, before);
    for (const path of paths) {
      const lines = before[path].split("\n");
      for (let edits = random.below(4); edits > 0; edits--) {
        const added = random.times(random.below(3), () => random.chance(0.2) ? secret() : line());
        lines.splice(random.below(lines.length + 1), random.below(3), ...added);
      }
      putFiles(repository, { [path]: lines.join("\n"), [`new-${path}`]: content(8) });
    }
    const { patch } = await make(lab, repository, { argv: ["true"] });
    for (const known of ["hunter2", "AKIAIOSFODNN7EXAMPLE", "a:b@"]) {
      assert(!patch.includes(known), known);
    }
    const SECRET = /^.*(hunter2|AKIAIOSFODNN7EXAMPLE|u:\/\/a:b@).*$/gm;
    const shown = (files: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(files).map(([path, text]) => [
          path,
          text.replace(/^(true|false) /, "$1\n").replace(SECRET, "[masked]"),
        ]),
      );
    assertEquals(shown(filesIn(await rerun(lab))), shown(filesIn(repository)));
  });
});

const SECRETS = [
  "AKIAIOSFODNN7EXAMPLE",
  "hunter2correct",
  "9f86d081884c7d659a2feaa0c55ad015",
  "ghp_abcdefghijklmnopqrstuvwx1234",
  "MIIEpAIBAAKCAQEA7bq8Zk3Lw0pXv7Nc2R",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
  "s3cr3tuser",
  "sk_live_4eC39HqLyjWDarjtT1",
  "inDotEnvFile77",
  "inPemFile88",
  "inIdFile99",
  "inCredentials00",
  "inHiddenFile11",
  "xoxb-123456789012-abcdef",
];
const [
  AWS,
  PASSWORD,
  HEX,
  GITHUB,
  PEM,
  JWT,
  USER,
  STRIPE,
  ENV_FILE,
  PEM_FILE,
  ID_FILE,
  CREDENTIALS,
] = SECRETS;
const [HIDDEN, SLACK] = SECRETS.slice(12);
const KEY_BLOCK = `-----BEGIN RSA PRIVATE KEY-----\n${PEM}\nAAAA\n-----END RSA PRIVATE KEY-----\n`;

/** All that is below a folder, and what is packed in its patches. */
function everythingIn(folder: string): string {
  let all = "";
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    all += `${name}\n`;
    if (isDirectory) all += everythingIn(path);
    else all += textAt(path) + unpacked(textAt(path));
  }
  return all;
}

const DIGITS =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

function unpacked(patch: string): string {
  return [...patch.matchAll(/^literal \d+\n([\s\S]*?)\n\n/gm)].map(([, lines]) => {
    const bytes = lines.split("\n").flatMap((line) => {
      const length = line.charCodeAt(0) - (line[0] <= "Z" ? 64 : 70);
      const words = (line.slice(1).match(/.{5}/g) ?? []).flatMap((five) => {
        const word = [...five].reduce((sum, digit) => sum * 85 + DIGITS.indexOf(digit), 0);
        return [word >>> 24, word >>> 16, word >>> 8, word].map((byte) => byte & 255);
      });
      return words.slice(0, length);
    });
    return String.fromCharCode(...inflateSync(Uint8Array.from(bytes)));
  }).join("\n").replaceAll("\0", "");
}

Deno.test("no planted secret gets into a run's folder or the log, and each file with one is named", async () => {
  using lab = newRepository();
  const { repository } = lab;
  await commitAll(repository, {
    "removed.py": `a\nkey = "${AWS}"\nb\n`,
    "near.py": `a\npassword = "${PASSWORD}"\nb\nc\nd\ne\nf\n`,
    "added.py": "a\n",
    "deleted.py": `token = "${HEX}"\n`,
    "known.bin": "\0",
    "settings.env": "a=1\n",
  });
  await git(repository, "remote", "add", "origin", `https://${USER}:${GITHUB}@example.org/x.git`);
  await git(repository, "checkout", "--quiet", "-b", GITHUB);
  Deno.removeSync(join(repository, "deleted.py"));
  putFiles(repository, {
    "removed.py": "a\nkey = read()\nb\n",
    "near.py": `a\npassword = "${PASSWORD}"\nb\nchanged\nd\ne\nf\n`,
    "added.py":
      `a\napi_key = (\n  "${HEX}"\n)\nurl = "postgres://${USER}:pw@h/db"\njwt = "${JWT}"\n`,
    "known.bin": `\0${AWS}`,
    "settings.env": `a=1\nSTRIPE=${STRIPE}\nDB_PASSWORD=${PASSWORD}\n`,
    "new.py": `x = 1\n${KEY_BLOCK}slack = "${SLACK}"\n`,
    "wide.txt": [...`k = ${GITHUB}\n`].map((letter) => `${letter}\0`).join(""),
    "new.bin": `\0\x01${STRIPE}\0`,
    [`names/${AWS}.txt`]: "x\n",
    [`names/${GITHUB}/y.txt`]: "x\n",
    ".env": ENV_FILE,
    ".env.local": ENV_FILE,
    "certs/server.pem": PEM_FILE,
    "id_ed25519": ID_FILE,
    "conf/credentials.json": CREDENTIALS,
    ".bash_history": HIDDEN,
  });
  Deno.symlinkSync("/etc/passwd", join(repository, "passwd"));
  const argv = [
    ...["python", "train.py", "--lr", "0.1", "--max-tokens", "2048"],
    ...["--api-key", PASSWORD, `--token=${HEX}`, `PASSWORD=${PASSWORD}`],
    ...[`postgres://${USER}@h/db`, AWS, `https://h/?key=${HEX}`],
  ];
  const vars = { LANG: AWS, HOME: HIDDEN, AWS_SECRET_ACCESS_KEY: HIDDEN };
  const made = await make(lab, repository, { argv }, worldIn(repository, { vars }));
  const all = everythingIn(lab.runs_dir) + everythingIn(lab.dir);
  for (const secret of SECRETS) assert(!all.includes(secret), secret);
  assert(!all.includes("root:x:0"), "a link is not followed");
  const named = Object.fromEntries(
    made.list.map(({ path, kept, reason }) => [path, reason ?? kept]),
  );
  const of_names = "its name says that secrets are in it";
  const no_text = "it looks as if a secret were in it, and it is no text";
  assertEquals(named, {
    "added.py": true,
    "deleted.py": true,
    "known.bin": "its change cannot be told without what looks like a secret",
    "near.py": true,
    "removed.py": true,
    "settings.env": true,
    ".bash_history": "a hidden file that git does not know",
    ".env": of_names,
    ".env.local": of_names,
    "certs/server.pem": of_names,
    "conf/credentials.json": of_names,
    "id_ed25519": of_names,
    "names/[masked]/y.txt": of_names,
    "names/[masked]": of_names,
    "new.bin": no_text,
    "new.py": true,
    "passwd": "it is a link",
    "wide.txt": no_text,
  });
  const without = made.list.filter(({ sha256, state }) => !sha256 && state !== "deleted");
  assertEquals(without.map(({ path }) => path), ["passwd"]);
  const { argv: shown, remotes, masked, patch } = made.code;
  assertEquals(shown!.slice(0, 6), argv.slice(0, 6));
  assertEquals(shown!.slice(6), [
    ...["--api-key", "[masked]", "--token=[masked]", "PASSWORD=[masked]"],
    ...["postgres://[masked]@h/db", "[masked]", "https://h/?key=[masked]"],
  ]);
  assertEquals([remotes, masked], [{ origin: "https://[masked]@example.org/x.git" }, 8]);
  assertEquals(patch!.masked_lines, 10);
  assertEquals(made.manifest.git_branch, "[masked]");
});

Deno.test("nothing that a repository's settings name is run, but for clean filters, and those are named", async () => {
  using lab = newRepository();
  const { repository } = lab;
  await commitAll(repository, {
    "a.txt": "1\n",
    "b.txt": "1\n",
    "big.dat": "1\n",
    "late.txt": "1\n",
  });
  const inner = join(lab.path, "inner");
  Deno.mkdirSync(inner);
  await commitAll(inner, { "x.txt": "1\n" });
  await git(
    repository,
    "-c",
    "protocol.file.allow=always",
    ...["submodule", "--quiet", "add"],
    inner,
    "sub",
  );
  await git(repository, "commit", "--quiet", "--message", "sub");
  const trap = join(lab.path, "trap");
  const ran = (by: string) => join(lab.path, `ran-${by}`);
  Deno.writeTextFileSync(trap, `#!/bin/sh\ntouch "${lab.path}/ran-$1"\ncat\n`, { mode: 0o755 });
  const config: Record<string, string> = {
    "core.fsmonitor": `${trap} fsmonitor`,
    "core.hooksPath": join(lab.path, "hooks"),
    "core.pager": `${trap} pager`,
    "pager.status": `${trap} pager`,
    "pager.diff": "true",
    "diff.external": `${trap} external`,
    "diff.trap.command": `${trap} driver`,
    "diff.trap.textconv": `${trap} textconv`,
    "core.sshCommand": `${trap} ssh`,
    "core.askPass": `${trap} askpass`,
    "alias.status": `!${trap} alias`,
    "credential.helper": `!${trap} credential`,
    "filter.named.clean": `${trap} clean`,
    "filter.named.smudge": `${trap} smudge`,
    "remote.origin.url": `ext::${trap} transport`,
    "protocol.ext.allow": "always",
    "remote.origin.promisor": "true",
    "remote.origin.partialclonefilter": "blob:none",
    "diff.noprefix": "true",
    "diff.mnemonicPrefix": "true",
    "color.ui": "always",
    "diff.renames": "copies",
    "diff.orderFile": "/etc/shadow-of-nothing",
    "status.showUntrackedFiles": "no",
    "diff.ignoreSubmodules": "all",
    "diff.submodule": "log",
    "diff.context": "0",
  };
  for (const folder of [repository, join(repository, "sub")]) {
    for (const [name, value] of Object.entries(config)) {
      if (folder !== repository && name.startsWith("filter.")) continue;
      await git(folder, "config", name, value);
    }
  }
  Deno.mkdirSync(join(lab.path, "hooks"));
  for (const hook of ["post-index-change", "fsmonitor-watchman", "post-checkout", "pre-commit"]) {
    Deno.writeTextFileSync(join(lab.path, "hooks", hook), `#!/bin/sh\ntouch "${ran("hook")}"\n`, {
      mode: 0o755,
    });
  }
  putFiles(repository, {
    ".gitattributes": "*.txt diff=trap\n*.dat filter=named\n",
    "a.txt": "2\n",
    "big.dat": "2\n",
    "new.txt": "3\n",
    "sub/x.txt": "2\n",
  });
  for (const path of ["fsmonitor", "clean"]) if (exists(ran(path))) Deno.removeSync(ran(path));
  const made = await make(lab, repository, {}, worldIn(repository));
  const ran_now = () =>
    [...Deno.readDirSync(lab.path)].map(({ name }) => name).filter((name) => /^ran-/.test(name));
  assertEquals(ran_now(), ["ran-clean"]);
  assertEquals(made.code.filters, ["named"]);
  assertEquals(made.code.submodules, ["sub"]);
  assertEquals(made.list.map(({ path }) => path).sort(), [
    ...[".gitattributes", "a.txt", "big.dat", "new.txt"],
  ]);
  assertStringIncludes(made.patch, "-1\n+2\n");
  // What was never fetched is not fetched now: an object of a changed file is gone.
  const blob = await git(repository, "-c", "core.fsmonitor=false", "rev-parse", "HEAD:late.txt");
  Deno.removeSync(join(repository, ".git", "objects", blob.slice(0, 2), blob.slice(2)));
  putFiles(repository, { "late.txt": "2\n" });
  const other = await make(lab, repository, { run_id: "s" });
  assertEquals(ran_now(), ["ran-clean"]);
  const reasons = other.list.filter(({ kept }) => !kept).map(({ path, reason }) => [path, reason]);
  const missing = "git cannot tell its change: is an object of the repository missing?";
  assertEquals(reasons.find(([path]) => path === "late.txt"), ["late.txt", missing]);
  await cannot(lab);
  assertEquals(ran_now(), ["ran-clean"]);
});

Deno.test("what git does not see, or sees otherwise, is named: files marked assume-unchanged or skip-worktree, filtered ones", async () => {
  using lab = newRepository();
  const { repository } = lab;
  await git(repository, "init", "--quiet");
  await git(repository, "config", "filter.up.clean", "tr a-z A-Z");
  const first = { ".gitattributes": "*.dat filter=up\n", "a.dat": "a\n", "k.dat": "a\n" };
  await commitAll(repository, {
    ...first,
    "quiet.py": "1\n",
    "skipped.py": "1\n",
    "plain.py": "1\n",
  });
  await git(repository, "update-index", "--assume-unchanged", "quiet.py");
  await git(repository, "update-index", "--skip-worktree", "skipped.py");
  putFiles(repository, { "a.dat": "b\n", "quiet.py": "2\n", "plain.py": "2\n" });
  putFiles(repository, { "k.dat": "b\n\0" });
  const { list } = await make(lab, repository, { argv: ["true"] });
  const unwatched =
    "git does not watch it (assume-unchanged or skip-worktree): it may be as it was committed";
  const filtered = "it is kept as the repository's filter makes it for git";
  const binary = "a filter of the repository makes what git has of it";
  assertEquals(list.map(({ path, kept, reason }) => [path, kept, reason]), [
    ["a.dat", true, filtered],
    ["k.dat", false, binary],
    ["plain.py", true, undefined],
    ["quiet.py", false, unwatched],
    ["skipped.py", false, unwatched],
  ]);
  assert(list.every(({ sha256 }) => sha256));
  assertEquals(await cannot(lab), [
    `a.dat: ${filtered}`,
    `k.dat (changed): ${binary}`,
    `quiet.py (changed): ${unwatched}`,
    `skipped.py (changed): ${unwatched}`,
  ]);
  const back = filesIn(await rerun(lab));
  assertEquals([back["a.dat"], back["plain.py"]], ["false B\n", "false 2\n"]);
});

Deno.test("a folder that settings declare to be the work tree is not read", async () => {
  using lab = newRepository();
  const outside = join(lab.path, "outside");
  putFiles(outside, { "diary.txt": "private\n", "in/x": "" });
  await commitAll(lab.repository, { "a.py": "1\n" });
  const repository = join(outside, "in", "bait");
  Deno.renameSync(lab.repository, repository);
  await git(repository, "config", "core.worktree", outside);
  const made = await make(lab, repository);
  assertEquals(made.list.filter(({ state }) => state === "untracked"), []);
  assert(!everythingIn(lab.runs_dir).includes("private"));
});

Deno.test("each state of a repository is told, and what of it cannot be brought back", async () => {
  const nothing = async (_: Lab & { repository: string }) => {};
  type Case = [
    setUp: (lab: Lab & { repository: string }) => Promise<unknown>,
    expected: string[],
    after?: (lab: Lab & { repository: string }) => unknown,
    where?: string,
  ];
  const no_command = "the command line: none was given (ledger runs create … -- COMMAND)";
  const first = { "a.py": "1\n" };
  const cases: Record<string, Case> = {
    "no repository": [nothing, [
      "the code: no repository was known when the run began",
      no_command,
    ]],
    "no commit": [async ({ repository }) => {
      await git(repository, "init", "--quiet");
      putFiles(repository, first);
      await git(repository, "add", ".");
      putFiles(repository, { "b.py": "2\n" });
    }, [no_command]],
    "a detached head": [async ({ repository }) => {
      await commitAll(repository, first);
      await git(repository, "checkout", "--quiet", "--detach");
      await commitAll(repository, { "a.py": "2\n" });
      await git(repository, "checkout", "--quiet", "feature/é");
      await git(repository, "checkout", "--quiet", "--detach", "HEAD@{1}");
    }, [no_command]],
    "a work tree beside": [
      async ({ repository }) => {
        await commitAll(repository, first);
        await git(repository, "worktree", "add", "--quiet", "-b", "side", "../side");
        putFiles(join(repository, "../side"), { "a.py": "2\n" });
      },
      [no_command],
      undefined,
      "side",
    ],
    "a work tree that was removed": [
      async ({ repository }) => {
        await commitAll(repository, first);
        await git(repository, "worktree", "add", "--quiet", "-b", "side", "../side");
      },
      [no_command],
      ({ repository }) => git(repository, "worktree", "remove", "--force", "../side"),
      "side",
    ],
    "objects of another format": [async ({ repository }) => {
      await commitAll(repository, { "x.bin": "\0" }, "--object-format=sha256");
      putFiles(repository, { "x.bin": "\0\x01", "y.bin": "\0\x02" });
    }, [no_command]],
    "a repository that is gone": [
      ({ repository }) => commitAll(repository, first),
      ["the code: its repository REPOSITORY is gone, and it was cloned from nowhere", no_command],
      ({ repository }) => Deno.removeSync(repository, { recursive: true }),
    ],
    "a commit that is gone": [
      ({ repository }) => commitAll(repository, first),
      ["the code: commit COMMIT is not in REPOSITORY any more", no_command],
      async ({ repository }) => {
        Deno.removeSync(join(repository, ".git"), { recursive: true });
        await commitAll(repository, { "b.py": "1\n" });
      },
    ],
    "nothing but where it was cloned from": [
      async ({ repository }) => {
        await commitAll(repository, first);
        await git(repository, "remote", "add", "origin", "https://bob@example.org/lab.git");
      },
      [
        "the user of https://[masked]@example.org/lab.git: it was masked, put your own in its place",
        "commits that were not pushed: REPOSITORY is gone, so https://[masked]@example.org/lab.git is cloned",
        no_command,
      ],
      ({ repository }) => Deno.removeSync(repository, { recursive: true }),
    ],
    "a patch that was changed": [
      async ({ repository }) => {
        await commitAll(repository, first);
        putFiles(repository, { "a.py": "2\n" });
      },
      [
        "the changes that were not committed: PATCH is not the file that was written then",
        no_command,
      ],
      ({ runs_dir }) => {
        const month = [...Deno.readDirSync(runs_dir)].find(({ name }) => name.startsWith("2"))!;
        const patch = join(runs_dir, month.name, "run_id=r/provenance/diff.patch");
        Deno.writeTextFileSync(patch, "x");
      },
    ],
  };
  for (const [name, [setUp, expected, after, where]] of Object.entries(cases)) {
    using lab = newRepository();
    await setUp(lab);
    const cwd = where ? join(lab.path, where) : lab.repository;
    const before = filesIn(cwd);
    const { folder, manifest } = await make(lab, cwd);
    await after?.(lab);
    const told = (await cannot(lab)).map((line) =>
      line.replaceAll(lab.repository, "REPOSITORY").replaceAll(
        String(manifest.git_commit),
        "COMMIT",
      )
        .replace(join(folder, "provenance/diff.patch"), "PATCH")
    );
    assertEquals(told, expected, name);
    if (expected.length === 1) assertEquals(filesIn(await rerun(lab)), before, name);
  }
});

Deno.test("past its limits there are digests only, and what is left out is said", async () => {
  using lab = newRepository();
  const { repository } = lab;
  await commitAll(repository, { "a.py": "1\n", "long.txt": "x\n" });
  const long = "0123456789\n".repeat(60_000);
  putFiles(repository, {
    "a.py": "2\n",
    "long.txt": long,
    "more.txt": long,
    "over.txt": long + long,
  });
  const { list, patch, code } = await make(lab, repository, { argv: ["true"] });
  const beyond = "the patch holds at most 1000000 bytes";
  assertEquals(list.map(({ path, kept, reason }) => [path, reason ?? kept]), [
    ["a.py", true],
    ["long.txt", true],
    ["more.txt", beyond],
    ["over.txt", beyond],
  ]);
  assert(list.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256!)));
  assert(patch.length <= 1_000_000);
  assertEquals(code.files!.left_out, 2);
  assertEquals(await cannot(lab), [
    `more.txt (untracked): ${beyond}`,
    `over.txt (untracked): ${beyond}`,
  ]);
  assertEquals(Object.keys(filesIn(await rerun(lab))).sort(), ["a.py", "long.txt"]);
});

Deno.test("a changed file of very many lines is a digest past the limit of the patch, whatever its lines", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "long.txt": "x\n", "small.txt": "1\n" });
  putFiles(lab.repository, { "long.txt": "y\n".repeat(400_000), "small.txt": "2\n" });
  const { list } = await make(lab, lab.repository);
  assertEquals(list.map(({ path, kept }) => [path, kept]), [
    ["long.txt", false],
    ["small.txt", true],
  ]);
});

Deno.test("a git that prints without end, or never ends, is stopped; the run begins", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "a.py": "1\n" });
  putFiles(lab.repository, { "a.py": "2\n", "b.py": "3\n" });
  const { runProgram } = worldIn(lab.repository);
  const world = worldIn(lab.repository, {
    runProgram: async (name, args, bounds) => {
      const what = args.find((arg) => ["diff", "config"].includes(arg));
      const program = what === "diff" ? ["yes"] : what === "config" ? ["sleep", "1000"] : undefined;
      const few = { ...bounds, bytes_max: 1_000, wait_ms: 100 };
      if (!program) return await runProgram(name, args, bounds);
      return await testWorld().runProgram(program[0], program.slice(1), few);
    },
  });
  const { list, code } = await make(lab, lab.repository, {}, world);
  assertEquals(list.map(({ path, kept }) => [path, kept]), [["a.py", false], ["b.py", true]]);
  assertEquals([code.remotes, code.filters], [undefined, undefined]);
});

Deno.test("of a program that ended, and left its output to another, what was printed is there", async () => {
  const { runProgram } = testWorld();
  const ended = await runProgram("sh", ["-c", "sleep 1000 & echo x $!"], {
    env: { PATH: Deno.env.get("PATH")! },
    bytes_max: 1_000,
    wait_ms: 200,
  });
  const [word, pid] = new TextDecoder().decode(ended?.stdout).trim().split(" ");
  Deno.kill(Number(pid), "SIGKILL");
  assertEquals([word, ended?.is_cut], ["x", true]);
});

Deno.test("a changed line with a carriage return in it stays in its section, whatever follows that", () => {
  const head = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n";
  const diff = `${head}+x\rdiff --git a/y b/y\n`;
  const other = "diff --git a/b.txt b/b.txt\nnew file mode 100644\n";
  assertEquals(sectionsOf(diff + other), [
    { path: "a.txt", text: diff },
    { path: "b.txt", text: other },
  ]);
});

Deno.test("a file that changes while it is read is said to", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "a.py": "1\n" });
  putFiles(lab.repository, { "a.py": "2\n", "b.py": "2\n" });
  const files = systemFiles((operation, path) => {
    if (operation === "open" && /[ab]\.py$/.test(path)) Deno.writeTextFileSync(path, "333\n");
  });
  const { list } = await make(lab, lab.repository, {}, worldIn(lab.repository, { files }));
  const reason = "it changed while it was read";
  assertEquals(list.map(({ path, reason }) => [path, reason]), [["a.py", reason], [
    "b.py",
    reason,
  ]]);
});

Deno.test("where there is a repository and no answer from git, that is said", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "in/a.py": "1\n" });
  Deno.writeTextFileSync(join(lab.repository, ".git", "HEAD"), "damaged");
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  const parameters = { seed: 11 };
  const made = await make(lab, join(lab.repository, "in"), { onNotice, parameters });
  assertEquals(notices, [
    `the code is not noted: git gives no answer about ${lab.repository} (git status says why)`,
  ]);
  assertEquals([made.manifest.git_commit, made.code.seed], [undefined, 11]);
  await make(lab, lab.path, { run_id: "s", onNotice });
  await make(lab, lab.repository, { run_id: "t", git: false, onNotice });
  assertEquals(notices.length, 1);
});

Deno.test("without the code there are digests only; without git the command line and the machine", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "a.py": "1\n", "Cargo.lock": "x" });
  putFiles(lab.repository, { "a.py": "2\n", "b.py": "2\n" });
  const { list, code } = await make(lab, lab.repository, { code: false });
  assertEquals(code.patch, undefined);
  assertEquals(list.map(({ path, kept, sha256 }) => [path, kept, sha256?.length]), [
    ["a.py", false, 64],
    ["b.py", false, 64],
  ]);
  const other = await make(lab, lab.repository, {
    ...{ run_id: "s", git: false, argv: ["x"], versions: { python: "3.12" }, seed: "7" },
  });
  assertEquals(other.manifest.git_commit, undefined);
  const { argv, versions, seed, lock_files, files, repository } = other.code;
  assertEquals([argv, versions, seed, files, repository], [
    ["x"],
    { python: "3.12" },
    "7",
    undefined,
    undefined,
  ]);
  assertEquals(lock_files!.map(({ path, bytes }) => [path, bytes]), [["Cargo.lock", 1]]);
});

Deno.test("killed at each step of a creation, there is no run, or one whose evidence is as its manifest says", async () => {
  using template = newRepository();
  await commitAll(template.repository, { "a.py": "1\n" });
  putFiles(template.repository, { "a.py": "2\n", "b.py": "2\n" });
  const { runProgram } = worldIn(template.repository);
  const answers = new Map<string, ReturnType<typeof runProgram>>();
  const remembered: World["runProgram"] = (name, args, bounds) => {
    const key = args.join(" ").replace(/ledger-test-[^/ ]+/g, "");
    if (!answers.has(key)) answers.set(key, runProgram(name, args, bounds));
    return answers.get(key)!;
  };
  const step = IS_FULL ? 1 : 4;
  let is_over = false;
  for (let k = 1; !is_over; k += step) {
    using lab = newLab();
    let count = 0;
    const files = systemFiles((_, path) => {
      if (path.startsWith(lab.runs_dir) && ++count >= k) throw systemError("EIO", "killed");
    });
    const worldOf = (of?: Files) =>
      worldIn(template.repository, { runProgram: remembered, ...(of ? { files: of } : {}) });
    await make(lab, template.repository, {}, worldOf(files)).catch((error) => {
      if (!asLedgerError(error)) throw error;
    });
    is_over = count < k;
    const again = await make(lab, template.repository, {}, worldOf()).catch((error) => {
      assertStringIncludes(asLedgerError(error)?.message ?? String(error), "there is one already");
    });
    const { findings, runs } = await ledgerOf(lab).runs.verify({ deep: true });
    const problems = findings.filter(({ problem }) => !problem.includes("half-written"));
    assertEquals([runs, problems], [1, []], `at ${k}`);
    const { list, patch } = again ??
      await make(lab, template.repository, { run_id: "s" }, worldOf());
    assertEquals(list.map(({ kept }) => kept), [true, true], `at ${k}`);
    assertStringIncludes(patch, "+2");
  }
});

Deno.test("a run that had not begun is created again with the code of the second time, whatever cuts that short", async () => {
  const newCode = async (text: string) => {
    const { repository, ...lab } = newRepository();
    await commitAll(repository, { "a.py": "1\n" });
    putFiles(repository, { "a.py": text, [`untracked-${text.trim()}`]: "x" });
    return { repository, ...lab };
  };
  using first = await newCode("2\n");
  using second = await newCode("3\n");
  const answers = new Map<string, ReturnType<World["runProgram"]>>();
  const worldOf = (cwd: string, files?: Files) => {
    const world = worldIn(cwd, files ? { files } : {});
    const runProgram: World["runProgram"] = (...asked) =>
      answers.getOrInsertComputed(
        cwd + asked[1].join(" ").replace(/ledger-test-[^/ ]+/g, ""),
        () => worldIn(cwd).runProgram(...asked),
      );
    return { ...world, runProgram };
  };
  const unlogged = systemFiles((operation, path) => {
    if (operation === "write" && path.endsWith(".jsonl")) throw systemError("ENOSPC", "full");
  });
  for (let k = 1, is_over = false; !is_over; k += IS_FULL ? 1 : 4) {
    using lab = newLab();
    const create = (of: Lab & { repository: string }, argv: string[], files?: Files) =>
      make(lab, of.repository, { argv }, worldOf(of.repository, files)).catch((error) => {
        if (!asLedgerError(error)) throw error;
      });
    assertEquals(await create(first, ["one"], unlogged), undefined);
    let count = 0;
    const cut = systemFiles((_, path) => {
      if (path.startsWith(lab.runs_dir) && ++count >= k) throw systemError("EIO", "killed");
    });
    const made = await create(second, ["two"], cut);
    is_over = count < k;
    const { findings } = await ledgerOf(lab).runs.verify({ deep: true });
    const problems = findings.filter(({ problem }) => !/half-written|no manifest/.test(problem));
    assertEquals(problems, [], `at ${k}`);
    const { code, patch, list } = made ?? await create(second, ["two"]) ??
      madeIn((await ledgerOf(lab).runs.find("r")).folder);
    assertEquals(code.argv, ["two"], `at ${k}`);
    assertStringIncludes(patch, "+3");
    assertEquals(list.map(({ path }) => path), ["a.py", "untracked-3"]);
  }
});

Deno.test("verify compares the evidence with its digests; the patch is for its owner, also in a copy and an archive", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "a.py": "1\n" });
  putFiles(lab.repository, { "a.py": "2\n" });
  const run = await ledgerOf(lab, worldIn(lab.repository)).runs.create({
    run_type: "policy",
    run_id: "r",
  });
  await run.markSuccess();
  const patch = join(run.folder, "provenance/diff.patch");
  const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;
  assertEquals(modeOf(patch), 0o600);
  const verified = async () => {
    const { findings } = await ledgerOf(lab).runs.verify({ deep: true });
    return findings.map(({ path, problem }) => [path.split("/").at(-1), problem]);
  };
  assertEquals(await verified(), []);
  const others = systemFiles((operation, path) => {
    if (operation === "open" && path === patch) throw systemError("EACCES", "not for others");
  });
  const by_others = await ledgerOf(lab, testWorld({ files: others })).runs.verify({ deep: true });
  assertEquals(by_others.findings, []);
  assertEquals(by_others.notes.map(({ note }) => note), [
    "only its owner can read it: its bytes were not compared",
  ]);
  using other = newLab();
  const pulled = await inLab(other, ["pull", lab.dir, "--runs", lab.runs_dir]);
  assertEquals(pulled.code, 0, pulled.stderr);
  assertEquals(modeOf(join(other.runs_dir, run.path, "provenance/diff.patch")), 0o600);
  const archived = await inLab(other, [
    "runs",
    "prune",
    "--before",
    "2999-01",
    "--yes",
    "--archive",
    join(other.runs_dir, "archive"),
  ]);
  assertEquals(archived.code, 0, archived.stderr);
  const [archive] = [...Deno.readDirSync(join(other.runs_dir, "archive"))];
  const listing = await runTool(other.runs_dir, "tar", "-tvzf", join("archive", archive.name));
  const modes = listing.split("\n").map((line) => [line.split("/").at(-1), line.slice(0, 10)]);
  assertEquals(Object.fromEntries(modes)["diff.patch"], "-rw-------");
  assertEquals(Object.fromEntries(modes)["run.json"], "-rw-r--r--");
  Deno.writeTextFileSync(patch, textAt(patch).replace("+2", "+3"));
  assertEquals((await verified()).map(([name]) => name), ["diff.patch"]);
  Deno.removeSync(patch);
  assertEquals(await verified(), [["diff.patch", "it is not there"]]);
});

Deno.test("a manifest from elsewhere cannot put words of its own into the script", async () => {
  using lab = newRepository();
  await commitAll(lab.repository, { "a.py": "1\n" });
  const { folder, manifest } = await make(lab, lab.repository, { argv: ["true"] });
  const bad = `x'; touch ${lab.path}/owned; "$(touch ${lab.path}/owned)\ntouch ${lab.path}/owned\n`;
  const code = {
    ...manifest.code as object,
    repository: bad,
    git_dir: `/${bad}`,
    remotes: { origin: `ext::sh -c "touch ${lab.path}/owned"`, other: `--upload-pack=${bad}` },
    argv: ["true", bad],
    cwd: bad,
    host: bad,
    seed: bad,
    versions: { [bad]: bad },
    env: { [bad]: bad },
    lock_files: [{ path: bad, bytes: 1, sha256: "0".repeat(64) }],
    patch: { path: "../../../x", bytes: 1, sha256: "0".repeat(64), masked_lines: 0 },
    submodules: [bad],
  };
  const inputs = [{ path: `/${bad}`, bytes: 1, sha256: "0".repeat(64) }];
  // Only what names a real commit gets as far as the remotes.
  for (const git_commit of [bad, manifest.git_commit]) {
    const text = JSON.stringify({
      ...{ ...manifest, git_commit, code, inputs },
      parameters: { [bad]: bad },
    });
    Deno.writeTextFileSync(join(folder, "run.json"), text);
    const { code: exit, stdout } = await inLab(lab, ["runs", "rerun", "r"]);
    assertEquals(exit, 0);
    await new Deno.Command("sh", {
      args: ["-c", stdout.replace("set -e", "")],
      cwd: lab.path,
      stderr: "null",
    }).output();
    assert(!exists(join(lab.path, "owned")), stdout);
  }
});
