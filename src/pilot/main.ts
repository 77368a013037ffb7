/** The pilot as a process: `pilot.js --config FILE`. It exits with 0 after an orderly end, 1 where it failed, 2 where its config is wrong. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { type Client, openClient } from "../client/client.ts";
import { isConiferError, messageOf } from "../model/errors.ts";
import { findMpi } from "../platform/launchers/find-mpi.ts";
import { findHosts } from "../platform/nodes/hosts.ts";
import { type PilotConfig, readPilotConfig } from "./config.ts";
import { pause, systemClock } from "./hub/clock.ts";
import { Fleet } from "./hub/nodes/fleet.ts";
import { deliverJournal } from "./hub/report/deliver.ts";
import { backoffMs, mayWorkLater } from "./hub/source/again.ts";
import { openLog } from "./log.ts";
import { nodeLogFile, Pilot, type PilotLog, type PilotNodes } from "./pilot.ts";

async function main(): Promise<number> {
  let config: PilotConfig;
  try {
    const { values } = parseArgs({ options: { config: { type: "string" } } });
    if (values.config === undefined) throw new Error("--config FILE is missing");
    config = readPilotConfig(values.config);
  } catch (error) {
    process.stderr.write(`conifer pilot: ${messageOf(error)}\n`);
    return isConiferError(error) ? error.exitCode : 2;
  }
  mkdirSync(config.directory, { recursive: true, mode: 0o700 });
  const logger = openLog(config.directory);
  const log: PilotLog = (level, message, about) => logger[level](about ?? {}, message);
  process.on("uncaughtException", (error) => {
    // The node agent ends the tasks when this process is gone, and the journal tells of them.
    logger.fatal({ err: error }, "a fault in the pilot");
    process.exit(1);
  });
  const client = openClient(config.access, { userAgent: "conifer-pilot" });
  await tellOfPredecessor(config, client, log);
  const pilot = new Pilot(config, {
    client,
    clock: systemClock,
    random: Math.random,
    log,
    nodes: openFleet(config, log),
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => pilot.end(`told to stop by ${signal}`));
  const end = await pilot.run();
  await client[Symbol.asyncDispose]();
  if (end.isFailure) process.stderr.write(`conifer pilot: ${end.reason}\n`);
  return end.isFailure ? 1 : 0;
}

/** The batch job was put back into the queue: what its pilot could not tell any more is told before anything begins anew. */
async function tellOfPredecessor(config: PilotConfig, client: Client, log: PilotLog): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    try {
      const { delivered, lost } = await deliverJournal(config.directory, client);
      if (delivered + lost > 0) log("info", "told what an earlier pilot of this batch job left", { delivered, lost });
      return;
    } catch (error) {
      if (!mayWorkLater(error)) throw error;
      if (failures === 0) log("warn", "the server does not answer; asking again", { problem: messageOf(error) });
      await pause(systemClock, backoffMs(failures + 1, Math.random()));
    }
  }
}

function openFleet(config: PilotConfig, log: PilotLog): PilotNodes {
  return new Fleet({
    config,
    clock: systemClock,
    log,
    program: join(dirname(fileURLToPath(import.meta.url)), "pilot-node.js"),
    logFile: nodeLogFile(config.directory),
    environment: process.env,
    findHosts: async () =>
      findHosts(config.nodes.hosts, {
        environment: process.env,
        hostname: hostname(),
        readFile: (path) => readFileSync(path, "utf8"),
        fluxHosts: config.nodes.hosts === "auto" && process.env.FLUX_URI ? await askFlux() : null,
      }),
    mpiFamily: async () => {
      const found = await findMpi("auto");
      return "launcher" in found && found.launcher.family === "mpich" ? "mpich" : "openmpi";
    },
  });
}

async function askFlux(): Promise<string> {
  const { stdout } = await promisify(execFile)("flux", ["getattr", "hostlist"], { timeout: 30_000 });
  return stdout;
}

process.exit(await main());
