import { BATCH_STATES } from "../../client/wire/entities.ts";
import type { Condition, FieldTable } from "../../model/filter.ts";
import type { Parameters } from "../jobs/query/index.ts";

/** Fields of a batch job that filters and orderings may name. */
export const BATCH_JOB_FIELDS: FieldTable = {
  id: { kind: "id", sortable: true, help: "the batch job's id" },
  state: { kind: "word", words: BATCH_STATES, help: "its state" },
  site: { kind: "text", help: "the site's name" },
  queue: { kind: "text", help: "the queue asked for" },
  project: { kind: "text", help: "the project it is charged to" },
  schedulerId: { kind: "text", help: "the scheduler's id of it" },
  origin: { kind: "word", words: ["user", "elastic"], help: "who asked for it" },
  reason: { kind: "text", help: "the scheduler's or the agent's words on its state" },
  tags: { kind: "tag", help: "a tag its jobs must have: tags.KEY=VALUE" },
  nodes: { kind: "number", sortable: true, help: "nodes asked for" },
  wallTimeMin: { kind: "number", sortable: true, help: "wall time asked for, minutes" },
  created: { kind: "time", sortable: true, help: "when it was asked for" },
  started: { kind: "time", help: "when it began to run" },
  ended: { kind: "time", help: "when it ended" },
};

/** Where each field is stored. */
export const COLUMNS: Readonly<Record<string, { readonly sql: string; readonly type: string }>> = {
  id: { sql: "b.id", type: "bigint" },
  state: { sql: "b.state", type: "batch_state" },
  site: { sql: "s.name", type: "text" },
  queue: { sql: "b.queue", type: "text" },
  project: { sql: "b.project", type: "text" },
  schedulerId: { sql: "b.scheduler_id", type: "text" },
  origin: { sql: "b.origin", type: "text" },
  reason: { sql: "b.reason", type: "text" },
  nodes: { sql: "b.nodes", type: "double precision" },
  wallTimeMin: { sql: "b.wall_time_min", type: "double precision" },
  created: { sql: "b.created", type: "timestamptz" },
  started: { sql: "b.started", type: "timestamptz" },
  ended: { sql: "b.ended", type: "timestamptz" },
};

/** One condition as SQL: without a value it equals nothing, compares with nothing and differs from everything. */
export function conditionSql({ field, key, op, values }: Condition, parameters: Parameters): string {
  if (field === "tags") {
    const name = parameters.add(key ?? "", "text");
    const has = values.map((value) =>
      value === "*"
        ? `b.filter_tags ? ${name}`
        : `b.filter_tags ->> ${name} = ${parameters.add(String(value), "text")}`,
    );
    return `${op === "!=" ? "NOT " : ""}coalesce(${has.join(" OR ")}, false)`;
  }
  const { sql, type } = COLUMNS[field] ?? { sql: "b.id", type: "bigint" };
  if (op === "=") return `${sql} = ANY (${parameters.add(values, `${type}[]`)})`;
  if (op === "!=") return `(${sql} IS NULL OR ${sql} <> ALL (${parameters.add(values, `${type}[]`)}))`;
  if (op === "~") return `strpos(${sql}, ${parameters.add(values[0], "text")}) > 0`;
  return `${sql} ${op} ${parameters.add(values[0], type)}`;
}
