/**
 * DuckDB's native library, as npm carries it for this platform: found, compressed, and described.
 */
import { createRequire } from "node:module";
import { constants, zstdCompressSync } from "node:zlib";
import { dirname, join } from "@std/path";
import type { NativeFacts } from "../../src/base/build.ts";
import { BuildFailure } from "./failure.ts";

/** One file of the library, beside its compressed form. */
export interface PackedFile {
  name: string;
  size_bytes: number;
  sha256: string;
  packed_path: string;
  packed_size_bytes: number;
}

/** The library of one platform, ready to be put into an executable. */
export interface PackedLibrary {
  package: string;
  files: PackedFile[];
}

const FILES_WANTED = /^(duckdb\.node|libduckdb\.(so|dylib))$/;
// The highest level and a window that spans the library: half a minute once, 4 % off for ever.
const COMPRESSION = {
  [constants.ZSTD_c_compressionLevel]: 22,
  [constants.ZSTD_c_windowLog]: 27,
  [constants.ZSTD_c_checksumFlag]: 1,
};

const worth_telling_bytes = 10_000_000;

/** Finds the library of this platform and compresses it, or takes it from the cache. */
export async function packNativeLibrary(cache: string): Promise<PackedLibrary> {
  const { folder, name } = findPackage();
  const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name)
    .filter((file) => FILES_WANTED.test(file)).sort();
  if (names.length !== 2) {
    throw new BuildFailure(
      `the npm package ${name} in ${folder} holds ${names.join(", ") || "no library"}, and ` +
        `duckdb.node with one libduckdb beside it is needed`,
      "has the package changed its layout? Its version stands in deno.json",
    );
  }
  Deno.mkdirSync(cache, { recursive: true });
  const files: PackedFile[] = [];
  for (const file of names) files.push(await packFile(join(folder, file), file, cache));
  return { package: name, files };
}

/** The facts about the library, with the place of each compressed file inside the executable. */
export async function nativeFacts(
  library: PackedLibrary,
  placeOf: (file: PackedFile) => NativeFacts["files"][number]["packed"],
): Promise<NativeFacts> {
  const identity = library.files.map(({ name, size_bytes, sha256 }) => [name, size_bytes, sha256]);
  const digest = await sha256(new TextEncoder().encode(JSON.stringify(identity)));
  return {
    package: library.package,
    digest: digest.slice(0, 16),
    files: library.files.map((file) => ({
      name: file.name,
      size_bytes: file.size_bytes,
      sha256: file.sha256,
      packed: placeOf(file),
    })),
  };
}

function findPackage(): { folder: string; name: string } {
  const name = packageName();
  try {
    // The platform's package is a dependency of a dependency: ask from where it is visible.
    const api = createRequire(import.meta.resolve("@duckdb/node-api"));
    const bindings = createRequire(api.resolve("@duckdb/node-bindings"));
    const manifest_path = bindings.resolve(`${name}/package.json`);
    const { version } = JSON.parse(Deno.readTextFileSync(manifest_path));
    return { folder: dirname(manifest_path), name: `${name}@${version}` };
  } catch (error) {
    throw new BuildFailure(
      `the npm package ${name} with DuckDB's library for this platform is missing: ` +
        `${(error as Error).message.split("\n")[0]}`,
      "fetch it with: deno install --entrypoint main.ts (npm has to be reachable, once)",
    );
  }
}

function packageName(): string {
  const { os, arch } = Deno.build;
  const arch_name = { x86_64: "x64", aarch64: "arm64" }[arch as string];
  if ((os !== "linux" && os !== "darwin") || arch_name === undefined) {
    throw new BuildFailure(
      `the executable is built for the machine it is built on, and ${os} on ${arch} is not ` +
        `provided for`,
      "build on Linux or macOS, on x86_64 or aarch64",
    );
  }
  const libc = Deno.build.env === "musl" ? "-musl" : "";
  return `@duckdb/node-bindings-${os}-${arch_name}${libc}`;
}

async function packFile(path: string, name: string, cache: string): Promise<PackedFile> {
  const content = Deno.readFileSync(path);
  const digest = await sha256(content);
  const packed_path = join(cache, `${name}.${digest}.zst`);
  if (!exists(packed_path)) {
    if (content.length > worth_telling_bytes) {
      const size_mb = (content.length / 1e6).toFixed(0);
      console.error(`compressing ${name} (${size_mb} MB; half a minute, once) …`);
    }
    const temporary = `${packed_path}.${Deno.pid}`;
    try {
      Deno.writeFileSync(temporary, zstdCompressSync(content, { params: COMPRESSION }));
      Deno.renameSync(temporary, packed_path);
    } finally {
      if (exists(temporary)) Deno.removeSync(temporary);
    }
  }
  return {
    name,
    size_bytes: content.length,
    sha256: digest,
    packed_path,
    packed_size_bytes: Deno.statSync(packed_path).size,
  };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
