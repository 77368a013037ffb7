import { type Answer, unreadable } from "../batch/command.ts";

export type Attributes = Readonly<Record<string, unknown>>;

/**
 * One section (Jobs, Queue, Server, nodes) of an answer in PBS's JSON. Versions of PBS have written environments into it
 * that are no JSON; then the attributes are read line by line, which is how PBS lays them out.
 */
export function readSection(answer: Answer, section: string): ReadonlyMap<string, Attributes> {
  const text = answer.stdout.trim();
  if (!text.startsWith("{")) throw unreadable("pbs", answer);
  const parsed = parse(text);
  const found = parsed === null ? readLines(text, section) : (parsed[section] ?? {});
  if (found === null || !isAttributes(found)) throw unreadable("pbs", answer);
  return new Map(Object.entries(found).filter((entry): entry is [string, Attributes] => isAttributes(entry[1])));
}

export function isAttributes(value: unknown): value is Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isAttributes(value) ? value : null;
  } catch {
    return null;
  }
}

/** Attributes by depth of the tabs; null where the text is not even laid out so, or was cut off. */
function readLines(text: string, section: string): Record<string, Attributes> | null {
  const lines = text.split("\n");
  if (lines.at(-1) !== "}" || !lines.some((line) => line.startsWith(`\t"${section}":`))) return null;
  const objects: Record<string, Record<string, unknown>> = {};
  let object: Record<string, unknown> = {};
  let group: Record<string, unknown> = {};
  for (const line of lines) {
    const match = /^(\t+)"([^"]+)":\t(.*?),?$/.exec(line);
    if (match === null) continue;
    const [, { length: depth } = "", name = "", value = ""] = match;
    const read = value === "{" ? {} : value.replace(/^"(.*)"$/, "$1");
    if (depth === 2 && isAttributes(read)) {
      object = { ...read };
      objects[name] = object;
    }
    if (depth === 3 && isAttributes(read)) group = { ...read };
    if (depth === 3) object[name] = isAttributes(read) ? group : read;
    if (depth === 4) group[name] = read;
  }
  return objects;
}
