import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../test/setup/server.ts";

let server: TestServer;
let ann: TestUser;
beforeAll(async () => {
  server = await testServer();
  ann = server.ann;
  await makeSite(ann, "here", [{ name: "md", command: "true" }]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const item = (direction: "in" | "out", name: string) => ({
  direction,
  location: "store",
  remotePath: `/${name}`,
  localPath: name,
});
async function staged() {
  const transfers = [item("in", "a"), item("in", "b"), item("out", "c")];
  const { ids } = await ann.call("jobCreate", { body: { jobs: [{ app: "md", transfers }] } });
  const [id = 0] = ids;
  const { items } = await ann.call("transferList", { query: { job: id } });
  const [a = 0, b = 0, c = 0] = items.map((transfer) => transfer.id);
  return { id, a, b, c };
}
const update = (...items: { id: number; state: "pending" | "active" | "done" | "error"; reason?: string }[]) =>
  ann.call("transferUpdate", { body: { items } });
const stateOf = async (id: number) => (await ann.call("jobGet", { params: { id } })).state;

describe("transfers of a job", () => {
  it("let it go on once all of its stage are done", async () => {
    const { id, a, b } = await staged();
    expect(await update({ id: a, state: "active" })).toEqual({ changed: 1 });
    await update({ id: a, state: "done" });
    expect(await stateOf(id)).toBe("READY");
    await update({ id: b, state: "done" });
    expect(await stateOf(id)).toBe("PREPROCESSED");
  });

  it("[B5] fail it when one of them fails, with the transfer and the reason", async () => {
    const { id, a } = await staged();
    await update({ id: a, state: "error", reason: "no such file" });
    const job = await ann.call("jobGet", { params: { id } });
    expect(job.state).toBe("FAILED");
    expect(job.reason).toBe(`transfer ${a} (in store:/a) failed: no such file`);
  });

  it("told of too late, or out of turn, change nothing", async () => {
    const { id, a, b, c } = await staged();
    expect(await update({ id: c, state: "done" })).toEqual({ changed: 0 });
    await update({ id: a, state: "done" }, { id: b, state: "done" });
    expect(await update({ id: a, state: "error", reason: "late" })).toEqual({ changed: 0 });
    expect(await stateOf(id)).toBe("PREPROCESSED");
  });

  it("finish it after its stage-out", async () => {
    const { id, c } = await staged();
    await server.db.query("UPDATE job_life SET state = 'POSTPROCESSED' WHERE id = $1", [id]);
    await server.db.query("UPDATE transfers SET state = 'pending' WHERE id = $1", [c]);
    await update({ id: c, state: "done" });
    expect(await stateOf(id)).toBe("JOB_FINISHED");
  });

  it("that are not there are named", async () => {
    const { problem } = await ann.ask("transferUpdate", { body: { items: [{ id: 999_999, state: "done" }] } });
    expect(problem.detail).toBe("There is no transfer 999999");
  });

  it("are listed by state, site and page", async () => {
    const list = async (query: Record<string, string | number>) => (await ann.call("transferList", { query })).items;
    const all = await list({});
    expect(all.length).toBeGreaterThan(6);
    expect(await list({ after: all[2]?.id ?? 0, limit: 2 })).toEqual(all.slice(3, 5));
    expect((await list({ state: "awaiting_job" })).every(({ state }) => state === "awaiting_job")).toBe(true);
    expect(await list({ site: "here" })).toEqual(all);
    expect((await ann.ask("transferList", { query: { site: "nowhere" } })).problem.code).toBe("NOT_FOUND");
  });
});
