import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConiferError, type ErrorCode, type ErrorValues } from "../model/errors.ts";
import { programPath } from "../platform/programs.ts";
import { lastLines } from "../platform/schedulers/local/tail.ts";
import { type AgentIdentity, findAgent } from "./agent/lock.ts";
import { readSiteIdentity } from "./directory/identity.ts";
import { siteLayout } from "./directory/layout.ts";

/** What an agent that starts tells the process that started it. */
export type StartMessage =
  | { readonly kind: "serves" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly values: ErrorValues; readonly message: string };

const START_MS = 30_000;

/** Starts the agent detached and waits until it serves; `alreadyRunning` where it did before. Throws what keeps it from serving. */
export async function startSite(options: {
  readonly directory: string;
}): Promise<{ readonly agent: AgentIdentity; readonly alreadyRunning: boolean }> {
  const directory = resolve(options.directory);
  const layout = siteLayout(directory);
  await readSiteIdentity(directory);
  const before = await findAgent(layout);
  if (before !== null) return { agent: before, alreadyRunning: true };
  const log = join(layout.log, "agent.out");
  mkdirSync(layout.log, { recursive: true });
  const output = openSync(log, "a", 0o600);
  const child = spawn(process.execPath, [programPath("siteAgent"), directory], {
    cwd: directory,
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
  });
  closeSync(output);
  const timeout = AbortSignal.timeout(START_MS);
  const message = once(child, "message", { signal: timeout }).then(([told]) => told as StartMessage);
  const exit = once(child, "exit", { signal: timeout }).then(() => null);
  const told = await Promise.race([message, exit]).catch(() => null);
  if (child.connected) child.disconnect();
  child.unref();
  if (told?.kind === "failed") throw new ConiferError(told.code, told.values);
  const agent = told === null ? null : await findAgent(layout);
  if (agent === null) {
    const problem = (await lastLines(log, 3)) || "it did not say that it serves";
    throw new ConiferError("DID_NOT_START", { what: `The agent of ${directory}`, problem, log });
  }
  message.catch(() => undefined);
  exit.catch(() => undefined);
  return { agent, alreadyRunning: false };
}
