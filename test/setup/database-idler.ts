/** A program that asks the database in its first argument something, and then does nothing, without closing it. */
import { openDatabase } from "../../src/server/database/index.ts";

const db = await openDatabase({ kind: "pglite", directory: process.argv[2] ?? "" });
const { rows } = await db.query<{ answer: number }>("SELECT 42 AS answer FROM pg_sleep(0.1)");
console.log(rows[0]?.answer);
