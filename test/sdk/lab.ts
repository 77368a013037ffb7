/** A server that listens, an SDK connected to it, and a pilot played through the session protocol. */
import type { AddressInfo } from "node:net";
import type { Client } from "../../src/client/client.ts";
import { type Conifer, connect } from "../../src/client/connect.ts";
import type { ReportItem } from "../../src/client/wire/sessions.ts";
import { makeSite, type TestServer, testServer } from "../setup/server.ts";

export type SdkLab = AsyncDisposable & {
  readonly server: TestServer;
  readonly conifer: Conifer;
  readonly siteId: number;
  readonly pilot: PlayedPilot;
};

export async function openSdkLab(): Promise<SdkLab> {
  const server = await testServer();
  await server.http.listen({ port: 0, host: "127.0.0.1" });
  const { port } = server.http.server.address() as AddressInfo;
  const access = { address: `http://127.0.0.1:${port}`, token: server.ann.token, fingerprint: null };
  const conifer = await connect({ access, env: {} });
  const parameters = { n: { type: "any" as const, default: 0 } };
  const siteId = await makeSite(server.ann, "here", [
    { name: "sim", command: "sim {{n}}", parameters },
    { name: "other", command: "true" },
  ]);
  return {
    server,
    conifer,
    siteId,
    pilot: playPilot(conifer.client, siteId),
    async [Symbol.asyncDispose]() {
      await conifer.close();
      server.http.server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}

export type PlayedPilot = {
  /** Takes up to so many runnable jobs and answers their ids; they are told to run. */
  run(most: number): Promise<number[]>;
  /** Tells that jobs it runs have ended. */
  end(ids: readonly number[], how?: Partial<ReportItem>): Promise<void>;
};

export function playPilot(client: Client, site: number): PlayedPilot {
  const capacity = { cores: 1000, gpus: 0, memoryBytes: 0 };
  let session: Promise<number> | null = null;
  let batch = 0;
  const attempts = new Map<number, number>();
  const report = async (items: ReportItem[]) => {
    batch += 1;
    await client.call("sessionReport", { params: { id: (await session) ?? 0 }, body: { batch, items } });
  };
  const open = async () => (await client.call("sessionCreate", { body: { site, nodes: 1, capacity } })).id;
  return {
    async run(most) {
      session ??= open();
      const { offers } = await client.call("sessionAcquire", {
        params: { id: await session },
        body: { maxJobs: most, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null },
      });
      for (const { job, attempt } of offers) attempts.set(job, attempt);
      if (offers.length > 0)
        await report(offers.map(({ job, attempt }) => ({ job, attempt, state: "RUNNING", at: Date.now() })));
      return offers.map((offer) => offer.job);
    },
    async end(ids, how = {}) {
      await report(
        ids.map((job) => ({
          job,
          attempt: attempts.get(job) ?? 1,
          state: "RUN_DONE",
          at: Date.now(),
          exitCode: 0,
          ...how,
        })),
      );
    },
  };
}
