/** What a test may need that not every machine lets it do; where it may not, the test says so. */
import { PROJECT, tempFolder } from "../../harness.ts";

/** Runs a program of the system; whether it ended well. */
export function runs(program: string, args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A file system of its own, as small as a test wants it. */
export function smallDisk(bytes: number): Disposable & { path: string } {
  const folder = tempFolder();
  if (!runs("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder.path])) {
    folder[Symbol.dispose]();
    throw new Error(`cannot mount a file system of ${bytes} bytes`);
  }
  return {
    path: folder.path,
    [Symbol.dispose]() {
      runs("umount", ["--lazy", folder.path]);
      folder[Symbol.dispose]();
    },
  };
}

/** Mounts it anew, read-only or writable. */
export function remount(path: string, mode: "ro" | "rw"): void {
  if (!runs("mount", ["-o", `remount,${mode}`, path])) throw new Error(`cannot remount ${path}`);
}

/** Takes from root what lets it pass by the modes of files, so that it is like any other user. */
export const AS_ANYBODY = ["--bounding-set=-dac_override,-dac_read_search"];

function mayMount(): boolean {
  try {
    using _ = smallDisk(65_536);
    return true;
  } catch {
    return false;
  }
}

function mayMakeImmutable(): boolean {
  using folder = tempFolder();
  const made = runs("chattr", ["+i", folder.path]);
  if (made) runs("chattr", ["-i", folder.path]);
  return made;
}

const POWERS = {
  mount: { has: mayMount, lacks: "this user may not mount a file system" },
  immutable: { has: mayMakeImmutable, lacks: "chattr +i does not work for this user and disk" },
  modes: {
    has: () => Deno.uid() !== 0 || runs("setpriv", [...AS_ANYBODY, "true"]),
    lacks: "modes do not bind root, and there is no setpriv to change that",
  },
};

const known = new Map<keyof typeof POWERS, boolean>();

/** A test that needs something from the machine. Left out where that is not to be had, in a line. */
export function testWith(
  power: keyof typeof POWERS,
  name: string,
  body: () => Promise<void>,
): void {
  if (!known.has(power)) known.set(power, POWERS[power].has());
  const ignore = !known.get(power);
  if (ignore) console.log(`left out: "${name}", since ${POWERS[power].lacks}`);
  Deno.test({ name, ignore, fn: body });
}

/** Runs the program from source, bound by the modes of files even where this user is root. */
export async function ledgerAsAnybody(args: string[], cwd: string) {
  const program = [Deno.execPath(), "run", "--no-prompt", "--allow-all", `${PROJECT}main.ts`];
  const [first, ...rest] = Deno.uid() === 0 ? ["setpriv", ...AS_ANYBODY, ...program] : program;
  const { code, stdout, stderr } = await new Deno.Command(first, {
    args: [...rest, ...args],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
