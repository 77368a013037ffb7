import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringify } from "yaml";
import { doctor, doctorFromNode, initSite, startSite, stopSite } from "../../src/site/index.ts";
import { LabServer } from "../site/lab.ts";
import { slurmDown, slurmUp } from "./lab/labs.ts";

// A lab of its own, so that others may run beside it.
Object.assign(process.env, {
  LAB_SLURM_ROOT: "/var/lib/hpclab/slurm-doctor",
  LAB_NET: "198.18.80",
  LAB_BRIDGE: "hpclab3",
  LAB_DB_PORT: "33908",
  LAB_DBD_PORT: "16821",
});
let server: LabServer;
beforeAll(async () => {
  slurmUp("--no-accounting", "1");
  server = await LabServer.open();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  slurmDown();
});

async function site(name: string, pilot: object): Promise<string> {
  const directory = join(server.directory, name);
  await initSite({ directory, access: server.access, client: server.client });
  const settings = {
    scheduler: { kind: "slurm", minIntervalSec: 0, syncSec: 1, node: { cores: 1, gpus: 0 } },
    pilot: { relayHost: process.env.HPCLAB_SLURM_HOST_ADDRESS, ...pilot },
  };
  writeFileSync(join(directory, "settings.yml"), stringify(settings));
  return directory;
}
const look = async (directory: string) => {
  const lines = await doctorFromNode({
    ...{ directory, queue: "", project: "", withinSec: 120 },
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return new Map(lines.map(({ check, level, text }) => [check, `${level}: ${text}`]));
};

it("finds on a node of a real Slurm what a pilot needs: the directory, the relay, ranks that know each other", async () => {
  const directory = await site("sound", { mpi: "srun" });
  await startSite({ directory });
  const found = await look(directory);
  const near = new Map((await doctor({ directory, access: null })).map(({ check, level }) => [check, level]));
  await stopSite({ directory });
  expect(found.get("compute node")).toMatch(/^ok: n1, Node /);
  for (const check of ["directory there", "directory here", "way to the server", "mpi"])
    expect(found.get(check), check).toMatch(/^ok/);
  expect(found.get("way to the server")).toContain("the agent's relay");
  for (const check of ["scheduler commands", "scheduler", "queue", "submit script", "node"])
    expect(near.get(check), check).toBe("ok");
});

it("finds ranks that nobody tells about each other, although all of them end well", async () => {
  const directory = await site("ranks", { mpi: "srun", ranks: { pmi: "none" } });
  const found = await look(directory);
  expect(found.get("mpi")).toMatch(/^warn: srun numbers its processes, but says nothing that an MPI library reads/);
});
