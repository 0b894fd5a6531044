export type Shell = 'bash' | 'zsh' | 'fish';

/** A thin script: all knowledge is in `tidegate __complete`, so that it never is older than the program. */
export function completionScript(shell: Shell): string {
  return scripts[shell];
}

/** Works without the package bash-completion. The descriptions are shown by zsh and fish only. */
const bash = `# Completion of tidegate for bash: source <(tidegate completion bash)
_tidegate() {
  local word="\${COMP_WORDS[COMP_CWORD]}" line
  local -a lines=()
  COMPREPLY=()
  while IFS= read -r line; do lines+=("$line"); done < <(
    "\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null
  )
  if [[ "\${lines[0]}" == ":file" ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
    return
  fi
  for line in "\${lines[@]}"; do COMPREPLY+=("\${line%%$'\\t'*}"); done
}
complete -F _tidegate tidegate
`;

const zsh = `#compdef tidegate
# Completion of tidegate for zsh: tidegate completion zsh > "\${fpath[1]}/_tidegate"
_tidegate() {
  local line value
  local -a lines values
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${lines[1]}" == ":file" ]]; then
    _files
    return
  fi
  for line in $lines; do
    value="\${line%%$'\\t'*}"
    values+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe 'tidegate' values
}
if [[ "\${funcstack[1]}" == "_tidegate" ]]; then
  _tidegate
else
  compdef _tidegate tidegate
fi
`;

const fish = `# Completion of tidegate for fish: tidegate completion fish > ~/.config/fish/completions/tidegate.fish
function __tidegate_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    if test "$lines[1]" = ":file"
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $lines
    end
end
complete -c tidegate -f -a '(__tidegate_complete)'
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
