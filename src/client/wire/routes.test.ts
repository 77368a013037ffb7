import { expect, test } from "vitest";
import { operations } from "./operations.ts";
import { ROUTES } from "./routes.ts";

test("routes say the same method, path and key as the table of operations", () => {
  const fromTable = Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      [operation.method, operation.path, ...("idempotent" in operation ? ["keyed"] : [])],
    ]),
  );
  expect(ROUTES).toEqual(fromTable);
});
