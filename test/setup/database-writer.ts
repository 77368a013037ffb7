/**
 * A program that tests start, stop and kill. It opens the database named by the JSON of its first argument, prints
 * `open`, then inserts numbered rows, several at a time, and prints each number once its commit is acknowledged. What
 * fails is printed as `error CODE message` and tried again. With `hold` as its second argument it only holds the database.
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isConiferError, messageOf } from "../../src/model/errors.ts";
import { type DatabaseOptions, openDatabase } from "../../src/server/database/index.ts";

const AT_ONCE = 8;
const [optionsJson = "", mode = "write"] = process.argv.slice(2);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function sayError(error: unknown): void {
  say(`error ${isConiferError(error) ? error.code : "?"} ${messageOf(error)}`);
}

async function main(): Promise<void> {
  const db = await openDatabase(JSON.parse(optionsJson) as DatabaseOptions);
  say("open");
  if (mode === "hold") {
    // Standard input ends with the test.
    for await (const _ of process.stdin);
    await db[Symbol.asyncDispose]();
    return;
  }
  await db.exec("CREATE TABLE IF NOT EXISTS written (id int8 PRIMARY KEY, filler text NOT NULL)");
  const { rows } = await db.query<{ last: number }>("SELECT coalesce(max(id), 0) AS last FROM written");
  let next = (rows[0]?.last ?? 0) + 1;
  const write = async (): Promise<void> => {
    for (;;) {
      const id = next;
      next += 1;
      await insert(id).catch(sayError);
    }
  };
  const insert = async (id: number): Promise<void> => {
    const sql = "INSERT INTO written SELECT $1, string_agg(md5(n::text), '') FROM generate_series($1, $1 + 30) n";
    await db.query(sql, [id]).catch(async (error: unknown) => {
      await sleep(20);
      throw error;
    });
    say(String(id));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, write));
}

main().catch((error: unknown) => {
  sayError(error);
  process.exitCode = 1;
});
