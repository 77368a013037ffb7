import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freshDatabase, testEngine } from "../../../test/setup/databases.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Database, Transaction } from "./index.ts";
import { retryConflicts, runTransaction, type Session, TransactionScope } from "./transaction.ts";

let db: Database;
beforeAll(async () => {
  db = await freshDatabase([]);
});
beforeEach(async () => {
  await db.exec("DROP TABLE IF EXISTS t; CREATE TABLE t (id int8 PRIMARY KEY, n int8 NOT NULL DEFAULT 0)");
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function ids(): Promise<number[]> {
  return (await db.query<{ id: number }>("SELECT id FROM t ORDER BY id")).rows.map(({ id }) => id);
}

describe(`a transaction (${testEngine})`, () => {
  it("keeps everything it did, and returns what its work returned", async () => {
    const result = await db.transaction(async (tx) => {
      await tx.query("INSERT INTO t (id) VALUES ($1)", [1]);
      await tx.exec("INSERT INTO t (id) VALUES (2); INSERT INTO t (id) VALUES (3)");
      return "done";
    });
    expect(result).toBe("done");
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it("undoes everything when its work throws, and hands the error on", async () => {
    const failure = new Error("changed my mind");
    const work = async (tx: Transaction): Promise<void> => {
      await tx.query("INSERT INTO t (id) VALUES (1)");
      throw failure;
    };
    await expect(db.transaction(work)).rejects.toBe(failure);
    expect(await ids()).toEqual([]);
  });

  it("fails when one of its statements failed, even if its work did not mind", async () => {
    const work = async (tx: Transaction): Promise<void> => {
      await tx.query("INSERT INTO t (id) VALUES (1)");
      await tx.query("SELECT 1 / 0").catch(() => {});
    };
    await expect(db.transaction(work)).rejects.toMatchObject({ code: "DATABASE_FAILED" });
    expect(await ids()).toEqual([]);
  });

  it("keeps statements of others out of itself", async () => {
    const outside: Promise<unknown>[] = [];
    const work = async (tx: Transaction): Promise<void> => {
      await tx.query("INSERT INTO t (id) VALUES (1)");
      // From outside the transaction's own code, as another request would.
      started();
      await tx.query("SELECT pg_sleep(0.05)");
      throw new Error("undo");
    };
    let started = (): void => {};
    const hasStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    const undone = expect(db.transaction(work)).rejects.toThrow("undo");
    await hasStarted;
    outside.push(db.query("INSERT INTO t (id) VALUES (2)"));
    await undone;
    await Promise.all(outside);
    expect(await ids()).toEqual([2]);
  });

  it("refuses the database itself inside its work, which would wait for the transaction for ever", async () => {
    await expect(db.transaction(() => db.query("SELECT 1"))).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(db.transaction(() => db.transaction(async () => 1))).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await ids()).toEqual([]);
  });

  it("can no longer be used when it is over", async () => {
    const kept = await db.transaction(async (tx) => tx);
    await expect(kept.query("INSERT INTO t (id) VALUES (9)")).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await ids()).toEqual([]);
  });

  it("takes turns with a hundred others without losing an update", async () => {
    await db.query("INSERT INTO t (id, n) VALUES (1, 0)");
    const one = (): Promise<void> =>
      db.transaction(async (tx) => {
        const { rows } = await tx.query<{ n: number }>("SELECT n FROM t WHERE id = 1 FOR UPDATE");
        await tx.query("UPDATE t SET n = $1 WHERE id = 1", [(rows[0]?.n ?? 0) + 1]);
      });
    await Promise.all(Array.from({ length: 100 }, one));
    expect((await db.query("SELECT n FROM t")).rows).toEqual([{ n: 100 }]);
  });

  it("is rolled back when its work does nothing with it for too long, and others go on", async () => {
    const statements: string[] = [];
    const session: Session = {
      query: (sql, params) => db.query(sql, params),
      exec: (sql) => db.exec(sql),
      command: async (sql) => statements.push(sql).toString(),
      rollBack: async () => void statements.push("ROLLBACK"),
    };
    const settings = { scope: new TransactionScope(), place: "here", longestIdleMs: 30 };
    const slowStatement = runTransaction(session, (tx) => tx.query("SELECT pg_sleep(0.2)"), settings);
    expect((await slowStatement).rowCount).toBe(1);
    const forgotten = runTransaction(session, () => new Promise(() => {}), settings);
    await expect(forgotten).rejects.toThrow(/did nothing for 0.03 s/);
    expect(statements).toEqual(["BEGIN", "COMMIT", "BEGIN", "ROLLBACK"]);
  });

  it("starts its work again after a serialization failure or deadlock, a few times", async () => {
    let attempts = 0;
    const conflict = (sqlState: string): ConiferError =>
      new ConiferError("DATABASE_FAILED", { problem: "conflict", sqlState });
    const winsAtLast = async (): Promise<number> => {
      attempts += 1;
      if (attempts < 4) throw conflict(attempts % 2 === 0 ? "40001" : "40P01");
      return attempts;
    };
    expect(await retryConflicts(winsAtLast)).toBe(4);
    attempts = 0;
    const neverWins = async (): Promise<void> => {
      attempts += 1;
      throw conflict("40001");
    };
    await expect(retryConflicts(neverWins)).rejects.toThrow("conflict");
    expect(attempts).toBe(5);
    attempts = 0;
    const otherwise = async (): Promise<void> => {
      attempts += 1;
      throw conflict("23505");
    };
    await expect(retryConflicts(otherwise)).rejects.toThrow("conflict");
    expect(attempts).toBe(1);
  });
});
