import { defineConfig } from "vitest/config";

/** Tests of one engine's own parts do not run when the suite runs on the other. */
const otherEngine = process.env.CONIFER_TEST_ENGINE === "postgres" ? "pglite" : "postgres";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["test/cluster/**", `src/server/database/${otherEngine}/**`],
    globalSetup: ["test/setup/build.ts", "test/setup/engines.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Most tests wait for processes most of the time, so more of them than cores run at once.
    maxWorkers: 3,
    // A shared CI machine can starve one test of its time; a second failure is a failure.
    retry: process.env.CI ? 1 : 0,
  },
});
