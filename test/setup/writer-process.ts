import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DatabaseOptions } from "../../src/server/database/index.ts";
import { bundleProgram } from "./bundle.ts";

/** A running `database-writer.ts` and what it said so far. */
export type WriterProcess = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The numbers of the rows whose commit was acknowledged. */
  readonly acknowledged: number[];
  /** Every other line. */
  readonly lines: string[];
  /** Ends it as a power cut or the kernel would, and waits until it is gone. */
  kill(): Promise<void>;
};

/** Starts the program; `nodeOptions` go to Node itself, and to its threads. */
export async function startWriter(
  options: DatabaseOptions,
  {
    mode = "write",
    nodeOptions = [],
    env = {},
  }: { mode?: "write" | "hold"; nodeOptions?: string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<WriterProcess> {
  const program = await bundleProgram("test/setup/database-writer.ts", "database-writer");
  const child = spawn(process.execPath, [...nodeOptions, program, JSON.stringify(options), mode], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  // After the end of its output, too: what it said before it died counts.
  const closed = once(child, "close");
  const acknowledged: number[] = [];
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (/^\d+$/.test(line)) acknowledged.push(Number(line));
    else lines.push(line);
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  return { child, pid: child.pid ?? 0, acknowledged, lines, kill };
}
