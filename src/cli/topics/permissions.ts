import type { Topic } from "../topic.ts";

export default {
  name: "permissions",
  summary: "what this program may do on your machine, and how to give it other folders",
  see: ["doctor", "emit"],
  text: String.raw`
The executable asks for nothing, and may do little. No log and no query can widen that:

- read | any file: ledgers elsewhere, input files
- write | data/ledger and runs, below the folder that it is started in; nothing else
- run | git, for the commit that a run was made from; no other program
- network | loopback only, for the health endpoint of ledger watch
- environment | LEDGER_DIR, LEDGER_RUNS_DIR, LEDGER_RUN_ID, LEDGER_WRITER, LEDGER_LOG, and what says
  how to write on a terminal
- native code | the DuckDB library, unpacked once into data/ledger/.native and checked

DuckDB is held to the same folders, opens nothing else, and answers queries only: a query that calls a
function outside an allow-list is refused by name. It stays native code: an abort inside it ends the
process. What was acknowledged stays, and so does the last good index.

So every file that a command writes (--out, --archive, --db) lies in one of the two folders, or goes to
standard output:

  # into a file of your own choice
  ledger schema list --format csv > event-types.csv

  # reading is free: another ledger
  ledger emit run.started --run-id r1 && ledger log --dir "$PWD/data/ledger"

  # the same for a whole shell
  export LEDGER_DIR="$PWD/data/ledger" LEDGER_RUNS_DIR="$PWD/runs" && ledger status

To write elsewhere, start it in another folder, put a link into its own (a ledger may live on another
disk), or build one for other folders, in the folder of the sources:

  ## an executable for folders of your own
  deno task compile --ledger /srv/lab/ledger --runs /srv/lab/runs

A write that is refused names the folder, the scope, and this command. New files follow the umask, so
that a group can share a ledger.

  # can the folders be written, and by whom is the library?
  ledger doctor || true
`,
} satisfies Topic;
