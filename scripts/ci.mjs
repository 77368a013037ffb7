// Runs the quickstart and both test commands, and closes with one count over all of them.
import { spawnSync } from "node:child_process";
import { root } from "./ensure.mjs";

const commands = [
  ["run", "quickstart", "--", "--jobs", "20"],
  ["test"],
  ...(process.getuid?.() === 0 ? [["run", "test:cluster"]] : []),
];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const args of commands) {
  console.log(`\n=== npm ${args.join(" ")}`);
  const result = spawnSync("npm", args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 30,
  });
  process.stdout.write(result.stdout ?? "");
  const counts = [...(result.stdout ?? "").matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  total.passed += counts ? Number(counts[1]) : Number(result.status === 0);
  total.failed += counts ? Number(counts[2]) : Number(result.status !== 0);
  total.skipped += counts ? Number(counts[3]) : 0;
  if (counts && result.status !== 0 && Number(counts[2]) === 0) total.failed += 1;
}
if (process.getuid?.() !== 0) console.log("did not run: test:cluster (needs root)");
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
