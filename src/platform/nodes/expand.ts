/**
 * Host lists as schedulers write them: names separated by commas, with ranges in brackets (`nid[001-003,007]`,
 * `rack[1-2]n[01-02]`). A range keeps the width of its first number, the last bracket counts fastest, and the order is
 * that of the text: ranks and first nodes depend on it.
 */
import { ConiferError } from "../../model/errors.ts";

/** No machine has more nodes; a list that says so is a mistake, and would fill the memory. */
const mostHosts = 1_000_000;

/** The hosts of a list, in order, repeated ones included. Throws BAD_NODE_LIST naming what does not read. */
export function expandHostList(list: string, where = "the node list"): string[] {
  const fail = (problem: string): never => {
    throw new ConiferError("BAD_NODE_LIST", { where, problem: `${problem} in ${JSON.stringify(list.slice(0, 200))}` });
  };
  if (list.trim() === "") return fail("there is no host");
  const hosts: string[] = [];
  for (const word of wordsOf(list, fail)) {
    if (word === "") fail("an empty name");
    for (const host of expandWord(word, fail)) hosts.push(host);
    if (hosts.length > mostHosts) fail(`more than ${mostHosts} hosts`);
  }
  return hosts;
}

type Fail = (problem: string) => never;

/** Splits at the commas outside of brackets. */
function wordsOf(list: string, fail: Fail): string[] {
  const words: string[] = [];
  let depth = 0;
  let word = "";
  for (const character of list.trim()) {
    if (character === "[") depth += 1;
    if (character === "]") depth -= 1;
    if (depth < 0 || depth > 1) fail("brackets that do not match");
    if (character === "," && depth === 0) {
      words.push(word.trim());
      word = "";
    } else word += character;
  }
  if (depth !== 0) fail("a bracket that is not closed");
  return [...words, word.trim()];
}

function expandWord(word: string, fail: Fail): string[] {
  let names = [""];
  for (const part of word.split(/(\[[^\]]*\])/)) {
    const endings = part.startsWith("[") ? numbersOf(part.slice(1, -1), fail) : [plain(part, fail)];
    if (names.length * endings.length > mostHosts) fail(`more than ${mostHosts} hosts`);
    names = names.flatMap((name) => endings.map((ending) => name + ending));
  }
  return names;
}

function plain(part: string, fail: Fail): string {
  if (!/^[A-Za-z0-9._:-]*$/.test(part)) fail(`${JSON.stringify(part)} is no part of a host's name`);
  return part;
}

function numbersOf(ranges: string, fail: Fail): string[] {
  return ranges.split(",").flatMap((range) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range.trim());
    const [, first = "", last = first] = match ?? fail(`${JSON.stringify(range)} is no range`);
    const [from, to] = [Number(first), Number(last)];
    if (to < from) fail(`the range ${range} runs backwards`);
    if (to - from >= mostHosts) fail(`more than ${mostHosts} hosts`);
    return Array.from({ length: to - from + 1 }, (_, offset) => String(from + offset).padStart(first.length, "0"));
  });
}
