import { spawnSync } from "node:child_process";
import { availableEngines } from "./engines.ts";
import { openLab } from "./lab.ts";
import { insertLimit } from "./limits.ts";
import { type BenchOptions, median, type Row, row } from "./rows.ts";

/** Jobs created over HTTP, validated and durable, in batches of 1,000 (and 100), two requests under way. */
export async function measureCreate({ million }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of await availableEngines()) {
    await using _engine = engine;
    await using lab = await openLab({ database: engine.url });
    const goal = engine.name === "pglite" ? 20_000 : 30_000;
    const create = async (batches: number, size: number) => {
      const began = performance.now();
      let next = 0;
      const one = async () => {
        for (let batch = next++; batch < batches; batch = next++) {
          const jobs = Array.from({ length: size }, (_, index) => ({
            app: "true",
            site: lab.siteId,
            name: `job-${batch}-${index}`,
            tags: { batch: String(batch) },
            priority: index % 3,
          }));
          await lab.client.call("jobCreate", { body: { jobs } });
        }
      };
      await Promise.all([one(), one()]);
      return (batches * size) / ((performance.now() - began) / 1000);
    };
    await create(5, 1000);
    const byThousand: number[] = [];
    for (let round = 0; round < 3; round += 1) byThousand.push(await create(20, 1000));
    const byHundred = await create(50, 100);
    const limit = await insertLimit(engine);
    rows.push(
      row({
        name: `create, ${engine.name}, batches of 1,000`,
        value: median(byThousand),
        unit: "jobs/s",
        limit,
        goal: `>= ${goal.toLocaleString("en")}`,
        ok: median(byThousand) >= goal,
      }),
      row({
        name: `create, ${engine.name}, batches of 100`,
        value: byHundred,
        unit: "jobs/s",
        limit,
        goal: "reported",
        ok: true,
      }),
    );
    if (million) {
      const pid = await lab.serverPid();
      const before = residentMiB(pid);
      const rate = await create(1000, 1000);
      const after = residentMiB(pid);
      rows.push(
        row({
          name: `create 1 million, ${engine.name}`,
          value: rate,
          unit: "jobs/s",
          baseline: median(byThousand),
          goal: "ratio >= 0.8",
          ok: rate >= 0.8 * median(byThousand),
        }),
        row({
          name: `server memory after 1 million, ${engine.name}`,
          value: after,
          unit: "MiB",
          baseline: before,
          goal: "<= 1.5 × before",
          ok: after <= 1.5 * before,
        }),
      );
    }
  }
  return rows;
}

function residentMiB(pid: number): number {
  const { stdout } = spawnSync("grep", ["VmRSS", `/proc/${pid}/status`], { encoding: "utf8" });
  return Number(/(\d+)/.exec(stdout)?.[1] ?? 0) / 1024;
}
