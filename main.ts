import { exitOnSigterm } from "./src/base/world.ts";
import { EXIT_CODE_OF } from "./src/cli/exit_code.ts";
import { run } from "./src/cli/run.ts";

exitOnSigterm(EXIT_CODE_OF.interrupted);
Deno.exit(await run(Deno.args));
