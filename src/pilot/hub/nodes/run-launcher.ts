import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { AgentCommand } from "../../../platform/nodes/start-agents.ts";

export interface LauncherOptions {
  readonly commands: readonly AgentCommand[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What agents and launchers say is appended there. */
  readonly logFile: string;
  /** A command has ended, whatever became of the agents it started. */
  readonly onEnd: (hosts: readonly string[], why: string) => void;
}

/** Commands that start agents, running. */
export interface Launcher {
  /** Ends those that still run; agents whose hub is gone end by themselves. */
  close(): void;
}

/** So many commands are started at once; a remote shell for each of a thousand nodes would overrun the name service. */
const atOnce = 32;
const betweenMs = 100;

/** Runs the commands that start agents. Each leads a process group of its own: a Ctrl-C is the hub's to handle. */
export function runLauncher({ commands, environment, logFile, onEnd }: LauncherOptions): Launcher {
  const running = new Set<ChildProcess>();
  let timer: NodeJS.Timeout | null = null;
  const waiting = [...commands];

  const start = ({ argv: [program = "", ...arguments_], hosts }: AgentCommand): void => {
    const log = openSync(logFile, "a", 0o600);
    const child = spawn(program, arguments_, { env: { ...environment }, detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    running.add(child);
    const ended = (why: string): void => {
      if (running.delete(child)) onEnd(hosts, `${program} ${why}; its words are in ${logFile}`);
    };
    child.on("error", (error) => ended(`could not be started: ${error.message}`));
    child.on("exit", (code, signal) => ended(signal === null ? `ended with ${code}` : `died of ${signal}`));
  };
  const startSome = (): void => {
    for (const command of waiting.splice(0, atOnce)) start(command);
    timer = waiting.length > 0 ? setTimeout(startSome, betweenMs) : null;
  };
  startSome();

  return {
    close() {
      if (timer) clearTimeout(timer);
      waiting.length = 0;
      for (const child of running) child.kill("SIGTERM");
      running.clear();
    },
  };
}
