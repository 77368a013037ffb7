/** The pilot as a process: `pilot.js --config FILE`. It exits with 0 after an orderly end, 1 where it failed, 2 where its config is wrong. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openClient } from "../client/client.ts";
import { isConiferError, messageOf } from "../model/errors.ts";
import { type PilotConfig, readPilotConfig } from "./config.ts";
import { systemClock } from "./hub/clock.ts";
import { NodeKeeper } from "./hub/nodes/keep.ts";
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
  const pilot = new Pilot(config, {
    client,
    clock: systemClock,
    random: Math.random,
    log,
    nodes: localNode(config, log),
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => pilot.end(`told to stop by ${signal}`));
  const end = await pilot.run();
  await client[Symbol.asyncDispose]();
  if (end.isFailure) process.stderr.write(`conifer pilot: ${end.reason}\n`);
  return end.isFailure ? 1 : 0;
}

/** One node agent, on this machine. */
function localNode(config: PilotConfig, log: PilotLog): PilotNodes {
  let keeper: NodeKeeper | null = null;
  return {
    async open(hub, onHopeless) {
      keeper = new NodeKeeper({
        hub,
        clock: systemClock,
        log,
        onHopeless,
        promise: config.node,
        agent: {
          program: join(dirname(fileURLToPath(import.meta.url)), "pilot-node.js"),
          root: join(config.site.directory, "data"),
          logFile: nodeLogFile(config.directory),
          environment: process.env,
          graceSec: config.graceSec,
        },
      });
      return (await keeper.open()).promise.capacity;
    },
    keepNoLonger() {
      keeper?.keepNoLonger();
    },
    async close(withinMs) {
      await keeper?.close(withinMs);
    },
  };
}

process.exit(await main());
