import { isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { closest } from "./closest.ts";

/** One thing wrong in a YAML file; lines count from 1. */
export type YamlProblem = { readonly line: number; readonly problem: string };
export type YamlReading<T> =
  | { readonly ok: true; readonly value: T; readonly lineOf: (path: Path) => number }
  | { readonly ok: false; readonly problems: readonly YamlProblem[] };
type Path = readonly PropertyKey[];

/**
 * Reads YAML against a schema and tells everything that is wrong at once, each with its line: bad syntax, keys given
 * twice, keys nobody knows (with the nearest known one), values of the wrong type. A section left empty has its defaults.
 */
export function readYaml<T extends z.ZodType>(text: string, schema: T): YamlReading<z.output<T>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      line: lines.linePos(error.pos[0]).line,
      problem: error.message,
    }));
    return { ok: false, problems };
  }
  const lineOf = (path: Path) => lineOfPath(document.contents, path, lines);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { ok: false, problems: [{ line: 1, problem: error instanceof Error ? error.message : String(error) }] };
  }
  const read = schema.safeParse(withoutEmptySections(value ?? {}));
  if (read.success) return { ok: true, value: read.data, lineOf };
  const problems = read.error.issues.flatMap((issue) => toProblems(issue, { schema, lineOf }));
  return { ok: false, problems: problems.sort((a, b) => a.line - b.line) };
}

type Place = { readonly schema: z.ZodType; readonly lineOf: (path: Path) => number };

function toProblems(issue: z.core.$ZodIssue, { schema, lineOf }: Place): YamlProblem[] {
  const at = (path: Path) => path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => {
      const near = closest(key, known);
      const advice = near === null ? `known here: ${known.join(", ")}` : `did you mean ${near}?`;
      const path = [...issue.path, key];
      return { line: lineOf(path), problem: `there is no ${at(path)}; ${advice}` };
    });
  }
  const message = issue.message.replace(/^Invalid input: /, "");
  const problem = issue.path.length === 0 ? message : `${at(issue.path)}: ${message}`;
  return [{ line: lineOf(issue.path), problem }];
}

/** Keys of the object schema at a path, looking through defaults, nulls and unions. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let at: unknown = unwrap(schema);
  for (const key of path) {
    const shape = shapeOf(at);
    at = unwrap(shape === null ? undefined : shape[String(key)]);
  }
  return Object.keys(shapeOf(at) ?? {});
}

function unwrap(schema: unknown): unknown {
  let at = schema;
  while (typeof at === "object" && at !== null && "unwrap" in at && typeof at.unwrap === "function") at = at.unwrap();
  return at;
}

function shapeOf(schema: unknown): Record<string, unknown> | null {
  if (typeof schema !== "object" || schema === null || !("shape" in schema)) return null;
  return typeof schema.shape === "object" && schema.shape !== null ? { ...schema.shape } : null;
}

/** `elastic:` with nothing behind it reads as null; it means the section's defaults. Scalars may be null as such. */
function withoutEmptySections(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== null)
      .map(([key, entry]) => [key, withoutEmptySections(entry)]),
  );
}

/** The line of a key; of the nearest place above it where the key itself is missing. */
function lineOfPath(root: unknown, path: Path, lines: LineCounter): number {
  let offset = offsetOf(root);
  let at: unknown = root;
  for (const key of path) {
    if (isMap(at)) {
      const pair = at.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!isPair(pair)) break;
      offset = offsetOf(pair.key) ?? offset;
      at = pair.value;
    } else if (isNode(at) && "items" in at && typeof key === "number") {
      at = (at as Node & { items: unknown[] }).items[key];
      offset = offsetOf(at) ?? offset;
    } else break;
  }
  return offset === null ? 1 : lines.linePos(offset).line;
}

function offsetOf(node: unknown): number | null {
  return isNode(node) && node.range ? node.range[0] : null;
}
