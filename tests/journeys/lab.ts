/** A lab in which a user types commands as they are printed. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { installShim } from "../harness.ts";

/** A day that is long over. */
export const OLD_DAY = "2026-01-23";
/** Its part. */
export const OLD_PART = `data/ledger/events/day=${OLD_DAY}/part-000001.jsonl`;

/** What a command said, and how it ended. */
export interface Said {
  code: number;
  text: string;
}

/** A folder with the program on the path. */
export class Lab {
  readonly bin: string;

  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, "lab");
    this.bin = join(folder, "bin");
    Deno.mkdirSync(this.path);
    Deno.mkdirSync(this.bin);
    installShim(this.bin);
    Deno.writeTextFileSync(join(this.bin, "runs"), '#!/bin/sh\nexec ledger runs "$@"\n', {
      mode: 0o755,
    });
  }

  async type(line: string): Promise<Said> {
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["--norc", "-o", "pipefail", "-c", line],
      cwd: this.path,
      env: { PATH: `${this.bin}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  /** What has to work before anything can be tried. */
  async must(line: string): Promise<void> {
    const { code, text } = await this.type(line);
    assertEquals(code, 0, `${line}\n${text}`);
  }

  at(path: string): string {
    return join(this.path, path);
  }

  /** An event of a day that is long over. */
  async oldEvent(event_id: string): Promise<void> {
    const at = Date.parse(`${OLD_DAY}T12:00:00Z`);
    await this.must(
      `ledger emit run.failed --run-id r1 --error x --event-id ${event_id} --timestamp-ms ${at}`,
    );
  }
}
