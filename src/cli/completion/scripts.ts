/** Completion scripts, written from the tree of commands: nothing is started while somebody types. */
import { leavesOf, type Outline } from "./outline.ts";

/** Words after a command: its commands and options. */
type Words = { readonly path: string; readonly words: readonly { readonly word: string; readonly text: string }[] };

/** A script for bash; zsh runs it too, through bashcompinit. */
export function bashScript(program: Outline): string {
  const cases = branchesOf(program).map(({ path, words }) => {
    const all = words.map(({ word }) => word).join(" ");
    return `    ${JSON.stringify(path)}) words=${JSON.stringify(all)} ;;`;
  });
  return `# bash completion for conifer; write it to ~/.local/share/bash-completion/completions/conifer
_conifer() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      --) return 0 ;;
      -*) ;;
      *) case " ${commandPaths(program).join(" ")} " in *" \${path:+$path/}$word "*) path="\${path:+$path/}$word" ;; esac ;;
    esac
  done
  case "$previous" in
    ${valueFlags(program).join("|")}) COMPREPLY=($(compgen -f -- "$current")); return 0 ;;
  esac
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ "\${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _conifer conifer
`;
}

/** A script for zsh. */
export function zshScript(program: Outline): string {
  const cases = branchesOf(program).map(({ path, words }) => {
    const described = words.map(({ word, text }) => quote(`${word.replaceAll(":", "\\:")}:${text}`)).join(" ");
    return `    ${quote(path)}) entries=(${described}) ;;`;
  });
  return `#compdef conifer
# zsh completion for conifer; write it to a folder of $fpath as _conifer
_conifer() {
  local place="" word
  local -a entries known
  known=(${commandPaths(program).map(quote).join(" ")})
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -- ]] && { _default; return }
    [[ $word == -* ]] && continue
    (( \${known[(Ie)\${place:+$place/}$word]} )) && place="\${place:+$place/}$word"
  done
  case "$place" in
${cases.join("\n")}
  esac
  _describe command entries || _default
}
_conifer "$@"
`;
}

/** A script for fish. */
export function fishScript(program: Outline): string {
  const lines = branchesOf(program).flatMap(({ path, words }) =>
    words.map(({ word, text }) => {
      const condition = `-n '__conifer_at ${quoteFish(path)}'`;
      const what = word.startsWith("--")
        ? `-l ${word.slice(2)}`
        : word.startsWith("-")
          ? `-s ${word.slice(1)}`
          : `-a ${word}`;
      return `complete -c conifer ${condition} ${what} -d ${quoteFishText(text)}`;
    }),
  );
  return `# fish completion for conifer; write it to ~/.config/fish/completions/conifer.fish
set -g __conifer_paths ${commandPaths(program).join(" ")}
function __conifer_at
    set -l place
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        set -l next (string join / $place $word)
        contains -- $next $__conifer_paths; and set place $next
    end
    test "$place" = "$argv[1]"
end
${lines.join("\n")}
`;
}

/** Every command with what may follow it, by its path (`job/ls`). */
function branchesOf(outline: Outline): Words[] {
  const words = [
    ...outline.children.map((child) => ({ word: child.path.at(-1) ?? "", text: child.summary })),
    ...outline.options.flatMap(({ flags, text }) => flags.map((word) => ({ word, text }))),
    { word: "--help", text: "print help" },
  ];
  return [{ path: outline.path.join("/"), words }, ...outline.children.flatMap(branchesOf)];
}

function commandPaths(outline: Outline): string[] {
  return outline.children.flatMap((child) => [child.path.join("/"), ...commandPaths(child)]);
}

function valueFlags(outline: Outline): string[] {
  const flags = leavesOf(outline).flatMap(({ options }) =>
    options.filter((one) => one.takesValue).flatMap((one) => one.flags),
  );
  return [...new Set(flags)].sort();
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const quoteFish = (path: string): string => (path === "" ? '""' : path);
const quoteFishText = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
