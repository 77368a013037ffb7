import { Socket } from "node:net";
import { messageOf } from "../../model/errors.ts";
import type { GpuId } from "../link/messages.ts";
import { runNodeAgent } from "./index.ts";

/**
 * The node agent as a process: `pilot-node.js OPTIONS`, where OPTIONS is JSON (nothing secret). The link is stdin and stdout, which must
 * be pipes or sockets; stderr is the log. Its environment is what tasks inherit, but for Conifer's own variables.
 */
export interface NodeProcessOptions {
  readonly root: string;
  readonly gpus?: readonly GpuId[];
  readonly graceSec?: number;
  readonly shell?: string;
}

const log = (line: string): void => {
  process.stderr.write(`${new Date().toISOString()} node agent ${process.pid}: ${line}\n`);
};

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop.abort());

try {
  const options = JSON.parse(process.argv[2] ?? "{}") as NodeProcessOptions;
  if (typeof options.root !== "string") throw new Error("no root in the options");
  await runNodeAgent({
    ...options,
    // Not process.stdin and process.stdout: writing to the latter would block the agent while the hub is slow.
    input: new Socket({ fd: 0, readable: true, writable: false }),
    output: new Socket({ fd: 1, readable: false, writable: true }),
    environment: process.env,
    stop: stop.signal,
    log,
  });
  process.exit(0);
} catch (error) {
  log(messageOf(error));
  process.exit(1);
}
