/** A throw-away installation for measuring: its own home, server, site, reached like any user's. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAccess } from "../src/client/access.ts";
import { type Client, openClient } from "../src/client/client.ts";

export type Lab = AsyncDisposable & {
  readonly engine: string;
  readonly home: string;
  readonly client: Client;
  readonly site: string;
  readonly siteId: number;
  /** Runs the command-line program; throws with its stderr when it fails. */
  run(...args: string[]): string;
  serverPid(): Promise<number>;
};

export type LabOptions = { readonly database?: string | undefined; readonly siteParent?: string };

const program = join(process.cwd(), "bin/conifer.js");

/** Starts a server (on a database given by URL, or the embedded one) and makes a site with the app `true`, below `siteParent` (default: the home). */
export async function openLab({ database, siteParent }: LabOptions = {}): Promise<Lab> {
  const home = mkdtempSync(join(tmpdir(), "conifer-bench-"));
  // Whatever scheduler's commands are on this machine.
  const env = { ...process.env, CONIFER_HOME: home, CONIFER_MACHINE: "laptop" };
  const run = (...args: string[]) => {
    const result = spawnSync(process.execPath, [program, ...args], { env, encoding: "utf8", cwd: home });
    if (result.status !== 0) throw new Error(`conifer ${args.join(" ")}: ${result.stderr || result.stdout}`);
    return result.stdout;
  };
  run("server", "start", ...(database ? ["--database", database] : []));
  const client = openClient(await findAccess({ env }));
  const directory = mkdtempSync(join(siteParent ?? home, "conifer-bench-site-"));
  run("site", "init", directory, "--name", "bench");
  const site = (await client.call("siteList")).items.find((item) => item.name === "bench");
  if (!site) throw new Error("the bench site is not there");
  const definition = { name: "true", command: "true" };
  await client.call("appSync", { body: { site: site.id, apps: [definition] } });
  return {
    engine: (await client.call("status")).engine,
    home,
    client,
    site: directory,
    siteId: site.id,
    run,
    serverPid: async () => (await client.call("status")).pid,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      spawnSync(process.execPath, [program, "site", "stop", directory, "--pilots"], { env, cwd: home });
      spawnSync(process.execPath, [program, "server", "stop"], { env, cwd: home });
      for (const made of [directory, home]) rmSync(made, { recursive: true, force: true });
    },
  };
}

/** CPU seconds a process and its threads used so far, from /proc; 0 once it is gone. */
export function cpuSeconds(pid: number): number {
  const stat = spawnSync("cat", [`/proc/${pid}/stat`], { encoding: "utf8" }).stdout;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

/** Starts a pilot of the site on this machine by a batch job and waits for its session. */
export async function startPilot(lab: Lab, wallTimeMin = 30): Promise<void> {
  lab.run("site", "start", lab.site);
  await lab.client.call("batchJobCreate", { body: { site: lab.siteId, nodes: 1, wallTimeMin } });
  for (;;) {
    const { items } = await lab.client.call("sessionList", { query: { site: "bench" } });
    if (items.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
