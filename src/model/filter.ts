import { ConiferError } from "./errors.ts";

/**
 * The one query grammar of API, SDK and CLI. A filter is `FIELD OP VALUE[,VALUE…]`; filters are joined by AND.
 *
 *   state=FAILED,RUN_ERROR    any of the values          name~scan        contains (not a pattern)
 *   state!=JOB_FINISHED       none of the values         priority>=5      < <= > >= on numbers and times
 *   tags.case=lattice_1       a tag; tags.case=* has it  created>2026-11-01   ISO times; or an age: created>-2h
 *
 * A value in double quotes may hold commas; `\"` and `\\` inside. An unknown field, an operator that does not go with
 * it, or a value that does not read is an error, never "match everything".
 */
export type Operator = "=" | "!=" | "~" | "<" | "<=" | ">" | ">=";
export type FieldKind = "id" | "number" | "text" | "time" | "word" | "boolean" | "tag" | "json";
export type Field = {
  readonly kind: FieldKind;
  readonly words?: readonly string[];
  readonly sortable?: boolean;
  readonly help: string;
};
export type FieldTable = { readonly [name: string]: Field };
/** One parsed filter: `key` is the part after `tags.` or `data.`; times are ISO strings, ids and numbers are numbers. */
export type Condition = {
  readonly field: string;
  readonly key: string | null;
  readonly op: Operator;
  readonly values: readonly (string | number | boolean)[];
};
export type Ordering = { readonly field: string; readonly descending: boolean };

const OPERATORS: Record<FieldKind, readonly Operator[]> = {
  id: ["=", "!=", "<", "<=", ">", ">="],
  number: ["=", "!=", "<", "<=", ">", ">="],
  time: ["<", "<=", ">", ">="],
  text: ["=", "!=", "~"],
  word: ["=", "!="],
  boolean: ["="],
  tag: ["=", "!="],
  json: ["=", "!="],
};

