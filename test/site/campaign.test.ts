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
  it("[B49][B58] runs jobs in an allocation of this machine, [B59] with the PATH its agent was started with", async () => {
    const lab = await openLab();
    await lab.write("apps/path.yml", "name: path\ncommand: printenv PATH\n");
    await lab.start();
    await lab.untilApps(2);
    const batchJob = await lab.submit();
    const ids = await lab.create({ app: "hello", parameters: { who: "tree" } }, { app: "path" });
    await lab.until(ids, "JOB_FINISHED");
    const job = await lab.job(ids[0] ?? 0);
    expect(await lab.read(`data/${job.workdir}/job.out`)).toMatch(/^hello tree from /);
    const path = await lab.read(`data/${(await lab.job(ids[1] ?? 0)).workdir}/job.out`);
    expect(path.trim()).toBe(process.env.PATH);
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
