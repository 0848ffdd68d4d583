import { defineCommand } from "../command.ts";
import { asJson } from "../flags.ts";
import { print, printJson } from "../output.ts";

/** The shells only ask; this program answers. `runs` stands for `ledger runs`. */
export const COMPLETION_SCRIPTS = {
  bash: `_ledger() {
  local IFS=$'\\n' candidate program="\${COMP_WORDS[0]/#\\~\\//$HOME/}"
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  if [[ "\${program##*/}" == runs ]]; then program="\${program%runs}ledger"; words=(runs "\${words[@]}"); fi
  COMPREPLY=()
  # What a name holds must not be taken for shell.
  for candidate in $("$program" complete -- "\${words[@]}" 2>/dev/null); do
    COMPREPLY+=("$(printf '%q' "$candidate")")
  done
}
complete -o default -F _ledger ledger runs`,
  zsh: `#compdef ledger runs
_ledger() {
  local program="\${words[1]/#\\~\\//$HOME/}"
  local -a candidates typed=("\${(@)words[2,CURRENT]}")
  if [[ "\${program:t}" == runs ]]; then program="\${program%runs}ledger"; typed=(runs "\${(@)typed}"); fi
  candidates=("\${(@f)$("$program" complete -- "\${(@)typed}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then compadd -V ledger -- "\${candidates[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _ledger ]]; then _ledger "$@"; else compdef _ledger ledger runs; fi`,
  fish: `function __ledger_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program (string replace --regex '^~/' "$HOME/" -- $words[1])
    set -l typed $words[2..]
    if string match --quiet --regex '(^|/)runs$' -- $program
        set program (string replace --regex 'runs$' ledger -- $program)
        set typed runs $typed
    end
    set -l candidates ($program complete -- $typed "$current" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\\n' $candidates
    else
        __fish_complete_path "$current"
    end
end
complete --command ledger --no-files --keep-order --arguments '(__ledger_complete)'
complete --command runs --no-files --keep-order --arguments '(__ledger_complete)'`,
} as const;

const SHELLS = Object.keys(COMPLETION_SCRIPTS) as (keyof typeof COMPLETION_SCRIPTS)[];

export default defineCommand({
  name: "completions",
  summary: "make a shell complete commands, flags and values",
  description: "Prints a script for bash, zsh or fish. The script asks this program for " +
    "completions, so they always fit the installed version.",
  examples: {
    "ledger completions bash": "for ~/.bashrc: source <(ledger completions bash)",
    "ledger completions fish": "a file ledger.fish for ~/.config/fish/completions",
  },
  positionals: [{ name: "SHELL", summary: SHELLS.join(", "), required: true, choices: SHELLS }],
  flags: { "json": asJson() },
  run: ({ world, flags, words: [shell] }) => {
    const script = COMPLETION_SCRIPTS[shell as keyof typeof COMPLETION_SCRIPTS];
    if (flags.json) printJson(world, { shell, script });
    else print(world, script);
  },
});
