import { expect, it } from "vitest";
import { closeAll } from "./close-all.ts";

it("a part that cannot end is told of, and those behind it still end", async () => {
  const ended: string[] = [];
  const failures: string[] = [];
  const part = (what: string, fails = false) => ({
    what,
    end: async () => {
      if (fails) throw new Error("the database is away");
      ended.push(what);
    },
  });
  await closeAll([part("sessions"), part("tokens", true), part("lock")], (error, what) =>
    failures.push(`${what}: ${error instanceof Error ? error.message : ""}`),
  );
  expect(ended).toEqual(["sessions", "lock"]);
  expect(failures).toEqual(["tokens: the database is away"]);
});
