import { bundleProgram } from "./bundle.ts";
import { startThrowAwayPostgres, URL_VARIABLE } from "./postgres.ts";

/**
 * Vitest's global setup for everything that needs a database: bundles the thread that PGlite runs in and, when
 * CONIFER_TEST_ENGINE is `postgres`, runs a PostgreSQL for as long as the tests run.
 */
export async function setup(): Promise<() => Promise<void>> {
  await bundleProgram("src/server/database/pglite-worker.ts", "pglite-worker");
  if (process.env.CONIFER_TEST_ENGINE !== "postgres" || process.env[URL_VARIABLE] !== undefined) return async () => {};
  const postgres = await startThrowAwayPostgres();
  process.env[URL_VARIABLE] = postgres.url;
  return async () => {
    delete process.env[URL_VARIABLE];
    await postgres[Symbol.asyncDispose]();
  };
}
