import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import { hostname } from "node:os";
import { messageOf } from "../../model/errors.ts";
import { parseSavedEnvironment, taskBase } from "../../platform/nodes/environment.ts";
import { ownNames } from "../../platform/nodes/same-host.ts";
import { Refused } from "../link/greet.ts";
import { readMeeting } from "../link/meeting.ts";
import type { GpuId } from "../link/messages.ts";
import { connectToHub } from "./connect.ts";
import { type NodeAgentOptions, runNodeAgent } from "./index.ts";

/**
 * The node agent as a process: `pilot-node.js OPTIONS`, where OPTIONS is JSON (nothing secret). Next to its hub the link is stdin and
 * stdout, which must be pipes or sockets, and its environment is what tasks inherit, but for Conifer's own variables. On another
 * node it is told a file in which it finds its hub. stderr is the log.
 */
type NodeProcessOptions = BesideHub | ElsewhereOptions;

interface ElsewhereOptions {
  /** The file that tells where the hub is. */
  readonly meeting: string;
  /** The host's name in the scheduler's list, where whoever started the agent knew it. */
  readonly host?: string;
}

interface BesideHub {
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
  await runNodeAgent({
    ...("meeting" in options ? await elsewhere(options) : besideHub(options)),
    stop: stop.signal,
    log,
  });
  process.exit(0);
} catch (error) {
  log(messageOf(error));
  process.exit(error instanceof Refused ? 0 : 1);
}

type Place = Omit<NodeAgentOptions, "stop" | "log">;

function besideHub(options: BesideHub): Place {
  if (typeof options.root !== "string") throw new Error("no root in the options");
  return {
    ...options,
    // Not process.stdin and process.stdout: writing to the latter would block the agent while the hub is slow.
    input: new Socket({ fd: 0, readable: true, writable: false }),
    output: new Socket({ fd: 1, readable: false, writable: true }),
    environment: process.env,
  };
}

async function elsewhere({ meeting: file, host }: ElsewhereOptions): Promise<Place> {
  const meeting = readMeeting(file);
  const { root, graceSec, silenceMs, environmentFile } = meeting;
  const saved = environmentFile === null ? null : parseSavedEnvironment(readFileSync(environmentFile, "utf8"));
  const socket = await connectToHub(meeting, host === undefined ? ownNames(process.env, hostname()) : [host], log);
  return { root, graceSec, silenceMs, input: socket, output: socket, environment: taskBase(saved, process.env) };
}
