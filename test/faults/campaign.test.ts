import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../setup/installation.ts";
import { counted, ledgerApp, readLedger, runsOf } from "./ledger.ts";

/** As short as a slow machine can start a server in; a server away for five minutes under the default lease is simulated in src/pilot. */
const LEASE_SEC = 40;
const DOWN_MS = 5000;

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.open({ leaseSec: LEASE_SEC, apps: [ledgerApp] });
  await installation.startAgent();
  await installation.pilotOf(await installation.submit());
});
afterAll(() => installation?.[Symbol.asyncDispose]());

/** Every job has finished after one attempt of one process. */
async function expectOneRunEach(ids: readonly number[]): Promise<void> {
  await installation.untilAllEnded();
  const ledger = readLedger(installation);
  expect(ledger.overlaps).toEqual([]);
  const jobs = await installation.jobs(`id=${ids.join(",")}`);
  const found = jobs.map(({ id, state, attempt }) => ({ id, state, attempt, runs: runsOf(ledger, id) }));
  expect(found).toEqual(ids.map((id) => ({ id, state: "JOB_FINISHED", attempt: 1, runs: 1 })));
}

const ended = () => readLedger(installation).ended.size;

describe("a campaign", { timeout: 120_000 }, () => {
  it("whose agent is killed with -9 again and again finishes, and each job ran once", async () => {
    const pairs = Array.from({ length: 20 }, (_, index) => [
      counted(installation, 0.1, { key: `parent ${index}` }),
      counted(installation, 0.1, { parents: [`parent ${index}`] }),
    ]);
    const ids = await installation.create(...pairs.flat());
    for (const share of [5, 15, 25]) {
      await installation.until(`${share} ended jobs`, () => ended() >= share);
      await installation.killAgent();
      await installation.startAgent();
    }
    await expectOneRunEach(ids);
    expect(await installation.pilots()).toHaveLength(1);
  });

  it("whose server is away for a while, as jobs run and end, loses nothing and runs nothing twice", async () => {
    const before = ended();
    const lengths = [0.2, 1, 2, 7, 0.1, 0.1, 0.1, 1, 0.1];
    const ids = await installation.create(...lengths.map((seconds) => counted(installation, seconds)));
    await installation.until("a job that ended", () => ended() > before);
    await installation.killServer();
    const atDeath = ended();
    await delay(DOWN_MS);
    expect(ended()).toBeGreaterThan(atDeath);
    await installation.startServer();
    await expectOneRunEach(ids);
    // The pilot went on under the session it had.
    expect((await installation.client.call("sessionList", {})).items).toHaveLength(1);
    expect(await installation.pilots()).toHaveLength(1);
  });

  it("[B17] whose node agent hangs ends its pilot in time all the same, and its job with all its processes", async () => {
    const [id = 0] = await installation.create({
      ...counted(installation, 1000),
      maxAttempts: 1,
      retryOn: [],
      maxLosses: 0,
    });
    await installation.until("the job that runs", () => readLedger(installation).begun.has(`${id}.1`));
    for (const pid of await installation.nodeAgents()) process.kill(pid, "SIGSTOP");
    const { batchJobId } = await installation.job(id);
    await installation.client.call("batchJobCancel", { params: { id: batchJobId ?? 0 }, body: {} });
    await installation.until("the end of the batch job", async () => {
      const { state } = await installation.client.call("batchJobGet", { params: { id: batchJobId ?? 0 } });
      return state === "cancelled";
    });
    expect(await installation.processesOf(id)).toEqual([]);
    expect(await installation.pilots()).toEqual([]);
    expect(await installation.nodeAgents()).toEqual([]);
    expect((await installation.untilState(id, "FAILED")).reason).toContain("died");
  });
});
