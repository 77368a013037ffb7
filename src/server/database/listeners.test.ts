import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase, testEngine } from "../../../test/setup/databases.ts";
import type { Database } from "./index.ts";

let db: Database;
beforeAll(async () => {
  db = await freshDatabase([]);
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

describe(`notifications (${testEngine})`, () => {
  it("reach every listener of their channel, in order, and no other", async () => {
    const heard: string[] = [];
    await using _one = await db.listen("jobs", (payload) => heard.push(`one ${payload}`));
    await using _two = await db.listen("jobs", (payload) => heard.push(`two ${payload}`));
    await using _other = await db.listen("sites", (payload) => heard.push(`other ${payload}`));
    await db.notify("jobs", "a");
    await db.notify("jobs", "b");
    await expect.poll(() => heard.length).toBe(4);
    expect(heard.filter((line) => line.startsWith("one"))).toEqual(["one a", "one b"]);
    expect(heard.filter((line) => line.startsWith("two"))).toEqual(["two a", "two b"]);
  });

  it("come with the commit of the transaction that sent them, or not at all", async () => {
    const heard: string[] = [];
    await using _listening = await db.listen("jobs", (payload) => heard.push(payload));
    const undone = db.transaction(async (tx) => {
      await tx.query("SELECT pg_notify('jobs', 'undone')");
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    await db.transaction(async (tx) => {
      await tx.query("SELECT pg_notify('jobs', 'kept')");
      expect(heard).toEqual([]);
    });
    await expect.poll(() => heard).toEqual(["kept"]);
  });

  it("stop when the listening is disposed of, and can be listened to again", async () => {
    const heard: string[] = [];
    const first = await db.listen("jobs", (payload) => heard.push(`first ${payload}`));
    await using _last = await db.listen("last", () => heard.push("last"));
    await first[Symbol.asyncDispose]();
    await db.notify("jobs", "a");
    await db.notify("last", "");
    await expect.poll(() => heard).toEqual(["last"]);
    await using _again = await db.listen("jobs", (payload) => heard.push(`again ${payload}`));
    await db.notify("jobs", "b");
    await expect.poll(() => heard).toEqual(["last", "again b"]);
  });

  it("take no channel name that is not plain", async () => {
    await expect(db.listen('x"; DROP TABLE jobs', () => {})).rejects.toMatchObject({ code: "INTERNAL" });
  });
});
