/**
 * Tells whether a command is one program with fixed arguments. Such a command is given to a task shell as it stands, and the
 * task shell execs it without a shell in between (bash costs as much as starting the program itself); everything
 * else goes to `bash -c` as one quoted word. The rule errs on the side of bash: only words made of
 * characters that no shell treats specially, `'single quoted text'` and `\'` count, and a first word that a shell would
 * not look up on PATH does not. So no text can end up as syntax in the task shell, and a command means there what it
 * means in bash.
 */

/** Returns the program's name when the command is simple, else null. */
export function simpleProgram(command: string): string | null {
  let program: string | null = null;
  let at = 0;
  while (at < command.length) {
    if (isBlank(command.charCodeAt(at))) {
      at++;
      continue;
    }
    const end = endOfWord(command, at);
    if (end < 0) return null;
    program ??= programOf(command.slice(at, end));
    if (program === null) return null;
    at = end;
  }
  return program;
}

/** Where the word starting here ends, or -1 when it holds anything a shell might act on. */
function endOfWord(command: string, start: number): number {
  let at = start;
  while (at < command.length) {
    const code = command.charCodeAt(at);
    if (isPlain(code)) at++;
    else if (code === quoteCode) {
      const close = command.indexOf("'", at + 1);
      if (close < 0) return -1;
      at = close + 1;
    } else if (code === backslashCode && command.charCodeAt(at + 1) === quoteCode) at += 2;
    else return isBlank(code) ? at : -1;
  }
  return at;
}

/** A first word with `=` may be an assignment and one with a leading `%` a job of the shell's. */
function programOf(word: string): string | null {
  const text = word.replace(/'([^']*)'|\\(')/g, "$1$2");
  if (text === "" || word.includes("=") || text.startsWith("-") || text.startsWith("%")) return null;
  return shellWords.has(text) ? null : text;
}

const quoteCode = 0x27;
const backslashCode = 0x5c;

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

const plain = new Set(
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"].map((c) => c.charCodeAt(0)),
);
const isPlain = (code: number): boolean => plain.has(code);

/**
 * Keywords and builtins of dash, bash, ksh and busybox. `true` and `false` are left out: the programs do the same, and
 * the task shell is given their path.
 */
const shellWords: ReadonlySet<string> = new Set(
  `if then else elif fi do done case esac while until for in function select time coproc
  . : [ alias autoload bg bind break builtin caller cd chdir command compgen complete compopt continue declare dirs
  disown echo enable eval exec exit export fc fg float functions getopts hash help history integer jobs kill let local
  logout mapfile nameref newgrp popd print printf pushd pwd read readarray readonly return set shift shopt source
  suspend test times trap type typeset ulimit umask unalias unset wait whence`.split(/\s+/),
);
