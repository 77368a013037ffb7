import { afterEach, describe, expect, it } from "vitest";
import { siteStatus } from "../../src/site/index.ts";
import { SiteLab } from "./lab.ts";

const labs: SiteLab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab[Symbol.asyncDispose]();
});
async function openLab(settings: Readonly<Record<string, object>> = {}): Promise<SiteLab> {
  const lab = await SiteLab.open(settings);
  labs.push(lab);
  return lab;
}

describe("a site from end to end", () => {
  it("[B49][B58] runs jobs of its sample app in an allocation of this machine", async () => {
    const lab = await openLab();
    await lab.start();
    await expect
      .poll(async () => (await lab.client.call("appList", {})).items.map(({ name }) => name))
      .toEqual(["hello"]);
    const batchJob = await lab.submit();
    const ids = await lab.create({ app: "hello", parameters: { who: "tree" } }, { app: "hello" });
    await lab.until(ids, "JOB_FINISHED");
    const job = await lab.job(ids[0] ?? 0);
    expect(await lab.read(`data/${job.workdir}/job.out`)).toMatch(/^hello tree from /);
    const ended = await lab.untilBatchJob(batchJob, "finished");
    expect(ended).toMatchObject({ schedulerId: `local-${batchJob}`, reason: "" });
    expect(Date.parse(ended.started ?? "")).toBeLessThan(Date.parse(ended.ended ?? ""));
    expect(job.batchJobId).toBe(batchJob);
    const status = await siteStatus({ directory: lab.site });
    expect(status.report?.modules.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "heartbeat running",
      "events running",
      "apps running",
      "batch running",
      "hooks running",
      "clean running",
    ]);
    expect(await lab.stop()).toBe(true);
    expect(await lab.stop()).toBe(false);
  });
});
