import { availableEngines } from "./engines.ts";
import { openLab } from "./lab.ts";
import { createJobs, driveLife } from "./life/drive.ts";
import { type BenchOptions, median, type Row, row } from "./rows.ts";

/**
 * Jobs taken through their whole life over the API (acquired, reported running, reported done, finished, with their events
 * stored) by two sessions in batches of 1,000; then again with a million jobs in the table.
 */
export async function measureLife({ million }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of await availableEngines()) {
    await using _engine = engine;
    await using lab = await openLab({ database: engine.url });
    const goal = engine.name === "pglite" ? 5_000 : 10_000;
    const live = async () => {
      await createJobs(lab.client, { site: lab.siteId, app: "true", count: 10_000 });
      return (await driveLife(lab.client, { site: lab.siteId, count: 10_000, batch: 1000, pilots: 2 })).jobsPerSec;
    };
    await live();
    const small = median([await live(), await live(), await live()]);
    rows.push(
      row({
        name: `whole life, ${engine.name}`,
        value: small,
        unit: "jobs/s",
        goal: `>= ${goal.toLocaleString("en")}`,
        ok: small >= goal,
      }),
    );
    if (million) {
      await createJobs(lab.client, { site: lab.siteId, app: "true", count: 1_000_000 });
      const large = median([await live(), await live(), await live()]);
      rows.push(
        row({
          name: `whole life at 1 million jobs, ${engine.name}`,
          value: large,
          unit: "jobs/s",
          baseline: small,
          goal: "ratio >= 0.77",
          ok: small / large <= 1.3,
        }),
      );
    }
  }
  return rows;
}
