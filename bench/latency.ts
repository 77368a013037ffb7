import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { openLab, startPilot } from "./lab.ts";
import { median, type Row, row } from "./rows.ts";

/** From sending `job create` to the process having started (its own first act is a file with the time), with an idle pilot. */
export async function measureLatency(): Promise<Row[]> {
  await using lab = await openLab();
  const definition = { name: "stamp", command: "date +%s%N > started" };
  await lab.client.call("appSync", { body: { site: lab.siteId, apps: [definition] } });
  await startPilot(lab);
  const waits: number[] = [];
  for (let round = 0; round < 41; round += 1) {
    const began = Date.now();
    const { ids } = await lab.client.call("jobCreate", {
      body: { jobs: [{ app: "stamp", site: lab.siteId, workdir: `stamp-${round}` }] },
    });
    const file = join(lab.site, "data", `stamp-${round}`, "started");
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 2));
    waits.push(statSync(file).birthtimeMs - began);
    for (;;) {
      const job = await lab.client.call("jobGet", { params: { id: ids[0] ?? 0 } });
      if (job.state === "JOB_FINISHED") break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const value = median(waits.slice(1));
  return [
    row({ name: "job create to process start, idle pilot", value, unit: "ms", goal: "median < 30 ms", ok: value < 30 }),
  ];
}
