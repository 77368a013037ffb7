import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openClient } from "../../src/client/client.ts";
import { type Cut, CuttingProxy } from "../setup/cutting-proxy.ts";
import { Installation } from "../setup/installation.ts";
import { counted, ledgerApp, readLedger, runsOf } from "./ledger.ts";
import { seededRandom } from "./random.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.open({ apps: [ledgerApp, { name: "plain", command: "true" }] });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

const count = async (...where: string[]) => (await installation.client.call("jobCounts", { query: { where } })).total;
const plainJobs = (workflow: string) => Array.from({ length: 400 }, () => ({ app: "plain", workflow }));

/** A client behind a network that does this to its first connections. */
async function behind(...cuts: Cut[]) {
  const proxy = await CuttingProxy.open(
    () => installation.access.address,
    (connection) => cuts[connection] ?? null,
  );
  const client = openClient({ ...installation.access, address: proxy.address });
  return {
    proxy,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

describe("a dropped connection", { timeout: 120_000 }, () => {
  it.each<[string, Cut[]]>([
    ["before the answer", [{ at: "answer" }, { at: "answer" }]],
    [
      "inside the answer",
      [
        { at: "byte", bytes: 100 },
        { at: "byte", bytes: 300 },
      ],
    ],
    [
      "inside the request",
      [
        { at: "request", bytes: 10 },
        { at: "request", bytes: 5000 },
      ],
    ],
  ])("[B10] %s costs nothing: the client sends its jobs again and they are there once", async (when, cuts) => {
    const workflow = `cut ${when}`;
    await using network = await behind(...cuts);
    const { ids } = await network.client.call("jobCreate", { body: { jobs: plainJobs(workflow) } });
    expect(network.proxy.cuts).toBe(cuts.length);
    const there = await installation.jobs(`workflow=${workflow}`);
    expect(there.map(({ id }) => id)).toEqual(ids);
  });

  it("inside a request that nobody sends again leaves nothing behind", async () => {
    const workflow = "never whole";
    await using network = await behind({ at: "request", bytes: 9000 });
    const sent = network.client.call("jobCreate", { body: { jobs: plainJobs(workflow) }, retry: false });
    await expect(sent).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    expect(await count(`workflow=${workflow}`)).toBe(0);
  });

  it("again and again under an agent and a pilot loses nothing and runs nothing twice", async () => {
    const random = seededRandom(20_261_120);
    const proxy = await CuttingProxy.open(
      () => installation.access.address,
      () => {
        const bytes = Math.floor(200 + random() * 15_000);
        const dice = random();
        if (dice < 0.15) return { at: "answer" };
        return { at: dice < 0.6 ? "byte" : "request", bytes };
      },
    );
    try {
      await installation.writeSettings({ server: { address: proxy.address } });
      await installation.startAgent();
      await installation.submit();
      const ids = await installation.create(
        ...Array.from({ length: 150 }, (_, index) =>
          counted(installation, 0.02, {
            workflow: "rough",
            key: `k${index}`,
            parents: index < 50 ? [] : [`k${index - 50}`],
          }),
        ),
      );
      await installation.until("all jobs to end", async () => {
        return (await count("workflow=rough", "state=JOB_FINISHED,FAILED,USER_KILLED")) === ids.length;
      });
      const ledger = readLedger(installation);
      const jobs = await installation.jobs("workflow=rough");
      expect(jobs.map(({ id, state, attempt }) => ({ id, state, attempt, runs: runsOf(ledger, id) }))).toEqual(
        ids.map((id) => ({ id, state: "JOB_FINISHED", attempt: 1, runs: 1 })),
      );
      expect(ledger.overlaps).toEqual([]);
      expect(proxy.cuts).toBeGreaterThanOrEqual(3);
    } finally {
      await installation.stopAgent();
      await proxy[Symbol.asyncDispose]();
    }
  });
});
