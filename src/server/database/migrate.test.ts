import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FreshPlace, freshPlace, testEngine } from "../../../test/setup/databases.ts";
import { type Database, migrate, openDatabase } from "./index.ts";

const first = { id: 1, name: "first", sql: "CREATE TABLE a (id int8); CREATE TABLE b (id int8)" };
const second = { id: 2, name: "second", sql: "ALTER TABLE a ADD COLUMN name text" };
const broken = { id: 2, name: "broken", sql: "CREATE TABLE c (id int8); SELECT 1 / 0" };

let place: FreshPlace;
let db: Database;
beforeEach(async () => {
  place = await freshPlace([]);
  db = await openDatabase(place.options);
});
afterEach(async () => {
  await db[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

describe(`migrations (${testEngine})`, () => {
  it("apply what is missing, in order, and nothing twice", async () => {
    expect(await migrate(db, [first])).toEqual(["first"]);
    expect(await migrate(db, [first, second])).toEqual(["second"]);
    expect(await migrate(db, [first, second])).toEqual([]);
    await db.query("INSERT INTO a (id, name) VALUES (1, 'x')");
    expect((await db.query("SELECT id, name FROM schema_migrations ORDER BY id")).rows).toEqual([
      { id: 1, name: "first" },
      { id: 2, name: "second" },
    ]);
  });

  it("leave no trace of a step that fails, and go on from there once it is corrected", async () => {
    await expect(migrate(db, [first, broken])).rejects.toThrow(/division by zero/);
    expect((await db.query("SELECT to_regclass('c') AS c, to_regclass('a')::text AS a")).rows).toEqual([
      { c: null, a: "a" },
    ]);
    expect(await migrate(db, [first, second])).toEqual(["second"]);
  });

  it("refuse a database that is newer than the program", async () => {
    await migrate(db, [first, second]);
    await expect(migrate(db, [first])).rejects.toMatchObject({
      code: "DATABASE_NEWER",
      values: { found: 2, known: 1 },
    });
  });

  it("refuse a list with a gap or out of order", async () => {
    await expect(migrate(db, [second])).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(
      migrate(db, [
        { ...first, id: 2 },
        { ...second, id: 1 },
      ]),
    ).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("take turns when several servers start at once", async () => {
    // On PGlite the others are callers of the same process: it has no other.
    const others =
      testEngine === "postgres" ? await Promise.all([1, 2, 3].map(() => openDatabase(place.options))) : [db, db];
    const applied = await Promise.all([db, ...others].map((each) => migrate(each, [first, second])));
    expect(applied.flat().sort()).toEqual(["first", "second"]);
    if (testEngine === "postgres") await Promise.all(others.map((other) => other[Symbol.asyncDispose]()));
  });
});
