import type { Client } from "../../src/client/client.ts";

/** How one drive went. */
export type Drive = {
  readonly jobsPerSec: number;
  /** Median milliseconds of each call. */
  readonly acquireMs: number;
  readonly runningMs: number;
  readonly doneMs: number;
};

/** Creates jobs of an app in batches of 1,000, two requests under way. */
export async function createJobs(
  client: Client,
  { site, app, count }: { site: number; app: string; count: number },
): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      const size = Math.min(left, 1000);
      left -= size;
      const jobs = Array.from({ length: size }, (_, index) => ({
        app,
        site,
        name: `job-${left + index}`,
        tags: { part: String(left % 7) },
      }));
      await client.call("jobCreate", { body: { jobs } });
    }
  };
  await Promise.all([one(), one()]);
}

/** Takes jobs through their whole life as pilots do: acquire, report all running, report all done; until `count` are done or none are left. */
export async function driveLife(
  client: Client,
  { site, count, batch, pilots }: { site: number; count: number; batch: number; pilots: number },
): Promise<Drive> {
  const times = { acquire: [] as number[], running: [] as number[], done: [] as number[] };
  const timed = async <T>(list: number[], work: Promise<T>): Promise<T> => {
    const began = performance.now();
    const value = await work;
    list.push(performance.now() - began);
    return value;
  };
  let left = count;
  let done = 0;
  const pilot = async (): Promise<void> => {
    const capacity = { cores: 100_000, gpus: 0, memoryBytes: 0 };
    const { id } = await client.call("sessionCreate", { body: { site, nodes: 1, capacity } });
    const params = { id };
    const free = { ...capacity, wholeNodes: 1 };
    const knownApps: string[] = [];
    for (let number = 1; left > 0; number += 2) {
      const maxJobs = Math.min(batch, left);
      left -= maxJobs;
      const { offers, apps } = await timed(
        times.acquire,
        client.call("sessionAcquire", { params, body: { maxJobs, free, wallTimeLeftMin: null, knownApps } }),
      );
      for (const app of apps) knownApps.push(`${app.id}:${app.version}`);
      if (offers.length === 0) break;
      const running = offers.map(({ job, attempt }) => ({
        job,
        attempt,
        state: "RUNNING" as const,
        at: Date.now(),
        node: "n1",
        cores: [1],
      }));
      await timed(times.running, client.call("sessionReport", { params, body: { batch: number, items: running } }));
      const ended = offers.map(({ job, attempt }) => ({
        job,
        attempt,
        state: "RUN_DONE" as const,
        at: Date.now(),
        exitCode: 0,
      }));
      const answer = await timed(
        times.done,
        client.call("sessionReport", { params, body: { batch: number + 1, items: ended } }),
      );
      if (answer.accepted !== offers.length)
        throw new Error(`${answer.stale.length} of ${offers.length} reports were stale`);
      done += offers.length;
    }
    await client.call("sessionEnd", { params });
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: pilots }, pilot));
  const seconds = (performance.now() - began) / 1000;
  return {
    jobsPerSec: done / seconds,
    acquireMs: median(times.acquire),
    runningMs: median(times.running),
    doneMs: median(times.done),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
