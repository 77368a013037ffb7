/** From parsed filters to SQL over `jobs j` and `job_life l`, values always as parameters. */

import { assertNever } from "../../../model/errors.ts";
import type { Condition } from "../../../model/filter.ts";

/** Collects a statement's parameters: `add` answers the placeholder to write. */
export class Parameters {
  readonly values: unknown[] = [];

  add(value: unknown, cast = ""): string {
    this.values.push(value);
    return `$${this.values.length}${cast === "" ? "" : `::${cast}`}`;
  }
}

/** Where each plain field is stored. `app`, `site` and `state` are decided on the territory's groups instead. */
export const COLUMNS = {
  id: { sql: "l.id", type: "bigint" },
  state: { sql: "l.state", type: "job_state" },
  name: { sql: "j.name", type: "text" },
  workflow: { sql: "j.workflow", type: "text" },
  workdir: { sql: "j.workdir", type: "text" },
  batchJob: { sql: "l.batch_job_id", type: "bigint" },
  session: { sql: "l.session_id", type: "bigint" },
  priority: { sql: "l.priority", type: "double precision" },
  attempt: { sql: "l.attempt", type: "double precision" },
  nodes: { sql: "j.nodes", type: "double precision" },
  ranksPerNode: { sql: "j.ranks_per_node", type: "double precision" },
  gpusPerRank: { sql: "j.gpus_per_rank", type: "double precision" },
  wallTimeMin: { sql: "j.wall_time_min", type: "double precision" },
  exitCode: { sql: "l.exit_code", type: "double precision" },
  created: { sql: "j.created", type: "timestamptz" },
  updated: { sql: "l.updated", type: "timestamptz" },
  started: { sql: "l.started", type: "timestamptz" },
  ended: { sql: "l.ended", type: "timestamptz" },
} as const;

/**
 * One condition as SQL, to be joined by AND: a job without a value equals nothing, compares with nothing and differs
 * from everything.
 */
export function conditionSql(condition: Condition, parameters: Parameters): string {
  switch (condition.field) {
    case "tags":
      return tagSql(condition, parameters);
    case "data":
      return dataSql(condition, parameters);
    case "parent": {
      const parents = parameters.add(condition.values, "bigint[]");
      if (condition.op === "=" || condition.op === "!=")
        return `${condition.op === "=" ? "" : "NOT "}${hasParent(`d.parent_id = ANY(${parents})`)}`;
      return hasParent(`d.parent_id ${condition.op} (${parents})[1]`);
    }
    default:
      return plainSql(condition, parameters);
  }
}

const hasParent = (which: string): string =>
  `EXISTS (SELECT FROM job_dependencies d WHERE d.child_id = l.id AND ${which})`;

function plainSql(condition: Condition, parameters: Parameters): string {
  const column = COLUMNS[condition.field as keyof typeof COLUMNS];
  if (column === undefined) return assertNever(condition.field as never);
  const { sql, type } = column;
  switch (condition.op) {
    case "=":
      return `${sql} = ANY(${parameters.add(condition.values, `${type}[]`)})`;
    case "!=":
      return `(${sql} IS NULL OR ${sql} <> ALL(${parameters.add(condition.values, `${type}[]`)}))`;
    case "~":
      // strpos has no wildcards, so nothing needs escaping.
      return `strpos(${sql}, ${parameters.add(condition.values[0], "text")}) > 0`;
    case "<":
    case "<=":
    case ">":
    case ">=":
      return `${sql} ${condition.op} ${parameters.add(condition.values[0], type)}`;
    default:
      return assertNever(condition.op);
  }
}

/** `tags.k=a,b`: containment, which the GIN index serves (it leaves out jobs without tags); `tags.k=*`: has it at all. */
function tagSql({ key, op, values }: Condition, parameters: Parameters): string {
  const name = key ?? "";
  const parts = values.map((value) =>
    value === "*"
      ? `j.tags ? ${parameters.add(name, "text")}`
      : `j.tags @> ${parameters.add(JSON.stringify({ [name]: String(value) }), "jsonb")}`,
  );
  return op === "!=" ? `NOT (${parts.join(" OR ")})` : `(${parts.join(" OR ")}) AND j.tags <> '{}'`;
}

/** `data.k=v` compares the entry's text, so that `data.n=5` finds both 5 and "5". */
function dataSql({ key, op, values }: Condition, parameters: Parameters): string {
  const name = parameters.add(key ?? "", "text");
  const parts = values.map((value) =>
    value === "*"
      ? `j.data ? ${name}`
      : `coalesce(j.data ->> ${name} = ${parameters.add(String(value), "text")}, false)`,
  );
  return `${op === "!=" ? "NOT " : ""}(${parts.join(" OR ")})`;
}
