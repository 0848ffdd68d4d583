/** What a program said, and whether it was content. */
export interface ProcessResult {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; one that cannot be started is one that failed. */
export function runProcess(
  program: string,
  args: string[],
  options: Deno.CommandOptions = {},
): ProcessResult {
  const env = { ...options.env, NO_COLOR: "1" };
  try {
    const result = new Deno.Command(program, { args, ...options, env }).outputSync();
    const text = new TextDecoder();
    return {
      ok: result.success,
      stdout: text.decode(result.stdout),
      stderr: text.decode(result.stderr),
    };
  } catch (error) {
    return { ok: false, stdout: "", stderr: `cannot start it: ${(error as Error).message}` };
  }
}
