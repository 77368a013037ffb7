import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshPlace, freshPlace } from "../../../../test/setup/databases.ts";
import { messageOf } from "../../../model/errors.ts";
import { type Database, openDatabase, sqlStateOf } from "../index.ts";

let place: FreshPlace;
let url: string;
let db: Database;
beforeAll(async () => {
  place = await freshPlace([]);
  url = place.url ?? "";
  db = await openDatabase({ kind: "postgres", url, connections: 3 });
  await db.exec("CREATE TABLE t (id int8 PRIMARY KEY, n int8)");
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const KILL_OTHERS =
  "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()";

async function failureOf(outcome: Promise<unknown>): Promise<unknown> {
  return outcome.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error,
  );
}

/** Everything an error says to whoever prints it, its causes included. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.stack, JSON.stringify(error), everythingIn(error.cause)].join("\n");
}

describe("PostgreSQL", () => {
  it.each([
    ["nobody listens there", (right: URL) => Object.assign(right, { port: "1" })],
    ["the password is wrong", (right: URL) => Object.assign(right, { password: "wrong-secret" })],
    ["there is no such database", (right: URL) => Object.assign(right, { pathname: "/nowhere" })],
    ["there is no such host", (right: URL) => Object.assign(right, { hostname: "nowhere.invalid" })],
  ])("is unreachable when %s, and no error shows the password", async (_, spoil) => {
    const wrong = spoil(new URL(url));
    const error = await failureOf(openDatabase({ kind: "postgres", url: wrong.href }));
    expect(error).toMatchObject({ code: "DATABASE_UNREACHABLE" });
    expect(everythingIn(error)).not.toContain(decodeURIComponent(wrong.password));
    expect(everythingIn(error)).not.toContain(wrong.password);
  });

  it("shows its place without the password", () => {
    expect(db.place).toBe(url.replace(/:[^:@/]+@/, ":…@"));
  });

  it("runs statements on several connections at once", async () => {
    const started = performance.now();
    await Promise.all([1, 2, 3].map(() => db.query("SELECT pg_sleep(0.3)")));
    expect(performance.now() - started).toBeLessThan(800);
  });

  it("acknowledges commits only when they are on disk, whatever the server's default", async () => {
    await db.exec(
      "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
    );
    await using other = await openDatabase({ kind: "postgres", url });
    expect((await other.query("SHOW synchronous_commit")).rows).toEqual([{ synchronous_commit: "on" }]);
  });

  it("fails a statement whose connection is ended as unreachable, and takes another connection for the next", async () => {
    await using other = await openDatabase({ kind: "postgres", url });
    const sleeping = failureOf(db.query("SELECT pg_sleep(60)"));
    const sleepers = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'";
    await expect.poll(async () => (await other.query(sleepers)).rowCount).toBe(1);
    await other.query(KILL_OTHERS);
    expect(await sleeping).toMatchObject({ code: "DATABASE_UNREACHABLE" });
    await expect.poll(() => db.query("SELECT 1 AS one").then(({ rows }) => rows, messageOf)).toEqual([{ one: 1 }]);
  });

  it("loses a transaction whose connection is ended, as a whole", async () => {
    await using other = await openDatabase({ kind: "postgres", url });
    const work = db.transaction(async (tx) => {
      await tx.query("INSERT INTO t VALUES (1, 0)");
      await other.query(KILL_OTHERS);
      await tx.query("INSERT INTO t VALUES (2, 0)");
    });
    expect(await failureOf(work)).toMatchObject({ code: "DATABASE_UNREACHABLE" });
    await expect.poll(() => db.query("SELECT id FROM t").then(({ rows }) => rows, messageOf)).toEqual([]);
  });

  it("resolves a deadlock of two transactions by running one of them again", async () => {
    await db.query("INSERT INTO t VALUES (10, 0), (11, 0)");
    let runs = 0;
    const meet = barrier(2);
    const cross = (first: number, second: number): Promise<void> =>
      db.transaction(async (tx) => {
        runs += 1;
        await tx.query("UPDATE t SET n = n + 1 WHERE id = $1", [first]);
        await meet();
        await tx.query("UPDATE t SET n = n + 1 WHERE id = $1", [second]);
      });
    await Promise.all([cross(10, 11), cross(11, 10)]);
    expect(runs).toBe(3);
    expect((await db.query("SELECT n FROM t WHERE id IN (10, 11)")).rows).toEqual([{ n: 2 }, { n: 2 }]);
  });

  it("runs a serializable transaction again that met another one", async () => {
    await db.query("INSERT INTO t VALUES (20, 0)");
    const meet = barrier(2);
    const bump = (): Promise<void> =>
      db.transaction(async (tx) => {
        await tx.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        const { rows } = await tx.query<{ n: number }>("SELECT n FROM t WHERE id = 20");
        await meet();
        await tx.query("UPDATE t SET n = $1 WHERE id = 20", [(rows[0]?.n ?? 0) + 1]);
      });
    await Promise.all([bump(), bump()]);
    expect((await db.query("SELECT n FROM t WHERE id = 20")).rows).toEqual([{ n: 2 }]);
  });

  it("ends a statement that runs far too long, with an error that says so", async () => {
    const error = await failureOf(
      db.transaction(async (tx) => {
        await tx.query("SET LOCAL statement_timeout = '50ms'");
        await tx.query("SELECT pg_sleep(60)");
      }),
    );
    expect(sqlStateOf(error)).toBe("57014");
    expect((await db.query("SHOW statement_timeout")).rows).toEqual([{ statement_timeout: "5min" }]);
  });

  it("listens again after its connection broke, and says that something may have been missed", async () => {
    await using proxy = await breakableProxy(Number(new URL(url).port));
    const through = Object.assign(new URL(url), { port: String(proxy.port) }).href;
    await using listening = await openDatabase({ kind: "postgres", url: through });
    const heard: string[] = [];
    await using _ = await listening.listen("changes", (payload) => heard.push(payload));
    await db.notify("changes", "one");
    await expect.poll(() => heard).toEqual(["one"]);
    proxy.breakAll();
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual(["one", ""]);
    await db.notify("changes", "two");
    await expect.poll(() => heard).toEqual(["one", "", "two"]);
  });
});

/** A function that resolves when it was called `count` times; later calls do not wait. */
function barrier(count: number): () => Promise<void> {
  let missing = count;
  let open = (): void => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    missing -= 1;
    if (missing <= 0) open();
    return all;
  };
}

type BreakableProxy = AsyncDisposable & { readonly port: number; breakAll(): void };

/** Passes bytes on to a port, until it is told to break every connection. */
async function breakableProxy(target: number): Promise<BreakableProxy> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const close = async (): Promise<void> => {
    breakAll();
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as AddressInfo).port, breakAll, [Symbol.asyncDispose]: close };
}
