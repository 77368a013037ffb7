import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { type DoctorLine, doctorFromNode, type FromNode, initSite, startSite, stopSite } from "../../src/site/index.ts";
import { PlayedCluster } from "../schedulers/played.ts";
import { LabServer } from "./lab.ts";

let server: LabServer;
let cluster: PlayedCluster;
let sites = 0;
beforeAll(async () => {
  server = await LabServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  cluster = new PlayedCluster("pbs");
});
afterEach(() => cluster[Symbol.dispose]());

async function site(settings: object): Promise<string> {
  sites += 1;
  const directory = join(server.directory, `node-site${sites}`);
  const { access, client } = server;
  await initSite({ directory, access, client });
  await writeFile(join(directory, "settings.yml"), stringify(settings));
  return directory;
}

const pbs = (more: object = {}) => ({
  scheduler: { kind: "pbs", commandDirectory: cluster.bin, minIntervalSec: 0, ...more },
  pilot: { relayHost: "127.0.0.1", mpi: "none" },
});

const told: string[] = [];
const look = (directory: string, change: Partial<FromNode> = {}): Promise<readonly DoctorLine[]> =>
  doctorFromNode({
    ...{ directory, queue: "", project: "", withinSec: 60, signal: new AbortController().signal },
    onProgress: (text) => told.push(text),
    ...change,
  });
const byCheck = (lines: readonly DoctorLine[]) =>
  new Map(lines.map(({ check, level, text }) => [check, `${level}: ${text}`]));
const leftOver = (directory: string) => readdir(join(directory, "run/doctor"));

describe("the doctor on a compute node", () => {
  it("finds what a pilot needs there, through the agent's relay, and leaves nothing behind", async () => {
    const directory = await site(pbs({ node: { cores: 1 } }));
    await startSite({ directory });
    const found = byCheck(await look(directory));
    await stopSite({ directory });
    expect(found.get("compute node")).toMatch(/^ok: .* Node \d+/);
    expect(found.get("directory there")).toMatch(/^ok/);
    expect(found.get("directory here")).toMatch(/^ok/);
    expect(found.get("capacity")).toMatch(/^ok: it has \d+ cores/);
    expect(found.get("way to the server")).toMatch(
      /^ok: the agent's relay at https:\/\/127\.0\.0\.1:\d+ answers in \d+ ms, its certificate is the pinned one$/,
    );
    expect(found.get("mpi")).toMatch(/^warn: jobs of several ranks cannot run: MPI is switched off/);
    expect(told.join("\n")).toMatch(/allocation \S+ was submitted/);
    expect(await leftOver(directory)).toEqual([]);
  });

  it("says that the way to the server is cut, and what would open it", async () => {
    const directory = await site(pbs({ node: { cores: 4096 } }));
    await startSite({ directory });
    await stopSite({ directory });
    const lines = await look(directory);
    expect(lines.find(({ check }) => check === "way to the server")).toMatchObject({
      level: "fail",
      fix: expect.stringContaining("conifer site start"),
    });
    expect(byCheck(lines).get("capacity")).toMatch(/^warn: it has \d+ cores .*the settings promise 4096/);
    const [place = ""] = await leftOver(directory);
    expect(await readdir(join(directory, "run/doctor", place))).not.toContain("probe.json");
  });

  it("tells the scheduler's own words where it refuses", async () => {
    const directory = await site(pbs());
    const [line, ...others] = await look(directory, { queue: "nowhere" });
    expect(others).toEqual([]);
    expect(line).toMatchObject({ check: "allocation", level: "fail", text: expect.stringContaining("refused: ") });
  });

  it("gives its allocation up when it is interrupted, and when it has waited long enough", async () => {
    // A script that never comes to the probe.
    const directory = await site(pbs({ preamble: "sleep 600" }));
    const stop = new AbortController();
    const interrupted = look(directory, {
      signal: stop.signal,
      onProgress: (text) => text.endsWith("it runs") && stop.abort(new Error("interrupted")),
    });
    await expect(interrupted).rejects.toThrow("interrupted");
    const [late] = await look(directory, { withinSec: 2 });
    expect(late).toMatchObject({ level: "fail", text: expect.stringContaining("had not ended after 2 s") });
    await expect.poll(() => openJobs(cluster)).toEqual([]);
  });

  it("looks at a machine without a scheduler too", async () => {
    const directory = await site({ pilot: { mpi: "none" } });
    const found = byCheck(await look(directory));
    expect(found.get("allocation")).toMatch(/^ok: local-probe-\w+ ran$/);
    expect(found.get("way to the server")).toMatch(/^ok: the server at /);
    expect(found.get("capacity")).toMatch(/^ok: it has \d+ cores/);
  });
});

/** States of the played cluster's jobs that have not ended. */
async function openJobs({ state }: PlayedCluster): Promise<string[]> {
  const files = (await readdir(join(state, "jobs"))).filter((file) => file.endsWith(".json"));
  const texts = await Promise.all(files.map((file) => readFile(join(state, "jobs", file), "utf8")));
  return texts.map((text) => (JSON.parse(text) as { state: string }).state).filter((one) => one !== "F");
}
