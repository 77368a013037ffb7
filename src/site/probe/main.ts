/** The probe as a process on a compute node: `node-probe.js FILE`. The doctor submits it, and reads what it writes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeJsonFile } from "../../platform/files/json-file.ts";
import { FINDINGS, type ProbeConfig } from "./config.ts";
import { probe } from "./probe.ts";

const [file = ""] = process.argv.slice(2);
// The doctor wrote it, of the same version.
const config = JSON.parse(readFileSync(file, "utf8")) as ProbeConfig;
await writeJsonFile(join(config.directory, FINDINGS), await probe(config));
