// Runs test suites one after the other and says at the end, by name, what ran, what failed and what did not run.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./ensure.mjs";

/** Runs a node script as a suite of one. */
export function script(name, args) {
  const started = Date.now();
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  return {
    name,
    passed: result.status === 0 ? 1 : 0,
    failed: result.status === 0 ? 0 : 1,
    skipped: 0,
    seconds: (Date.now() - started) / 1000,
  };
}

/** Runs Vitest as a suite and counts its tests; a run that counts no test is a failure. */
export function vitest(name, args, env = {}) {
  const started = Date.now();
  const directory = mkdtempSync(join(tmpdir(), "conifer-suite-"));
  const file = join(directory, "result.json");
  const result = spawnSync(
    join(root, "node_modules/.bin/vitest"),
    ["run", ...args, "--reporter=dot", "--reporter=json", `--outputFile.json=${file}`],
    {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, ...env },
    },
  );
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  rmSync(directory, { recursive: true, force: true });
  const passed = report.numPassedTests ?? 0;
  const unread = (report.testResults ?? []).filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  const failed = (report.numFailedTests ?? 0) + unread.length;
  const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
  const broken = failed === 0 && (result.status !== 0 || passed === 0) ? 1 : 0;
  return { name, passed, failed: failed + broken, skipped, seconds: (Date.now() - started) / 1000 };
}

/** Prints the summary, closing with the plain line `N passed, N failed, N skipped`; sets the exit code. */
export function summarise(results, notRun) {
  console.log("\nSuites:");
  for (const { name, passed, failed, skipped, seconds } of results) {
    console.log(
      `  ${failed === 0 ? "ok    " : "FAILED"} ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds.toFixed(0)} s`,
    );
  }
  for (const { name, how } of notRun) console.log(`  did not run: ${name} (${how})`);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  process.exitCode = sum("failed") === 0 ? 0 : 1;
}
