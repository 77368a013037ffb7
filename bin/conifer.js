#!/usr/bin/env node
import { existsSync } from "node:fs";
import module from "node:module";

const [major, minor] = process.versions.node.split(".").map(Number);
const program = new URL("../dist/cli.js", import.meta.url);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Conifer needs Node 20.19 or later; this is ${process.version}`);
  process.exitCode = 1;
} else if (!existsSync(program)) {
  console.error("Conifer is not built yet: run `npm install && npm run build` in its folder");
  process.exitCode = 1;
} else {
  module.enableCompileCache?.();
  await import(program);
}
