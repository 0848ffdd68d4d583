import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { digestOf } from "../../src/base/files/checksum.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { makeReport } from "../../src/mod.ts";
import type { RunDirectory } from "../../src/runs/directory/directory.ts";
import { attachedFiles } from "../../src/runs/manifest/attached.ts";
import { systemError, testWorld } from "../harness.ts";
import { inLab, type Lab, ledgerOf, namesIn, newLab, putFile, putRun, sync } from "./runs.ts";

const PNG = Uint8Array.from([0x89, ...new TextEncoder().encode("PNG\r\n\x1a\n..")]);

async function create(lab: Lab, run_id = "r", events = false): Promise<RunDirectory> {
  const run = { run_type: "policy", run_id, git: false } as const;
  return await ledgerOf(lab).runs.create(run, { events });
}

function bytesOf(text: string): { bytes: Uint8Array } {
  return { bytes: new TextEncoder().encode(text) };
}

async function problemsOf(lab: Lab, run_id = "r"): Promise<string[]> {
  const { findings } = await ledgerOf(lab).runs.verify({ run_id, deep: true });
  return findings.map(({ path, problem }) => `${path.split("/").slice(2).join("/")}: ${problem}`);
}

Deno.test("a file is stored with its size, digest, kind and media type, and one of its name gives way", async () => {
  using lab = newLab();
  const run = await create(lab);
  const path = join(lab.path, "equity.png");
  Deno.writeFileSync(path, PNG);
  const attached = await run.attachFile({ path }, { as: "plots/equity.png" });
  const said = {
    kind: "plot",
    bytes: PNG.length,
    sha256: digestOf([PNG]),
    media_type: "image/png",
  };
  const stored = join(run.folder, "files/plots/equity.png");
  assertEquals(Deno.readFileSync(stored), PNG);
  assertEquals(attached.path, "files/plots/equity.png");
  assertEquals(run.readManifest().files, { "plots/equity.png": said });
  const again = await run.attachFile(bytesOf("<svg/>"), { as: "plots/equity.png", kind: "other" });
  assertEquals([again.kind, again.replaced_bytes], ["other", PNG.length]);
  assertEquals(Deno.readTextFileSync(stored), "<svg/>");
  assertEquals(namesIn(lab, `${run.path}/files/plots`), ["equity.png"]);
  assertEquals(await problemsOf(lab), []);
});

Deno.test("media type and kind are told by what a file holds, then by its name", async () => {
  using lab = newLab();
  const run = await create(lab);
  const CASES: [name: string, bytes: Uint8Array | string, media_type: string, kind: string][] = [
    ["a", PNG, "image/png", "plot"],
    ["a.txt", PNG, "image/png", "plot"],
    ["not.png", "text", "application/octet-stream", "other"],
    ["photo", Uint8Array.from([0xff, 0xd8, 0xff, 0xe0]), "image/jpeg", "plot"],
    ["moves", "GIF89a", "image/gif", "plot"],
    ["w", "RIFF\0\0\0\0WEBPVP8 ", "image/webp", "plot"],
    ["cut", "RIFF", "application/octet-stream", "other"],
    ["d.SVG", "<svg/>", "image/svg+xml", "plot"],
    ["n.ipynb", "{}", "application/x-ipynb+json", "notebook"],
    ["m.onnx", "x", "application/octet-stream", "model"],
    ["m.json", "{}", "application/json", "other"],
    ["empty", "", "application/octet-stream", "other"],
  ];
  for (const [as, content, media_type, kind] of CASES) {
    const source = typeof content === "string" ? bytesOf(content) : { bytes: content };
    const file = await run.attachFile(source, { as });
    assertEquals([file.media_type, file.kind], [media_type, kind], as);
  }
});

Deno.test("a name that leads out of files/, or is no file's, is refused, and nothing is stored", async () => {
  using lab = newLab();
  const run = await create(lab);
  await run.attachFile(bytesOf("x"), { as: "plots/a" });
  const REFUSED: Record<string, string> = {
    "../run.json": "it has to lead to a file below files/",
    "/etc/passwd": "it has to lead to a file below files/",
    "plots//b": "it has to lead to a file below files/",
    "plots/": "it has to lead to a file below files/",
    "": "it has to lead to a file below files/",
    "a\nb": "it has a character that no name here has",
    "a\\b": "it has a character that no name here has",
    ".lock": "the program's own",
    "x.tmp": "the program's own",
    ["x".repeat(201)]: "a name has at most 200 bytes",
    "plots": "is a folder",
    "plots/a/b": "is a file",
  };
  const before = run.readManifest();
  for (const [as, words] of Object.entries(REFUSED)) {
    const error = await assertRejects(() => run.attachFile(bytesOf("y"), { as }), LedgerError);
    assertEquals(error.code, "invalid", as);
    assertStringIncludes(error.message, words);
  }
  await assertRejects(() => run.attachFile(bytesOf("y")), LedgerError, "it needs one");
  assertEquals(run.readManifest(), before);
  assertEquals(namesIn(lab, `${run.path}/files`), ["plots"]);
});

