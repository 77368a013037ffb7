import { readdir, rm, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { siteStatus } from "../../src/site/index.ts";
import { LabServer, SiteLab } from "./lab.ts";

let server: LabServer;
beforeAll(async () => {
  server = await LabServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());
const labs: SiteLab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab[Symbol.asyncDispose]();
});
async function openLab(settings: Readonly<Record<string, object>> = {}): Promise<SiteLab> {
  const lab = await SiteLab.open(settings, server);
  labs.push(lab);
  return lab;
}
const TIMEOUT = { timeout: 40_000 };

describe("the elastic queue of a site", () => {
  it("gets an allocation for jobs that need one, no more than allowed, and lets it go", async () => {
    const lab = await openLab({
      elastic: { enabled: true, minWallTimeMin: 1, maxWallTimeMin: 7 },
      pilot: { idleSec: 1 },
    });
    await lab.start();
    await lab.untilApps(1);
    await expect.poll(async () => (await lab.report())?.elastic?.why, TIMEOUT).toBe("nothing to run");
    const ids = await lab.create(...Array.from({ length: 20 }, () => ({ app: "hello" })));
    await lab.until(ids, "JOB_FINISHED");
    const { items } = await lab.client.call("batchJobList", { query: { where: [`site=${lab.name}`] } });
    expect(items).toMatchObject([{ origin: "elastic", nodes: 1, wallTimeMin: 7 }]);
    await lab.untilBatchJob(items[0]?.id ?? 0, "finished");
    expect((await siteStatus({ directory: lab.site })).pilots).toEqual([]);
  });

  it("says what can never run here, and [B55] why an allocation does not come", async () => {
    const lab = await openLab({ elastic: { enabled: true }, scheduler: { syncSec: 1, node: { cores: 1 } } });
    await lab.start();
    await lab.untilApps(1);
    await lab.create({ app: "hello", threadsPerRank: 3 });
    await expect
      .poll(async () => (await lab.report())?.elastic?.why, TIMEOUT)
      .toBe("nothing to run; 1 job needs 3 cores on a node, which has 1");
    await lab.stop();
    await rm(`${lab.site}/run/pilots`, { recursive: true });
    await writeFile(`${lab.site}/run/pilots`, "");
    await lab.start();
    const [id = 0] = await lab.create({ app: "hello" });
    const reasons = async () =>
      (await lab.client.call("batchJobList", { query: { where: [`site=${lab.name}`] } })).items.map(
        ({ reason }) => reason,
      );
    await expect.poll(reasons, TIMEOUT).toEqual([expect.stringMatching(/^it cannot be prepared: ENOTDIR/)]);
    await rm(`${lab.site}/run/pilots`);
    await lab.until([id], "JOB_FINISHED");
  });
});

describe("cleaning at a site", () => {
  it("removes what apps name once a job is finished and its children have taken their files", async () => {
    const lab = await openLab({ pilot: { idleSec: 300 } });
    await lab.write(
      "apps/parent.yml",
      'name: parent\ncommand: mkdir scratch && touch scratch/a big.tmp keep.txt\ncleanup: [scratch, "*.tmp"]\n',
    );
    await lab.write("apps/child.yml", "name: child\ncommand: ls big.tmp && while [ ! -e go ]; do sleep 0.02; done\n");
    await lab.start();
    await lab.untilApps(3);
    await lab.submit();
    const [alone = 0, parent = 0, child = 0] = await lab.create(
      { app: "parent" },
      { app: "parent", key: "p" },
      { app: "child", parents: ["p"], inputs: [{ from: "p", files: ["big.tmp"] }] },
    );
    await lab.until([alone, parent], "JOB_FINISHED");
    await lab.until([child], "RUNNING");
    const files = async (id: number) => {
      return (await readdir(`${lab.site}/data/${(await lab.job(id)).workdir}`)).sort();
    };
    await expect.poll(() => files(alone), TIMEOUT).toEqual(["job.err", "job.out", "keep.txt"]);
    expect(await files(parent)).toContain("big.tmp");
    await lab.write(`data/${(await lab.job(child)).workdir}/go`, "");
    await lab.until([child], "JOB_FINISHED");
    await lab.stop();
    await lab.start();
    await expect.poll(() => files(parent), TIMEOUT).toEqual(["job.err", "job.out", "keep.txt"]);
  });
});
