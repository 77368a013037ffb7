import { failureFrom } from "../failures.ts";
import type { StatementNames } from "../statement-names.ts";
import { LOOK_UP_TYPES, type UserTypes } from "../values/columns.ts";
import { encodeParameters } from "../values/encode.ts";
import { AnswerReader } from "./answers.ts";
import { writeScript, writeStatement } from "./requests.ts";
import type { EngineThread } from "./thread.ts";

/** What a connection shares with those before and after it on the same database. */
export type ConnectionContext = {
  readonly place: string;
  readonly types: UserTypes;
  readonly names: StatementNames;
  onNotification(channel: string, payload: string): void;
};

/** The engine's one SQL connection, which lives as long as its thread. Statements are sent in the order of the calls. */
export class Connection {
  readonly thread: EngineThread;
  readonly #context: ConnectionContext;
  readonly #prepared = new Set<string>();

  constructor(thread: EngineThread, context: ConnectionContext) {
    this.thread = thread;
    this.#context = context;
  }

  /** Runs one statement. */
  async query<Row>(sql: string, params: readonly unknown[]): Promise<{ rows: Row[]; rowCount: number }> {
    const { names, types } = this.#context;
    const name = names.nameFor(sql) ?? "";
    const parse = !this.#prepared.has(name);
    const message = writeStatement({ sql, params: encodeParameters(params), name, parse });
    if (name !== "") this.#prepared.add(name);
    const answer = await this.#send(message);
    if (answer.failure !== undefined && parse && !answer.isParsed) this.#prepared.delete(name);
    this.#throwFailure(answer);
    await types.decodeLate(answer.columns, answer.rows, async (oids) => {
      const found = await this.query<{ oid: number; element: number }>(LOOK_UP_TYPES, [oids]);
      return found.rows;
    });
    return { rows: answer.rows as Row[], rowCount: answer.rowCount };
  }

  /** Runs several statements without parameters and returns the last one's command tag. */
  async script(sql: string): Promise<string> {
    const answer = await this.#send(writeScript(sql));
    this.#throwFailure(answer);
    return answer.tag;
  }

  /** Runs a script that may change the schema, and with it what prepared statements return: they are forgotten. */
  async changeSchema(sql: string): Promise<void> {
    const done = this.script(sql);
    this.#prepared.clear();
    const [changed] = await Promise.allSettled([done, this.script("DEALLOCATE ALL")]);
    if (changed.status === "rejected") throw changed.reason;
  }

  async #send(message: Uint8Array): Promise<AnswerReader> {
    const answer = new AnswerReader(this.#context.types);
    await this.thread.run(message, answer);
    for (const { channel, payload } of answer.notifications) this.#context.onNotification(channel, payload);
    return answer;
  }

  #throwFailure({ failure, undecodable }: AnswerReader): void {
    if (failure !== undefined) throw failureFrom(failure, this.#context.place);
    if (undecodable !== undefined) throw undecodable;
  }
}