Deno.test("a file that was put there by hand is not replaced, but may be attached itself", async () => {
  using lab = newLab();
  const run = await create(lab);
  putFile(lab, run.path, "files/a.txt", "by hand");
  const attach = (text: string) => run.attachFile(bytesOf(text), { as: "a.txt" });
  await assertRejects(() => attach("another"), LedgerError, "a file that no manifest knows");
  assertEquals(namesIn(lab, `${run.path}/files`), ["a.txt"]);
  await run.attachFile({ path: join(run.folder, "files/a.txt") });
  assertEquals((await attach("another")).replaced_bytes, 7);
});

Deno.test("a run that has ended takes no file, and the hint names what can be said of it", async () => {
  using lab = newLab();
  const run = await create(lab);
  const late = async function* () {
    await run.markSuccess();
    yield new TextEncoder().encode("late");
  };
  const stdin = { ...testWorld().stdin, read: readerOf(late()) };
  const slow = await ledgerOf(lab, { ...testWorld(), stdin }).runs.find("r");
  const ended = "it has ended (completed)";
  await assertRejects(() => slow.attachFile({ stdin: true }, { as: "a" }), LedgerError, ended);
  assertEquals(namesIn(lab, `${run.path}/files`), []);
  const { code, stderr } = await inLab(lab, ["runs", "attach", "r", "-", "--as", "a"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "ledger runs annotate r --note");
  assertEquals(await problemsOf(lab), []);
});

Deno.test("a run that is refused its end goes on, and loses nothing of what is being attached", async () => {
  using lab = newLab();
  const momentum = { run_type: "momentum", run_id: "r", git: false };
  const run = await ledgerOf(lab).runs.create(momentum, { events: false });
  await run.writeArtifact("summary", [{ sharpe: 1 }]);
  const refused = async function* () {
    yield new TextEncoder().encode("first ");
    await assertRejects(() => run.markSuccess({ summary: { sharpe: 2 } }), LedgerError);
    yield new TextEncoder().encode("second");
  };
  const stdin = { ...testWorld().stdin, read: readerOf(refused()) };
  const slow = await ledgerOf(lab, { ...testWorld(), stdin }).runs.find("r");
  await slow.attachFile({ stdin: true }, { as: "a.txt" });
  assertEquals(Deno.readTextFileSync(join(run.folder, "files/a.txt")), "first second");
  assertEquals(await problemsOf(lab), []);
});

function readerOf(pieces: AsyncGenerator<Uint8Array>) {
  return async (buffer: Uint8Array) => {
    const { value, done } = await pieces.next();
    if (done) return null;
    buffer.set(value);
    return value.length;
  };
}

Deno.test("a file that changes while it is read is refused", async () => {
  using lab = newLab();
  const run = await create(lab);
  const path = join(lab.path, "grows.log");
  Deno.writeTextFileSync(path, "one\n");
  let is_first = true;
  const files = systemFiles((operation, on) => {
    if (operation !== "create" || !on.includes("grows.log") || !is_first) return;
    is_first = false;
    Deno.writeTextFileSync(path, "one\ntwo\n");
  });
  const beside = await ledgerOf(lab, testWorld({ files })).runs.find("r");
  const error = await assertRejects(() => beside.attachFile({ path }), LedgerError);
  assertStringIncludes(error.message, "it changed while it was read");
  assertEquals([run.readManifest().files, namesIn(lab, `${run.path}/files`)], [undefined, []]);
  await beside.attachFile({ path });
  assertEquals(await problemsOf(lab), []);
});

Deno.test("two that attach under one name at once leave one of them, and its digest", async () => {
  using lab = newLab();
  await create(lab);
  await Promise.all(Array.from({ length: 8 }, async (_, n) => {
    const run = await ledgerOf(lab).runs.find("r");
    await run.attachFile(bytesOf(`text ${n}`), { as: "a.txt" });
    await run.attachFile(bytesOf(`text ${n}`), { as: `${n}.txt` });
  }));
  const run = await ledgerOf(lab).runs.find("r");
  assertEquals(attachedFiles(run.readManifest()).length, 9);
  assertEquals(await problemsOf(lab), []);
});

Deno.test("whatever step of attaching is killed, or fails: the old file or the new, as its manifest says", async () => {
  for (const [has_old, has_links] of [[true, true], [true, false], [false, true]]) {
    const seen = new Set<string>();
    for (let step = 1; !await isDoneBefore(step, has_old, has_links, seen);) step++;
    assertEquals(seen, new Set([has_old ? OLD : "undefined", NEW]));
  }
});

const OLD = "the old one", NEW = "the new one, which is longer";

/** Attaches until a step; whether that was all of it. */
async function isDoneBefore(
  step: number,
  has_old: boolean,
  has_links: boolean,
  seen: Set<string>,
): Promise<boolean> {
  using lab = newLab();
  const run = await create(lab);
  const attach = async (text: string, world = testWorld()) => {
    const found = await ledgerOf(lab, world).runs.find("r");
    return await found.attachFile(bytesOf(text), { as: "plots/a.txt" });
  };
  if (has_old) await attach(OLD);
  let count = 0;
  const files = systemFiles((operation, path) => {
    const fails = operation === "link" && !has_links;
    if (fails || (path.startsWith(run.folder) && ++count >= step)) {
      throw systemError("EIO", "killed");
    }
  });
  const is_done = await attach(NEW, testWorld({ files })).then(() => true, (error) => {
    if (!(error instanceof LedgerError)) throw error;
    return false;
  });
  const place = `step ${step}, old: ${has_old}, links: ${has_links}`;
  const seriousOf = async () =>
    (await problemsOf(lab)).filter((text) => !text.includes("half-written"));
  assertEquals(await seriousOf(), [], place);
  const text = textIn(run);
  assert(text === NEW || (!is_done && text === (has_old ? OLD : undefined)), place);
  seen.add(`${text}`);
  // Another begins where this one was cut off, and so does the end of the run.
  const is_followed = step % 2 === 0;
  if (is_followed) assertEquals((await attach("third")).bytes, 5, place);
  await (await ledgerOf(lab).runs.find("r", { events: false })).markSuccess();
  // What a killed one left half-written goes with the end of the run.
  assertEquals(await problemsOf(lab), [], place);
  const [file] = attachedFiles(run.readManifest());
  if (file) assertEquals(file.path, "files/plots/a.txt", place);
  assertEquals(textIn(run), is_followed ? "third" : text, place);
  return is_done;
}

Deno.test("a file that waits for its own name is never called half-written, however long it waits", async () => {
  using lab = newLab();
  const run = await create(lab);
  const files = systemFiles((operation) => {
    if (operation === "link" || operation === "copy to") throw systemError("EIO", "killed");
  });
  const killed = await ledgerOf(lab, testWorld({ files })).runs.find("r");
  await assertRejects(() => killed.attachFile(bytesOf("waits"), { as: "a.txt" }), LedgerError);
  assertEquals(textIn(run), "waits");
  putFile(lab, run.path, "files/b.txt.tmp");
  const later = { now_ms: () => Date.now() + 30 * 86_400_000 };
  const { findings } = await ledgerOf(lab, testWorld(later)).runs.verify({ run_id: "r" });
  assertEquals(findings.map(({ path }) => path), [`${run.path}/files/b.txt.tmp`]);
  const { stdout } = await inLab(lab, ["doctor"], later);
  assertStringIncludes(stdout, "1 left half-written by killed programs");
});

/** What the manifest says is there, as it is there. */
function textIn(run: RunDirectory): string | undefined {
  const [file] = attachedFiles(run.readManifest());
  return file && Deno.readTextFileSync(join(run.folder, file.path));
}

Deno.test("runs show lists attached files, and runs verify finds one that changed, went, or was added", async () => {
  using lab = newLab();
  const run = await create(lab);
  for (const as of ["a.txt", "b.txt", "c.txt"]) await run.attachFile(bytesOf("same"), { as });
  await run.markSuccess();
  assertEquals(await problemsOf(lab), []);
  putFile(lab, run.path, "files/a.txt", "else");
  Deno.removeSync(join(run.folder, "files/b.txt"));
  putFile(lab, run.path, "files/d.txt");
  assertEquals(await problemsOf(lab), [
    "files/a.txt: its sha256 is not the one that the manifest says: its bytes have changed",
    "files/b.txt: it is not there",
    "files/d.txt: no manifest knows this file: left behind, or put there",
  ]);
  const verified = await inLab(lab, ["runs", "verify", "r"]);
  assertEquals(verified.code, 3);
  assertStringIncludes(verified.stdout, "1 run, 0 artifacts, 3 attached files: 2 findings");
  const shown = await inLab(lab, ["runs", "show", "r"]);
  assertStringIncludes(shown.stdout, "b.txt  other  text/plain   4 B  missing  files/b.txt");
  const { files } = JSON.parse((await inLab(lab, ["runs", "show", "r", "--json"])).stdout);
  assertEquals(files.map((file: Record<string, unknown>) => [file.name, file.is_there]), [
    ["a.txt", true],
    ["b.txt", false],
    ["c.txt", true],
  ]);
});

Deno.test("`files` of another form is kept, read as no files, and lost to none that is attached", async () => {
  using lab = newLab();
  const entry = { kind: "plot", bytes: 1, sha256: "x", media_type: "image/png" };
  const OTHERS: unknown[] = [["a"], "a", { "../out": entry }, { a: "text" }, { a: { bytes: 1 } }];
  for (const [at, files] of OTHERS.entries()) {
    putRun(lab, `o${at}`, { files, status: "running" }, { has_success: false });
    const run = await ledgerOf(lab).runs.find(`o${at}`);
    assertEquals(attachedFiles(run.readManifest()), []);
    const attaching = run.attachFile(bytesOf("x"), { as: "b" });
    if (typeof files === "string" || Array.isArray(files)) {
      await assertRejects(() => attaching, LedgerError, "files of another form");
    } else {
      await attaching;
      assertEquals(Object.keys(run.readManifest().files as object), [
        ...Object.keys(files as object),
        "b",
      ]);
    }
  }
});

Deno.test("attached files go with their run: pulled with their digests, pruned into the archive", async () => {
  using there = newLab();
  using here = newLab();
  for (const run_id of ["good", "bad"]) {
    const run = await create(there, run_id, true);
    await run.attachFile(bytesOf("a model"), { as: "models/m.pkl" });
    await run.markSuccess();
    if (run_id === "bad") putFile(there, run.path, "files/models/m.pkl", "another");
  }
  const pulled = await inLab(here, ["pull", there.dir, "--runs", there.runs_dir, "--json"]);
  assertEquals(pulled.code, 3, pulled.stderr);
  assertStringIncludes(pulled.stdout, "files/models/m.pkl: its sha256 is not the one");
  const run = await ledgerOf(here).runs.find("good");
  assertEquals(Deno.readTextFileSync(join(run.folder, "files/models/m.pkl")), "a model");
  assertEquals(await problemsOf(here, "good"), []);
  const archive = join(here.dir, "old");
  await ledgerOf(here).runs.prune({ before: "2999-01", archive });
  const [{ name }] = Deno.readDirSync(archive);
  const tar = await new Deno.Command("tar", { args: ["-tzf", join(archive, name)] }).output();
  assertStringIncludes(new TextDecoder().decode(tar.stdout), "run_id=good/files/models/m.pkl");
});

Deno.test("a report shows the pictures of its runs, and says what is wrong with one", async () => {
  using lab = newLab();
  const run = await create(lab);
  await run.attachFile({ bytes: PNG }, { as: "plots/equity.png" });
  await run.attachFile(bytesOf(`<svg onload="x"/>`), { as: `<b>".svg` });
  await run.attachFile(bytesOf("text"), { as: "notes.txt" });
  await run.attachFile({ bytes: PNG }, { as: "gone.png" });
  await run.markSuccess();
  putFile(lab, run.path, "files/gone.png", "changed it");
  await sync(lab);
  await using ledger = ledgerOf(lab);
  const { html, data } = await makeReport(ledger);
  const base64 = btoa(String.fromCharCode(...PNG));
  assertStringIncludes(html, `<img src="data:image/png;base64,${base64}" alt="plots/equity.png">`);
  assertStringIncludes(html, `alt="&lt;b&gt;&quot;.svg"`);
  assertEquals(html.match(/<img /g)?.length, 2);
  assert(!html.includes("notes.txt") && !html.includes("onload"));
  assertStringIncludes(html, "its bytes have changed");
  assertEquals(data.pictures.kind === "there" && data.pictures.value.pictures_total, 3);
  const { stdout } = await inLab(lab, ["report", "--json"]);
  assert(!stdout.includes(base64) && stdout.includes("plots/equity.png"));
  putFile(lab, run.path, "run.json", "{");
  const damaged = await inLab(lab, ["report", "--as-is"]);
  assertEquals(damaged.code, 3);
  assertStringIncludes(damaged.stderr, "could not be read: ");
  assertStringIncludes(damaged.stdout, "what is attached to");
});
