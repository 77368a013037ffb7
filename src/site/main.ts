/**
 * The site agent's process: `node dist/site-agent.js DIRECTORY`. Whoever started it with an IPC channel is told when it
 * serves, or why it does not. SIGTERM and SIGINT stop it; allocations go on unless run/stop.json says otherwise.
 */
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { ConiferError, isConiferError, messageOf } from "../model/errors.ts";
import { readJsonFile } from "../platform/files/json-file.ts";
import { SiteAgent } from "./agent/agent.ts";
import { siteLayout } from "./directory/layout.ts";
import type { StartMessage } from "./start.ts";

const HEARD_WITHIN_MS = 2000;
const directory = resolve(process.argv[2] ?? ".");

function tell(message: StartMessage): void {
  if (process.send) process.send(message, undefined, undefined, () => process.disconnect?.());
  else if (message.kind === "failed") console.error(message.message);
}

function fail(error: unknown): void {
  const known = isConiferError(error) ? error : new ConiferError("INTERNAL", { problem: messageOf(error) });
  if (!isConiferError(error)) console.error(error);
  process.exitCode = known.exitCode;
  tell({ kind: "failed", code: known.code, values: known.values, message: known.message });
}

async function stop(agent: SiteAgent): Promise<void> {
  const file = siteLayout(directory).stopOrder;
  const order = await readJsonFile(file, z.object({ pilots: z.boolean() })).catch(() => null);
  await rm(file, { force: true });
  if (order?.pilots) await agent.endPilots();
  await agent[Symbol.asyncDispose]();
  process.exit(0);
}

try {
  const agent = await SiteAgent.start(directory);
  let isStopping = false;
  const stopOnce = (): void => {
    if (isStopping) return;
    isStopping = true;
    stop(agent).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  };
  process.on("SIGTERM", stopOnce);
  process.on("SIGINT", stopOnce);
  process.on("SIGHUP", () => undefined);
  // An error that no module waits for is told; it is no reason to stop serving.
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, (error) => agent.tellFault(error));
  void agent.replaced.then(stopOnce);
  // Whoever started it may ask the server for it next; one that is away is no reason not to serve.
  await Promise.race([agent.heard, delay(HEARD_WITHIN_MS)]);
  tell({ kind: "serves" });
} catch (error) {
  fail(error);
}
