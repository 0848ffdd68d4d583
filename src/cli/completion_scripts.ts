/** What makes a shell ask this program for completions. The shells only ask; the answers are ours. */

/** The shells that can ask. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** `runs` beside the executable stands for `ledger runs`, and is completed like it. */
const SCRIPTS: Readonly<Record<string, string>> = {
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
};

/** The script that makes a shell ask; undefined for a shell that is not known. */
export function completionScript(shell: string): string | undefined {
  return Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
}
