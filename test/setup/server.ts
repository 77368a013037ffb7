/** A whole server over a fresh database, without a port: requests are injected, the clock can be moved. */
import { pino } from "pino";
import type { AnswerOf, BodyInput, OperationName, Operations, QueryInput } from "../../src/client/wire/operations.ts";
import { operations } from "../../src/client/wire/operations.ts";
import { insertToken, insertUser } from "../../src/server/access/users.ts";
import { type Assembly, assemble } from "../../src/server/assemble.ts";
import type { Database } from "../../src/server/database/index.ts";
import { freshDatabase } from "./databases.ts";

type CallOptions<N extends OperationName> = {
  readonly params?: { readonly id: number };
  readonly query?: QueryInput<N>;
  readonly body?: BodyInput<N>;
  readonly idempotencyKey?: string;
};
export type Problem = { status: number; code: string; detail: string; hint: string; values: Record<string, unknown> };
export type Answer<T> = { readonly status: number; readonly ok: T; readonly problem: Problem };

/** A user of the server under test, calling operations by name. */
export type TestUser = {
  readonly id: number;
  readonly token: string;
  /** The answer, or a thrown error with the problem's code and detail. */
  call<N extends OperationName>(name: N, options?: CallOptions<N>): Promise<AnswerOf<N>>;
  /** The answer whatever its status. */
  ask<N extends OperationName>(name: N, options?: CallOptions<N>): Promise<Answer<AnswerOf<N>>>;
};
export type TestServer = AsyncDisposable &
  Pick<Assembly, "http" | "services"> & {
    readonly db: Database;
    readonly clock: { now: number };
    /** An admin, made with the server. */
    readonly ann: TestUser;
    user(name: string, admin?: boolean): Promise<TestUser>;
  };

/** Starts a server for one test; the clock stands still until it is moved. */
export async function testServer(options: { leaseSec?: number } = {}): Promise<TestServer> {
  const db = await freshDatabase();
  const clock = { now: Date.parse("2026-11-20T12:00:00Z") };
  const assembly = await assemble({
    db,
    clocks: { now: () => clock.now, monotonic: () => clock.now },
    log: pino({ level: "silent" }),
    leaseSec: options.leaseSec ?? 600,
    tls: null,
  });
  const user = async (name: string, admin = false): Promise<TestUser> => {
    const { id } = await insertUser(db, { name, admin });
    const { token } = await insertToken(db, { userId: id, label: "test", expiresSec: null });
    return caller(assembly, id, token);
  };
  return {
    http: assembly.http,
    services: assembly.services,
    db,
    clock,
    ann: await user("ann", true),
    user,
    async [Symbol.asyncDispose]() {
      await assembly[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

function caller({ http }: Assembly, id: number, token: string): TestUser {
  const ask = async <N extends OperationName>(name: N, options: CallOptions<N> = {}): Promise<Answer<AnswerOf<N>>> => {
    const operation: Operations[OperationName] = operations[name];
    const response = await http.inject({
      method: operation.method,
      url: urlOf(operation.path, options),
      headers: {
        authorization: `Bearer ${token}`,
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...(options.idempotencyKey === undefined ? {} : { "idempotency-key": options.idempotencyKey }),
      },
      ...(options.body === undefined ? {} : { payload: JSON.stringify(options.body) }),
    });
    const answer = response.json();
    return { status: response.statusCode, ok: answer, problem: answer };
  };
  return {
    id,
    token,
    ask,
    async call(name, options) {
      const { status, ok, problem } = await ask(name, options);
      if (status !== 200) throw new Error(`${name}: ${problem.code}: ${problem.detail}`);
      return ok;
    },
  };
}

function urlOf(path: string, { params, query }: { params?: { id: number }; query?: unknown }): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  const text = search.toString();
  return `${path.replace(":id", String(params?.id ?? ""))}${text === "" ? "" : `?${text}`}`;
}

/** Registers a site with apps that run `true`; each takes any parameters it is given here. */
export async function makeSite(user: TestUser, name: string, apps: BodyInput<"appSync">["apps"]): Promise<number> {
  const site = await user.call("siteCreate", { body: { name, path: `/tmp/${name}` } });
  await user.call("appSync", { body: { site: site.id, apps } });
  return site.id;
}
