import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ConiferError } from "../../../model/errors.ts";

/** Whether a pattern can match several files. */
export function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

/**
 * Files and directories below a directory that match a pattern, as paths relative to it, sorted. `*` and `?` stay within
 * one name and skip names that begin with a dot, `[a-c]` and `[!a]` are sets, `**` is any number of directories. Symbolic links to directories
 * are matched but not followed by `**`. Throws `UNSAFE_PATH` for a pattern that could leave the directory.
 */
export function findFiles(directory: string, pattern: string): string[] {
  const found = new Set<string>();
  descend({ directory, at: "", segments: patternSegments(pattern), found });
  return [...found].sort();
}

/** The names a pattern is made of. Throws `UNSAFE_PATH` for one that could leave the directory. */
export function patternSegments(pattern: string): string[] {
  const segments = pattern.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (pattern.startsWith("/") || pattern.includes("\0") || segments.length === 0 || segments.includes(".."))
    throw new ConiferError("UNSAFE_PATH", { where: "file pattern", path: JSON.stringify(pattern) });
  return segments;
}

interface Descent {
  readonly directory: string;
  /** Relative path reached so far. */
  readonly at: string;
  readonly segments: readonly string[];
  readonly found: Set<string>;
}

function descend({ directory, at, segments, found }: Descent): void {
  const [segment, ...rest] = segments;
  if (segment === undefined) {
    found.add(at);
    return;
  }
  const below = (name: string): string => (at === "" ? name : `${at}/${name}`);
  if (segment === "**") {
    if (rest.length > 0) descend({ directory, at, segments: rest, found });
    for (const entry of entriesOf(join(directory, at))) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) descend({ directory, at: below(entry.name), segments, found });
      if (rest.length === 0) found.add(below(entry.name));
    }
  } else if (isGlob(segment)) {
    const matches = segmentPattern(segment);
    for (const entry of entriesOf(join(directory, at)))
      if (matches.test(entry.name) && (!entry.name.startsWith(".") || segment.startsWith(".")))
        descend({ directory, at: below(entry.name), segments: rest, found });
  } else if (exists(join(directory, below(segment)))) descend({ directory, at: below(segment), segments: rest, found });
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A file where the pattern has a directory.
    return false;
  }
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Not a directory, or gone meanwhile: nothing in it matches.
    return [];
  }
}

/** One name of a pattern as a regular expression; a `[` without its `]` stands for itself. */
function segmentPattern(segment: string): RegExp {
  let source = "";
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at] ?? "";
    const close = character === "[" ? segment.indexOf("]", segment[at + 1] === "!" ? at + 3 : at + 2) : -1;
    if (character === "*") source += "[^]*";
    else if (character === "?") source += "[^]";
    else if (close > 0) {
      source += setPattern(segment.slice(at + 1, close));
      at = close;
    } else source += escaped(character);
  }
  return new RegExp(`^${source}$`, "u");
}

/** A set that no name can be in, such as `[z-a]`, matches nothing. */
function setPattern(content: string): string {
  const negated = content.startsWith("!");
  const body = (negated ? content.slice(1) : content).replace(/[\\\]^&[]/g, "\\$&");
  const source = `[${negated ? "^" : ""}${body}]`;
  try {
    new RegExp(source, "u");
    return source;
  } catch {
    return "[]";
  }
}

const escaped = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
