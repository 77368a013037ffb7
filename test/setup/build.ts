import { execFileSync } from "node:child_process";

/** Vitest's global setup: process tests drive the real programs in dist/, so they are built first. */
export function setup(): void {
  execFileSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
}
