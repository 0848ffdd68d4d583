import type { Topic } from "../topic.ts";

export default {
  name: "troubles",
  summary: "what you see, what it means, and what to do",
  see: ["doctor", "verify", "status"],
  text: String.raw`
‹ledger doctor› checks the machine, the folders and the ledger, and says what to do about each finding.

Writing:

- "another process has held its lock" (exit 75) | Nothing was written. A writer was stopped (SIGSTOP, a
  debugger) while it held the lock: fuser -v data/ledger/events/day=…/.lock names it. Then repeat.
- "No space left on device" | The part is as it was before the write. Free some space and repeat; emit
  --stdin says how many events are durable.
- "durability unknown" | The disk did not confirm a sync. Look at dmesg; emit again with the same
  event_id: it counts once.
- "it lies outside what this program is allowed to touch" | The sandbox. Start it in the right folder,
  or build with --ledger DIR --runs DIR: ‹ledger help permissions›.
- "no such type is known" | An unknown type is refused: a typo would hide the event for ever. ‹ledger
  schema register› adds a type.
- NaN is refused | JSON has no such number. In Python, json.dumps(…, allow_nan=False) finds it where it
  was made.
- "cannot store trades: row 12 …" | That row does not match the schema: ‹runs schema trades›. Nothing
  was stored.
- odd, or disagreement, in ‹ledger runs show› | Values that are possible and unusual, or numbers of two
  artifacts that should be one and are not. Nothing is lost: look at what wrote them.

Damage:

- torn, in ‹ledger status› | A writer was killed while it wrote. The next emit to that day moves the
  unfinished line to events/_quarantine/; so does ‹ledger verify --repair›. It was never acknowledged.
- corrupt, in ‹ledger verify› | A whole line that is no event, from a broken disk or an editor. Readers
  skip it. ‹ledger verify --repair› keeps a copy in quarantine; after that it is no finding.
- changed or removed, in ‹ledger verify› | A sealed part is not what it was, from that byte on, or
  gone. Put the file back from a backup, or the day from its archive: ‹ledger archive import FILE›.
- chain, in ‹ledger verify --deep› | The record of what was sealed was edited or lost. ‹ledger seal›
  adds an entry that a killed program left out; anything else comes back from a backup.
- _schema.json, in ‹ledger verify --deep› | The registry is not the one that the chain binds: something
  else changed it. Put it back from a backup; or, if the change was meant, ‹ledger seal --accept-registry›.
- unfinished, in ‹ledger verify› | The process that archived or imported a day was killed. ‹ledger
  seal› finishes it.
- corrupt_trace, in ‹ledger verify› | Bytes of a write-ahead file of traces are not what was written; all
  other events of it are read. ‹ledger trace compact› sets the bytes aside in quarantine.
- "is not what was written when the part was compacted" | The disk, or another program, changed a
  compacted day. Nothing wrong is read from it. Put the Parquet file back from a backup.

Something is missing:

- events do not appear | ‹ledger status› names the folder that is read, ‹ledger log -n 5› shows the last
  events. LEDGER_DIR may point elsewhere.
- "there is no index at …/catalog.duckdb" | Nothing was catalogued yet: ‹runs sync›.
- a run does not appear in ‹runs query› | ‹runs sync› says why: no _SUCCESS, a status that is not the
  end, a manifest that cannot be read, or an id that another folder has. ‹runs query --status stale›
  lists dead ones.
- a run stays pending or running | Its program was killed, or never finished it: ‹runs finish ID --status
  failed --error "died"›.
- missing, in ‹runs show› or ‹runs query› | The manifest names a file, or the catalog a run, that is no
  longer on the disk. ‹runs verify --all› lists them all.
- "the chain ends early", in ‹ledger trace path› | The cause was not traced, or is in the log: ‹ledger
  rebuild›, then ask again.
- "stays: … is running", in ‹ledger retain› | A run that began that day has not ended. If it died:
  ‹ledger emit run.failed --run-id ID --error "died"›.
`,
} satisfies Topic;
