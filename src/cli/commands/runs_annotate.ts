import { quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { RunLink, SaidOfRun } from "../../ledger/annotations.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { defineCommand, runWord } from "../command.ts";
import { runsFlags, text, texts, toggle } from "../flags.ts";
import { openForRuns, sayLags } from "../open.ts";
import { plain, print, printJson, say, utc } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs annotate",
  summary: "say of a run: tags, a note, a name, a pin, a group, links",
  description: "Appends an event that says so, also about a run that has ended: the run itself " +
    "stays as it is. Prints the run's id. Filters know all of it: --where \"'best' in tags and " +
    "group = 'sweep7' and pin\". A name stands where an id can, unless two runs have it. Without " +
    "anything to say, prints what has been said. ‹ledger runs tag RUN TAG› is the same command.",
  examples: {
    "ledger runs annotate demo-1 --tag best --note 'survives doubled costs'": "a tag and a note",
    "ledger runs annotate demo-1 --name flagship --group sweep7 --pin": "how it is known",
    "ledger runs annotate demo-2 --link retry-of=demo-1": "how two runs belong together",
    "ledger runs tag demo-1 q3": "a tag alone",
  },
  positionals: [
    runWord("the run's id, the beginning of it, or its name"),
    { name: "TAG", summary: "tags to put on it, as with --tag", many: true },
  ],
  flags: {
    "tag": texts("TAG", "put this tag on it; may be repeated"),
    "untag": texts("TAG", "take this tag off it; may be repeated"),
    "note": text("TEXT", "a note, beside those that it has"),
    "name": text("NAME", "what it is called; '' takes the name back"),
    "group": text("NAME", "the sweep that it belongs to; '' takes it out"),
    "pin": toggle("pin it"),
    "unpin": toggle("pin it no more"),
    "link": texts("KIND=RUN", "link it to another run: retry-of=demo-1; may be repeated"),
    "unlink": texts("KIND=RUN", "take that link back; may be repeated"),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [asked, ...tags] }) => {
    await using ledger = openForRuns(world, flags);
    if (flags.pin && flags.unpin) throw usage("runs annotate", "it is either --pin or --unpin");
    const all_tags = [...tags, ...flags.tag ?? []];
    const links = [
      ...linksOf("link", flags.link),
      ...linksOf("unlink", flags.unlink).map((link) => ({ ...link, removed: true })),
    ];
    const said: SaidOfRun = {
      ...(all_tags.length > 0 ? { tags: all_tags } : {}),
      ...(flags.untag ? { tags_removed: flags.untag } : {}),
      ...(flags.note === undefined ? {} : { note: flags.note }),
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.group === undefined ? {} : { group: flags.group }),
      ...(flags.pin || flags.unpin ? { pin: flags.pin } : {}),
      ...(links.length > 0 ? { links } : {}),
    };
    if (Object.keys(said).length === 0) {
      const onNotice = (notice: string) => say(world, notice);
      sayLags(world, flags, await ledger.freshen(["log"], onNotice));
      return await printSaid(world, ledger, asked, flags.json);
    }
    const run_id = await ledger.runs.annotate(asked, said, (notice) => say(world, notice));
    if (flags.json) printJson(world, { run_id, ...said });
    else print(world, run_id);
  },
});

function linksOf(flag: string, pairs: readonly string[] = []): RunLink[] {
  return pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at > 0 && at < pair.length - 1) return { kind: pair.slice(0, at), to: pair.slice(at + 1) };
    const problem = `--${flag} is ${quoted(pair)}; it has to be KIND=RUN`;
    throw usage("runs annotate", problem, "for example: retry-of=demo-1");
  });
}

/** Prints what people say of a run. */
async function printSaid(
  world: World,
  ledger: Ledger,
  asked: string,
  as_json: boolean,
): Promise<void> {
  const run = await ledger.runs.look(asked, (notice) => say(world, notice));
  const { run_id, name, group, pin, tags, notes, links } = run;
  if (as_json) return printJson(world, { run_id, name, group, pin, tags, notes, links });
  const lines = [
    ...(name ? [`name   ${name}`] : []),
    ...(group ? [`group  ${group}`] : []),
    ...(tags.length > 0 ? [`tags   ${tags.join(", ")}`] : []),
    ...(pin ? ["pinned"] : []),
    ...links.map((link) => `link   ${link.run_id} is ${link.kind} ${link.to_run_id}`),
    ...notes.map(({ noted_at_ms, note }) => `note   ${utc(noted_at_ms)}  ${note}`),
  ];
  for (const line of lines) print(world, plain(line));
  if (lines.length === 0) say(world, `nothing has been said of run ${run_id}`);
}
