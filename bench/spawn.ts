import { openLab, startPilot } from "./lab.ts";
import { median, type Row, row } from "./rows.ts";
import { fastDirectory, measureSpawnRounds } from "./spawn/measure.mjs";

/** `true` started and reaped by a node agent, and end to end through server, database and pilot, beside a C posix_spawn loop. */
export async function measureSpawn(): Promise<Row[]> {
  const rounds = await measureSpawnRounds({
    count: 3000,
    concurrencies: [2, 8, 64],
    directory: fastDirectory(),
    rounds: 5,
  });
  const agent = rounds.map(({ concurrency, cPerSec, agentPerSec }) =>
    row({
      name: `true by the node agent, ${concurrency} at once`,
      value: agentPerSec,
      unit: "tasks/s",
      limit: cPerSec,
      goal: "ratio >= 0.70",
      ok: agentPerSec >= 0.7 * cPerSec,
    }),
  );
  const limit = rounds.find(({ concurrency }) => concurrency === 2)?.cPerSec ?? Number.NaN;
  const rate = await endToEnd(6000);
  return [
    ...agent,
    row({
      name: "true end to end, states in the database",
      value: rate,
      unit: "jobs/s",
      limit,
      goal: "ratio >= 0.50",
      ok: rate >= 0.5 * limit,
    }),
  ];
}

/** Jobs a second from the first start to the last end, by the server's own record, in the middle three fifths of the run. */
async function endToEnd(count: number): Promise<number> {
  await using lab = await openLab({ siteParent: fastDirectory() });
  for (let batch = 0; batch < count / 1000; batch += 1) {
    const jobs = Array.from({ length: 1000 }, () => ({ app: "true", site: lab.siteId }));
    await lab.client.call("jobCreate", { body: { jobs } });
  }
  await startPilot(lab);
  const finished = async () =>
    (await lab.client.call("jobCounts", { query: { by: "state" } })).counts.find(({ key }) => key === "JOB_FINISHED")
      ?.count ?? 0;
  const samples: { at: number; done: number }[] = [];
  while ((samples.at(-1)?.done ?? 0) < count) {
    samples.push({ at: performance.now(), done: await finished() });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const from = samples.find(({ done }) => done >= count / 5);
  const to = samples.findLast(({ done }) => done <= (count * 4) / 5);
  if (!from || !to || to.at <= from.at) return median([]);
  return (to.done - from.done) / ((to.at - from.at) / 1000);
}
