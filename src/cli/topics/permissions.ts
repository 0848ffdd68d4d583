import type { Topic } from "../topic.ts";

export default {
  name: "permissions",
  summary: "what this program may do on your machine, and how to give it other folders",
  see: ["doctor", "emit"],
  text: String.raw`
The executable asks for nothing, and may do little. No log and no query can widen that:

- read | any file: ledgers elsewhere, input files
- write | data/ledger and runs, below the folder that it is started in; nothing else
- run | git, for the commit that a run was made from and what was changed since; no other program. Of
  what a repository's settings name, git runs its clean filters alone: ‹runs show› names them
- network | commands of the fleet and ledger ship reach the fleet's store; ledger watch listens on loopback,
  and gives the network up then; every other command gives it up before it begins
- environment | LEDGER_DIR, LEDGER_RUNS_DIR, LEDGER_RUN_ID, LEDGER_WRITER, LEDGER_LOG, what says
  how to write on a terminal, the AWS_… variables of a fleet's keys, and what changes numbers (TZ, LANG,
  OMP_NUM_THREADS, PYTHONHASHSEED, …): a run notes that
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

  ## one that can reach the store of its fleet, and no other host
  deno task compile --fleet s3.example.org:443

A write that is refused names the folder, the scope, and this command. New files follow the umask, so
that a group can share a ledger.

  # can the folders be written, and by whom is the library?
  ledger doctor || true
`,
} satisfies Topic;
