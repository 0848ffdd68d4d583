/** A real terminal for the program: a pty, made by `script` of util-linux. */

/** How a command is started in a terminal. */
export interface TerminalOptions {
  cwd: string;
  columns?: number;
  env?: Record<string, string>;
  /** What is typed, from the beginning on. */
  typed?: string;
  /** Called with all that was printed so far, whenever there is more. */
  onText?: (text: string) => void;
  /** Nothing of our own environment. */
  is_bare?: boolean;
}

/** What came to the screen, and how it ended. */
export interface Screen {
  code: number;
  text: string;
}

/** Whether a program is there. */
export function isInstalled(program: string, args: readonly string[] = ["--version"]): boolean {
  try {
    return new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** Whether there can be a terminal here. */
export const has_terminal = isInstalled("script");
if (!has_terminal) console.log("left out: `script` is not installed, so no terminal was tried");

/** Runs a line of sh in a terminal of so many columns; what it prints is all that the screen gets. */
export async function inTerminal(line: string, options: TerminalOptions): Promise<Screen> {
  const { cwd, columns = 80, env = {}, typed = "", is_bare = false } = options;
  // Without echo, the screen has what was printed, and not what was typed.
  const echo = options.typed === undefined ? "-echo" : "echo";
  const child = new Deno.Command("script", {
    args: ["-q", "-e", "-c", `stty cols ${columns} rows 50 ${echo}; ${line}`, "/dev/null"],
    cwd,
    clearEnv: is_bare,
    env: { SHELL: "/bin/sh", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(typed)).catch(() => {});
  await input.close().catch(() => {});
  const errors = child.stderr.cancel();
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    options.onText?.(text);
  }
  await errors;
  return { code: (await child.status).code, text: text.replaceAll("\r\n", "\n") };
}

/** A text without the codes that colour it and move the cursor. */
export function withoutCodes(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\u001b\[[0-9;?]*[a-zA-Z]/g, "");
}