/** Parses one filter against a table of fields; `now` (ms) resolves ages such as `created>-2h`. */
export function parseFilter(filter: string, fields: FieldTable, now: number): Condition {
  const fail = (problem: string): never => {
    throw new ConiferError("BAD_FILTER", { filter: JSON.stringify(filter), problem });
  };
  const match =
    /^\s*([A-Za-z][A-Za-z0-9]*)(?:\.((?:[^=!~<>"\s]|"(?:[^"\\]|\\.)*")+))?\s*(!=|<=|>=|=|~|<|>)\s*([\s\S]*)$/.exec(
      filter,
    );
  if (!match) return fail("it is not FIELD OP VALUE with OP one of = != ~ < <= > >=");
  const [, name = "", rawKey, op = "=", rest = ""] = match as unknown as [
    string,
    string,
    string | undefined,
    Operator,
    string,
  ];
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (!field) return fail(`there is no field ${name}; the fields are ${Object.keys(fields).join(", ")}`);
  const keyed = field.kind === "tag" || field.kind === "json";
  if (keyed && rawKey === undefined) return fail(`write ${name}.KEY${op}VALUE`);
  if (!keyed && rawKey !== undefined) return fail(`${name} has no parts`);
  if (!OPERATORS[field.kind].includes(op)) return fail(`${name} takes ${OPERATORS[field.kind].join(" ")}, not ${op}`);
  const texts = splitValues(rest, fail);
  if (texts.length > 1 && op !== "=" && op !== "!=") return fail(`${op} takes one value`);
  const values = texts.map((text) => readValue(text, { name, field, now, fail }));
  return { field: name, key: rawKey === undefined ? null : unquote(rawKey), op, values };
}

/** Parses `-priority,id`: comma-separated sortable fields, `-` for descending. */
export function parseOrdering(text: string, fields: FieldTable): Ordering[] {
  return text.split(",").map((part) => {
    const name = part.trim().replace(/^[-+]/, "");
    if (!Object.hasOwn(fields, name) || fields[name]?.sortable !== true) {
      const known = Object.keys(fields).filter((key) => fields[key]?.sortable);
      throw new ConiferError("BAD_FILTER", {
        filter: JSON.stringify(text),
        problem: `cannot order by ${name}; these order: ${known.join(", ")}`,
      });
    }
    return { field: name, descending: part.trim().startsWith("-") };
  });
}

/** Writes a value so that `parseFilter` reads it back as one value. */
export function quoteFilterValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[^,"\\\s*][^,"\\]*$/.test(text) && text.trim() === text ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

const JOB_TIMES = {
  created: "when it was created",
  updated: "when it last changed",
  started: "when its last attempt began",
  ended: "when its last attempt ended",
};

/** Fields of a job that filters and orderings may name. */
export function jobFields(states: readonly string[]): FieldTable {
  const number = (help: string, sortable = false): Field => ({ kind: "number", sortable, help });
  return {
    id: { kind: "id", sortable: true, help: "the job's id" },
    state: { kind: "word", words: states, sortable: true, help: "the job's state" },
    app: { kind: "text", help: "the app's name" },
    site: { kind: "text", help: "the site's name" },
    name: { kind: "text", sortable: true, help: "the job's name" },
    workflow: { kind: "text", help: "the workflow it belongs to" },
    workdir: { kind: "text", sortable: true, help: "its working directory, relative to the site's data/" },
    tags: { kind: "tag", help: "a tag: tags.KEY=VALUE" },
    data: { kind: "json", help: "a top-level entry of its data: data.KEY=VALUE" },
    parent: { kind: "id", help: "the id of a parent" },
    batchJob: { kind: "id", help: "the batch job it ran in last" },
    session: { kind: "id", help: "the session that holds it" },
    priority: number("higher runs first", true),
    attempt: number("attempts begun", true),
    nodes: number("nodes asked for", true),
    ranksPerNode: number("ranks on each node"),
    gpusPerRank: number("GPUs of each rank"),
    wallTimeMin: number("expected run time, minutes", true),
    exitCode: number("exit code of the last attempt"),
    ...Object.fromEntries(
      Object.entries(JOB_TIMES).map(([name, help]) => [
        name,
        { kind: "time", sortable: name !== "started" && name !== "ended", help } satisfies Field,
      ]),
    ),
  };
}

function splitValues(text: string, fail: (problem: string) => never): string[] {
  const values: string[] = [];
  let rest = text.trim();
  for (;;) {
    const match = /^\s*("(?:[^"\\]|\\.)*"|[^,"]*)\s*(,|$)/.exec(rest);
    if (!match) return fail("a quote in the value is not closed");
    const value = (match[1] ?? "").trim();
    if (value === "") return fail('a value is missing (write "" for the empty text)');
    values.push(value);
    rest = rest.slice(match[0].length);
    if (match[2] !== ",") return values;
  }
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

type Reading = { name: string; field: Field; now: number; fail: (problem: string) => never };

function readValue(raw: string, { name, field, now, fail }: Reading): string | number | boolean {
  const text = unquote(raw);
  switch (field.kind) {
    case "id":
      return /^\d{1,15}$/.test(text) ? Number(text) : fail(`${name} is a whole number, not ${raw}`);
    case "number":
      return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)
        ? Number(text)
        : fail(`${name} is a number, not ${raw}`);
    case "boolean":
      return text === "true" || text === "false" ? text === "true" : fail(`${name} is true or false, not ${raw}`);
    case "word":
      return field.words?.includes(text) ? text : fail(`${name} is one of ${field.words?.join(", ")}, not ${raw}`);
    case "time":
      return readTime(text, now) ?? fail(`${raw} is neither an ISO time nor an age such as -2h`);
    default:
      return raw === "*" ? "*" : text;
  }
}

function readTime(text: string, now: number): string | null {
  const age = /^-(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text);
  if (age)
    return new Date(now - Number(age[1]) * ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[age[2] ?? "s"] ?? 0)).toISOString();
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) return null;
  const ms = Date.parse(
    /[T ]/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text) ? `${text.replace(" ", "T")}Z` : text.replace(" ", "T"),
  );
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
