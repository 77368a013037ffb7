import { spawn } from "node:child_process";
import { resolve } from "node:path";
import type { Cli } from "../cli.ts";
import { programPath } from "../package.ts";

/** `conifer pilot`: the pilot is a program of its own, one file that starts quickly from a shared file system. */
export async function runPilot(cli: Cli, options: { config: string }): Promise<void> {
  const config = resolve(cli.cwd, options.config);
  const child = spawn(process.execPath, [programPath("pilot"), "--config", config], { stdio: "inherit", env: cli.env });
  cli.signal.addEventListener("abort", () => child.kill("SIGTERM"));
  const code = await new Promise<number>((done, fail) => {
    child.once("error", fail);
    child.once("exit", (status) => done(status ?? 1));
  });
  cli.exitWith(code);
}
