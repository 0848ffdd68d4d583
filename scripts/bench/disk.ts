/** A folder to measure in: on a real disk, since memory would flatter every figure. */
import { join, resolve } from "@std/path";

const PROJECT = resolve(import.meta.dirname!, "../..");
const IN_MEMORY = new Set(["tmpfs", "ramfs"]);

/** A folder on a disk, gone at the end of the scope. */
export interface Workplace extends Disposable {
  path: string;
  /** `ext4`; "unknown" where the system does not say. */
  file_system: string;
  is_real_disk: boolean;
}

/** Makes a folder where temporary files go, or in the project if those are kept in memory. */
export function makeWorkplace(): Workplace {
  const place = temporary();
  if (!IN_MEMORY.has(place.file_system)) return { ...place, is_real_disk: true };
  place[Symbol.dispose]();
  const here = temporary(join(PROJECT, "dist"));
  return { ...here, is_real_disk: !IN_MEMORY.has(here.file_system) };
}

function temporary(dir?: string): Omit<Workplace, "is_real_disk"> {
  if (dir) Deno.mkdirSync(dir, { recursive: true });
  const path = Deno.makeTempDirSync({ prefix: "ledger-bench-", ...(dir ? { dir } : {}) });
  return {
    path,
    file_system: fileSystemOf(path),
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** The type of the file system that a folder lies on. */
function fileSystemOf(folder: string): string {
  let mounts: string;
  try {
    mounts = Deno.readTextFileSync("/proc/self/mounts");
  } catch {
    return "unknown";
  }
  const path = Deno.realPathSync(folder);
  let found = { point: "", type: "unknown" };
  for (const line of mounts.split("\n")) {
    const [, point = "", type] = line.split(" ");
    const holds_it = point === "/" || path === point || path.startsWith(`${point}/`);
    if (point !== "" && holds_it && point.length >= found.point.length) found = { point, type };
  }
  return found.type;
}
