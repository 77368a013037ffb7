import { setImmediate as nextTurn } from "node:timers/promises";
import type { ClientBase, QueryArrayConfig, QueryArrayResult } from "pg";
import { ConiferError } from "../../../model/errors.ts";
import type { QueryResult } from "../database.ts";
import { sqlStateOf } from "../failures.ts";
import type { StatementNames } from "../statement-names.ts";
import { type Column, LOOK_UP_TYPES, type UserTypes } from "../values/columns.ts";
import { encodeParameters } from "../values/encode.ts";
import { postgresFailure } from "./failures.ts";

/** What all connections to one database share. */
export type StatementContext = {
  readonly place: string;
  readonly types: UserTypes;
  readonly names: Pick<StatementNames, "nameFor">;
};

type RawResult = QueryArrayResult<(string | null)[]>;

/** How many rows are turned into objects before other work gets a turn. */
const ROWS_A_TURN = 5_000;

/** Runs one statement on one connection. */
export async function runStatement<Row>(
  client: ClientBase,
  { sql, params }: { sql: string; params: readonly unknown[] },
  context: StatementContext,
): Promise<QueryResult<Row>> {
  const config: QueryArrayConfig & { queryMode?: string } = {
    text: sql,
    values: encodeParameters(params),
    rowMode: "array",
    // The plain protocol would take several statements in one text, which PGlite refuses here.
    queryMode: "extended",
  };
  const name = context.names.nameFor(sql);
  if (name !== undefined) config.name = name;
  const raw: RawResult = await guarded(
    inTurn(client, () => client.query<(string | null)[]>(config)),
    context,
  );
  const columns = raw.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID }));
  const rows = await toRows(raw.rows, columns, context.types);
  await context.types.decodeLate(columns, rows, async (oids) => {
    const found = await runStatement<{ oid: number; element: number }>(
      client,
      { sql: LOOK_UP_TYPES, params: [oids] },
      context,
    );
    return found.rows;
  });
  return { rows: rows as Row[], rowCount: raw.rowCount ?? 0 };
}

/** Runs several statements without parameters and returns the last one's command, such as `ROLLBACK`. */
export async function runScript(client: ClientBase, sql: string, context: StatementContext): Promise<string> {
  const results: RawResult | RawResult[] = await guarded(
    inTurn(client, () => client.query<(string | null)[]>({ text: sql, rowMode: "array" })),
    context,
  );
  const last = Array.isArray(results) ? results.at(-1) : results;
  return last?.command ?? "";
}

/** The last statement of each connection that has not ended. */
const turns = new WeakMap<ClientBase, Promise<unknown>>();

/** Runs a statement once those before it on its connection have ended, however they did: the driver's own queue goes with its next version. */
function inTurn<T>(client: ClientBase, run: () => Promise<T>): Promise<T> {
  const before = turns.get(client);
  const result = before === undefined ? run() : before.then(run);
  const ended = result.then(
    () => undefined,
    () => undefined,
  );
  turns.set(client, ended);
  void ended.then(() => {
    if (turns.get(client) === ended) turns.delete(client);
  });
  return result;
}

/** Whether a prepared statement has outlived a change of the schema; unprepared, it would run. */
export function isPlanOutdated(error: unknown): boolean {
  return sqlStateOf(error) === "0A000" && error instanceof ConiferError && error.message.includes("cached plan");
}

async function guarded<T>(outcome: Promise<T>, { place }: StatementContext): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    throw postgresFailure(error, place);
  }
}

async function toRows(
  raw: readonly (string | null)[][],
  columns: readonly Column[],
  types: UserTypes,
): Promise<Record<string, unknown>[]> {
  const decoders = columns.map(({ typeOid }) => types.decoder(typeOid));
  const rows: Record<string, unknown>[] = [];
  for (const values of raw) {
    if (rows.length > 0 && rows.length % ROWS_A_TURN === 0) await nextTurn();
    const row: Record<string, unknown> = {};
    for (const [index, { name }] of columns.entries()) {
      const value = values[index] ?? null;
      const decode = decoders[index];
      row[name] = value === null || decode === undefined ? value : decode(value);
    }
    rows.push(row);
  }
  return rows;
}
