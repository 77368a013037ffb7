import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase, testEngine } from "../../../test/setup/databases.ts";
import { constraintOf, type Database, sqlStateOf } from "./index.ts";

let db: Database;
beforeAll(async () => {
  db = await freshDatabase([]);
});
afterEach(async () => {
  await db.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function valueFor(expression: string, ...params: unknown[]): Promise<unknown> {
  const { rows } = await db.query<{ value: unknown }>(`SELECT ${expression} AS value`, params);
  return rows[0]?.value;
}

describe(`a database (${testEngine})`, () => {
  it("says which engine it is and where, without a password", () => {
    expect(db.engine).toBe(testEngine);
    expect(db.place).not.toBe("");
    expect(db.place).not.toContain("secret");
  });

  it.each([
    ["1::int2", 1],
    ["2147483647::int4", 2147483647],
    ["9007199254740991::int8", Number.MAX_SAFE_INTEGER],
    ["12.50::numeric", 12.5],
    ["0.1::float8", 0.1],
    ["'NaN'::float8", Number.NaN],
    ["true", true],
    ["NULL::int8", null],
    ["'a''b\\c\"ü'::text", "a'b\\c\"ü"],
    ["'{\"a\":[1,null]}'::json", { a: [1, null] }],
    ['\'{"b":"x"}\'::jsonb', { b: "x" }],
    ["'\\x00ff10'::bytea", new Uint8Array([0, 255, 16])],
    ["'2026-01-02 03:04:05.123456+00'::timestamptz", "2026-01-02T03:04:05.123456Z"],
    ["'2026-01-02 05:04:05+02'::timestamptz", "2026-01-02T03:04:05.000000Z"],
    ["'infinity'::timestamptz", "infinity"],
    ["'2026-01-02'::date", "2026-01-02"],
    ["'{1,2,NULL}'::int8[]", [1, 2, null]],
    ["'{}'::text[]", []],
    ["ARRAY['a,b', 'c\"d\\', NULL, 'NULL', '', '{x}']", ["a,b", 'c"d\\', null, "NULL", "", "{x}"]],
    [
      "'{{1,2},{3,4}}'::int4[]",
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["'[2:3]={7,8}'::int4[]", [7, 8]],
    ["ARRAY['{\"a\":1}'::jsonb]", [{ a: 1 }]],
    ["'{t,f}'::bool[]", [true, false]],
    ["ARRAY['2026-01-02 03:04:05+00'::timestamptz]", ["2026-01-02T03:04:05.000000Z"]],
    ["'5f3b1c2a-0000-4000-8000-000000000000'::uuid", "5f3b1c2a-0000-4000-8000-000000000000"],
  ])("reads %s as the same JavaScript value on both engines", async (expression, value) => {
    expect(await valueFor(expression)).toEqual(value);
  });

  it.each([
    ["$1::int8", 9007199254740991, 9007199254740991],
    ["$1::int8", 42n, 42],
    ["$1::text", "naïve 'quoted' \\ text", "naïve 'quoted' \\ text"],
    ["$1::text", null, null],
    ["$1::text", undefined, null],
    ["$1::bool", true, true],
    ["$1::float8", 1e-7, 1e-7],
    ["$1::timestamptz", new Date("2026-01-02T03:04:05.678Z"), "2026-01-02T03:04:05.678000Z"],
    ["$1::int8[]", [1, 2, 3], [1, 2, 3]],
    ["$1::int8[]", [], []],
    ["$1::text[]", ["a", 'b"c', "d\\e", "NULL", "", "f,g", "{}"], ["a", 'b"c', "d\\e", "NULL", "", "f,g", "{}"]],
    ["$1::text[]", ["x", null], ["x", null]],
    [
      "$1::int4[]",
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["$1::bytea", new Uint8Array([0, 1, 254]), new Uint8Array([0, 1, 254])],
    ["$1::bytea[]", [new Uint8Array([7, 8])], [new Uint8Array([7, 8])]],
    ["$1::timestamptz[]", [new Date(0)], ["1970-01-01T00:00:00.000000Z"]],
    ["$1::jsonb", JSON.stringify({ a: ["\\", '"', "ü"] }), { a: ["\\", '"', "ü"] }],
    ["$1::json->>'a'", JSON.stringify({ a: "x" }), "x"],
  ])("takes a parameter for %s", async (expression, param, value) => {
    expect(await valueFor(expression, param)).toEqual(value);
  });

  it("refuses an int8 that a JavaScript number cannot hold", async () => {
    await expect(valueFor("9007199254740993::int8")).rejects.toThrow(/9007199254740993/);
    expect(await valueFor("1")).toBe(1);
  });

  it("refuses an object as a parameter, since JSON is passed as text", async () => {
    await expect(valueFor("$1::jsonb", { a: 1 })).rejects.toThrow(/\$1/);
  });

  it("reads enums as text and arrays of enums as arrays, from the first time on", async () => {
    await db.exec("CREATE TYPE mood AS ENUM ('fine', 'so so')");
    expect(await valueFor("'so so'::mood")).toBe("so so");
    for (const _ of [1, 2]) expect(await valueFor("ARRAY['fine', 'so so']::mood[]")).toEqual(["fine", "so so"]);
    expect(await valueFor("$1::mood[]", ["fine"])).toEqual(["fine"]);
  });

  it("counts the rows that a statement touched", async () => {
    await db.exec("CREATE TABLE t (id int8); INSERT INTO t SELECT generate_series(1, 10)");
    expect((await db.query("UPDATE t SET id = id + 1 WHERE id > $1", [4])).rowCount).toBe(6);
    expect((await db.query("SELECT * FROM t")).rowCount).toBe(10);
    expect((await db.query("DELETE FROM t WHERE id = -1")).rowCount).toBe(0);
  });

  it("carries megabytes in one parameter and back", async () => {
    const text = "ß".repeat(5_000_000);
    expect(await valueFor("length($1::text)", text)).toBe(5_000_000);
    expect(await valueFor("$1::text", text)).toBe(text);
  });

  it("reads hundreds of thousands of rows and lets other work run in between", async () => {
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 1);
    const sql = "SELECT n, repeat('x', 50) AS t FROM generate_series(1, 300000) n";
    const { rows } = await db.query<{ n: number; t: string }>(sql);
    clearInterval(ticking);
    expect(rows).toHaveLength(300_000);
    expect(rows.at(-1)).toEqual({ n: 300_000, t: "x".repeat(50) });
    expect(turns).toBeGreaterThan(10);
  });

  it("says what a statement violated", async () => {
    await db.exec("CREATE TABLE t (id int8 CONSTRAINT t_key PRIMARY KEY); INSERT INTO t VALUES (1)");
    const error: unknown = await db.query("INSERT INTO t VALUES ($1)", [1]).catch((thrown: unknown) => thrown);
    expect(sqlStateOf(error)).toBe("23505");
    expect(constraintOf(error)).toBe("t_key");
    expect(error).toMatchObject({ code: "DATABASE_FAILED", message: expect.stringContaining("t_key") });
  });

  it("refuses several statements where parameters could be, so that nothing can be appended", async () => {
    await expect(db.query("SELECT 1; SELECT 2")).rejects.toMatchObject({ code: "DATABASE_FAILED" });
  });

  it("goes on after errors, also with statements that were prepared", async () => {
    await db.exec("CREATE TABLE t (id int8)");
    for (let round = 0; round < 6; round += 1) {
      await expect(db.query("SELECT 1 / $1::int4 AS x", [0])).rejects.toThrow(/division by zero/);
      expect((await db.query("SELECT 1 / $1::int4 AS x", [1])).rows).toEqual([{ x: 1 }]);
      await expect(db.query("SELECT missing FROM t WHERE id = $1", [1])).rejects.toThrow(/missing/);
    }
  });

  it("sees a changed table through a prepared statement", async () => {
    await db.exec("CREATE TABLE t (id int8); INSERT INTO t VALUES (1)");
    for (let round = 0; round < 5; round += 1) await db.query("SELECT * FROM t WHERE id = $1", [1]);
    await db.exec("ALTER TABLE t ADD COLUMN name text DEFAULT 'x'");
    expect((await db.query("SELECT * FROM t WHERE id = $1", [1])).rows).toEqual([{ id: 1, name: "x" }]);
  });

  it("answers a recursion without end with an error, and goes on", async () => {
    await db.exec("CREATE FUNCTION deeper(n int8) RETURNS int8 LANGUAGE plpgsql AS 'BEGIN RETURN deeper(n + 1); END'");
    const error: unknown = await db.query("SELECT deeper(1)").catch((thrown: unknown) => thrown);
    expect(sqlStateOf(error)).toBe("54001");
    expect(await valueFor("1")).toBe(1);
  });

  it("answers many statements asked at once, each with its own rows", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => valueFor("$1::int4 * 2", n)));
    expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => 2 * n));
  });

  it("is used no more once it is closed", async () => {
    const other = await freshDatabase([]);
    await other[Symbol.asyncDispose]();
    await expect(other.query("SELECT 1")).rejects.toThrow();
  });
});
