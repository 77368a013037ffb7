import { setTimeout as delay } from "node:timers/promises";
import { formatDuration } from "../../model/durations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { readServerFile, serverDirectory, serverLives } from "./place.ts";

const LOOK_MS = 30;

/** `conifer server stop` */
export async function stopServer(cli: Cli, options: { directory?: string; timeout?: number }): Promise<void> {
  const directory = serverDirectory(cli, options.directory);
  const what = `The server in ${directory}`;
  const server = await readServerFile(directory);
  const lives = server === null ? false : await serverLives(server);
  if (server === null || lives === false) throw new ConiferError("NOT_RUNNING", { what, command: "server start" });
  if (lives === null) throw new ConiferError("CONFLICT", { what, problem: `it runs on ${server.host}; stop it there` });
  process.kill(server.pid, "SIGTERM");
  const limit = options.timeout ?? 30;
  const until = performance.now() + limit * 1000;
  while (await serverLives(server)) {
    if (performance.now() > until)
      throw new ConiferError("TIMED_OUT", { what: `Stopping process ${server.pid}`, limit: formatDuration(limit) });
    if (cli.signal.aborted) throw cli.signal.reason;
    await delay(LOOK_MS);
  }
  cli.terminal.answer({ stopped: server.pid, directory }, () => `stopped the server (process ${server.pid})\n`);
}
