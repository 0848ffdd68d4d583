/**
 * Archives, files and pipes that a caller was given: what they claim takes no memory, devices and pipes
 * in the place of a file are refused, and an input that never ends is ended by a signal or a limit.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { digestOf } from "../../src/base/files/checksum.ts";
import { tarHeaders, tarPadding } from "../../src/base/tar.ts";
import { binaryTest } from "./binary.ts";
import { contentsOf, shell, survives } from "./hostile.ts";

const encoder = new TextEncoder();
const sha256 = (text: string) => digestOf([encoder.encode(text)]);
const HEADER_BYTES = 512;

/** A file in a tar, with what its header says changed by hand, and its sum made right again. */
function member(name: string, content: string, change?: (header: Uint8Array) => void): Uint8Array {
  const body = encoder.encode(content);
  const head = tarHeaders(name, body.length, 0);
  if (change) {
    change(head);
    head.fill(32, 148, 156);
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  const whole = new Uint8Array(head.length + body.length + tarPadding(body.length));
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

const writes = (text: string, at: number) => (header: Uint8Array) =>
  header.set(encoder.encode(text), at);
const size = (octal: string) => writes(`${octal}\0`, 124);
const manifest = (fields: unknown) => member("manifest.json", JSON.stringify(fields));
const DAY = "2026-01-23";
const END = new Uint8Array(2 * HEADER_BYTES);

/** Archives, and how large the file is made behind what stands in it. */
const ARCHIVES: Record<string, { bytes: Uint8Array[]; end?: string; told: string }> = {
  "nothing": { bytes: [], told: "cut short" },
  "a manifest of gigabytes, all of it a hole": {
    bytes: [member("manifest.json", "", size("27000000000"))],
    end: String(HEADER_BYTES + 3_087_007_744 + END.length),
    told: "manifest.json would have 3087007744 bytes",
  },
  "digests of gigabytes": {
    bytes: [member("manifest.json", "{}"), member("SHA256SUMS", "", size("27000000000"))],
    end: String(3 * HEADER_BYTES + 3_087_007_744 + END.length),
    told: "SHA256SUMS would have 3087007744 bytes",
  },
  "a claim without a hole": {
    bytes: [member("manifest.json", "{}", size("77777777777")), END],
    told: "it is cut short",
  },
  "a size that is negative": {
    bytes: [member("manifest.json", "{}", size("-0000000001")), END],
    told: "never written there",
  },
  "a size in base 256": {
    bytes: [member("manifest.json", "{}", (head) => head.set([0x80, 0, 0, 1], 124)), END],
    told: "never written there",
  },
  "a sparse file": {
    bytes: [member("manifest.json", "{}", writes("S", 156)), END],
    told: "never written there",
  },
  "an extended header": {
    bytes: [member("pax", "20 size=9999999999\n", writes("x", 156)), END],
    told: "never written there",
  },
  "a link in it": {
    bytes: [member("manifest.json", "", writes("2", 156)), END],
    told: "never written there",
  },
  "a hole of a terabyte behind its end": { bytes: [END], end: "1T", told: "it has 1.1 TB" },
  "a hole of gigabytes behind its end": {
    bytes: [END],
    end: "40G",
    told: "bytes stand behind its last file",
  },
  "a name that occurs twice": {
    bytes: [member("manifest.json", "{}"), member("manifest.json", "{}"), END],
    told: "a name occurs twice",
  },
  "a name that moves the cursor": {
    bytes: [member("a\x1b[2J\n", "{}", writes("7", 156)), END],
    told: '"a\\u001b[2J\\n": a kind of member',
  },
  "a manifest that is null": {
    bytes: [member("manifest.json", "null"), ...sums(["manifest.json", "null"]), END],
    told: "manifest.json is no manifest",
  },
  "a manifest that is a list": {
    bytes: [member("manifest.json", "[]"), ...sums(["manifest.json", "[]"]), END],
    told: "manifest.json is no manifest",
  },
  ...Object.fromEntries(
    ([
      ["a day that is a path", { version: 1, day: "../../x", parts: {} }, "names no day"],
      ["parts that are none", { version: 1, day: DAY, parts: [] }, "names no day, or no parts"],
      [
        "a part that is a path",
        { version: 1, day: DAY, parts: { "../../part-000001.jsonl": {} } },
        "does not fit",
      ],
      [
        "a part that is null",
        { version: 1, day: DAY, parts: { "part-000001.jsonl": null } },
        "fit",
      ],
      [
        "flaws that are none",
        { version: 1, day: DAY, parts: { "part-000001.jsonl": { flaws: [null] } } },
        "does not fit",
      ],
      ["a version that is none", { version: {}, day: DAY, parts: {} }, "is of version {}"],
    ] as const).map(([name, fields, told]) => {
      const text = JSON.stringify(fields);
      return [name, { bytes: [manifest(fields), ...sums(["manifest.json", text]), END], told }];
    }),
  ),
};

function sums(...files: [name: string, content: string][]): Uint8Array[] {
  const lines = files.map(([name, content]) => `${sha256(content)}  ${name}\n`);
  return [member("SHA256SUMS", lines.join(""))];
}

binaryTest(
  "archive import takes no memory for claims, and survives whatever an archive says",
  async (bench) => {
    await shell(bench, `"$B" emit run.started --run-id r1`);
    const before = contentsOf(join(bench.folder, "data"));
    for (const [name, { bytes, end, told }] of Object.entries(ARCHIVES)) {
      const path = join(bench.folder, "a.tar");
      Deno.writeFileSync(path, new Uint8Array(await new Blob(bytes as BlobPart[]).arrayBuffer()));
      if (end) assertEquals((await shell(bench, `truncate -s ${end} a.tar`)).code, 0);
      const { code, stderr } = await survives(bench, "archive import a.tar");
      assertEquals(code, told.startsWith("it has") ? 2 : 1, `${name}: ${stderr}`);
      assertStringIncludes(stderr, told, name);
    }
    await shell(bench, "mkfifo pipe; ln -s pipe link; mkdir folder");
    for (
      const [path, told] of [["pipe", "a pipe"], ["link", "a pipe"], ["folder", "a folder"], [
        "/dev/zero",
        "a device",
      ], ["nowhere", "No such file"]]
    ) {
      const { code, stderr } = await survives(bench, `archive import ${path}`);
      assert(code === 1 || code === 2, stderr);
      assertStringIncludes(stderr, told);
    }
    assertEquals(contentsOf(join(bench.folder, "data")), before);
  },
);

/** Commands that read what a caller names, each with the path as `$F`. */
const READERS = [
  "artifacts put r1 summary $F",
  "artifacts put r1 trades $F",
  "trace ingest $F",
  "runs write r1 features $F",
  "runs write r1 features $F --format parquet",
  "schema register a.b $F",
  "query --file $F",
];

async function begun(bench: Parameters<typeof shell>[0]): Promise<void> {
  const { code, stderr } = await shell(
    bench,
    `"$B" runs create --run-id r1 --run-type full --no-git`,
  );
  assertEquals(code, 0, stderr);
}

binaryTest("a device that never ends is refused by name, and a folder", async (bench) => {
  await begun(bench);
  for (const words of READERS) {
    for (const [path, told] of [["/dev/zero", "a device"], ["runs", "a folder"]]) {
      const { code, stderr } = await survives(bench, words.replace("$F", path));
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, told, words);
    }
  }
});

binaryTest(
  "what never ends, and is read whole or row by row, is ended by a limit",
  async (bench) => {
    await begun(bench);
    for (const words of READERS.filter((words) => !words.startsWith("trace"))) {
      const zeros = `timeout -k 5 60 "$B" ${words.replace("$F", "<(cat /dev/zero)")}`;
      const { code, stderr } = await shell(bench, zeros);
      assertEquals(code, 2, `${words}: ${stderr}`);
      assert(/longer than|begins with|UTF-8|feature/.test(stderr), stderr);
    }
  },
);

binaryTest("a caller's own pipe is read like a file", async (bench) => {
  await begun(bench);
  const scripts = [
    // A writer waits for its reader to open the pipe: so each of them finds it empty.
    `mkfifo late; (echo '{"a":1}' > late) & "$B" artifacts put r1 summary late`,
    `echo '{"a":2}' | "$B" artifacts put r1 config /dev/stdin`,
    `"$B" trace ingest <(echo '{"event_type":"SIGNAL"}')`,
    `gzip -c rows.csv > rows.gz; "$B" runs write r1 features <(zcat rows.gz)`,
    `mkfifo named; (echo '{"event_type":"FILL"}' > named) & "$B" trace ingest named`,
    `"$B" trace ingest /dev/null`,
  ];
  Deno.writeTextFileSync(join(bench.folder, "rows.csv"), "call_id,x\nc1,1\nc2,2\n");
  const said: string[] = [];
  for (const script of scripts) {
    const { code, stdout, stderr } = await shell(bench, script);
    assertEquals(code, 0, `${script}: ${stderr}`);
    said.push(stdout);
  }
  assertEquals(said[2], "1 event\n");
  assertStringIncludes(said[3], "2 rows");
  assertEquals(said.slice(4), ["1 event\n", "0 events\n"]);
});

binaryTest(
  "a signal ends whatever waits for a pipe, or reads one that never ends",
  async (bench) => {
    await begun(bench);
    await shell(bench, "mkfifo pipe");
    const ended = async (child: Deno.ChildProcess) => {
      child.kill("SIGTERM");
      const { code, signal } = await child.status;
      await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
      assert(code === 130 || signal === "SIGTERM", `exit ${code}`);
    };
    for (const words of READERS.filter((words) => !words.includes("parquet"))) {
      const child = new Deno.Command(bench.binary, {
        args: words.replace("$F", "pipe").split(" "),
        cwd: bench.folder,
        env: { HOME: bench.folder },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        signal: AbortSignal.timeout(60_000),
      }).spawn();
      // Opening the other end waits until the executable has opened its own.
      using writer = await Deno.open(join(bench.folder, "pipe"), { write: true });
      const zeros = new Uint8Array(100_000);
      if (words.startsWith("trace")) {
        for (let written = 0; written < 20_000_000;) written += await writer.write(zeros);
      } else await writer.write(encoder.encode("{"));
      await ended(child);
    }
  },
);
