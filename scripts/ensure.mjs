// Brings a fresh clone to where its programs run: installs what package-lock.json names, builds dist/. Needs only Node and npm.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const root = new URL("..", import.meta.url).pathname;

/** Runs a command with its output shown; throws with the command's name when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) throw new Error(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${result.signal ?? `code ${result.status}`}`);
}

/** Installs the dependencies, unless these very ones are there already. */
export function ensureInstalled() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`Conifer needs Node 20.19 or later; this is ${process.version}`);
  const stamp = join(root, "node_modules/.conifer-installed");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(process.version)
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("Installing dependencies …");
  // Not `npm ci`: it refuses a lock file without the binaries of platforms that a mirror does not carry.
  run("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(stamp, wanted);
}

/** Builds dist/, unless it is newer than every source. */
export function ensureBuilt() {
  const built = join(root, "dist/.built");
  const since = existsSync(built) ? statSync(built).mtimeMs : 0;
  if (newest(join(root, "src")) < since && statSync(join(root, "scripts/build.mjs")).mtimeMs < since) return;
  console.log("Building …");
  run(process.execPath, ["scripts/build.mjs"]);
}

function newest(directory) {
  let latest = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}
