import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SiteLab } from "./lab.ts";

let lab: SiteLab;
beforeAll(async () => {
  lab = await SiteLab.open({ hooks: { limitSec: 4 }, pilot: { idleSec: 300 } });
  await lab.write("apps/hooked.ts", APPS);
  await lab.start();
  await lab.untilApps(11);
  await lab.submit();
});
afterAll(() => lab[Symbol.asyncDispose]());

const APPS = `
import { defineApp } from "conifer";

export const plain = defineApp({ name: "plain", command: "echo {{word}}", parameters: { word: { default: "none" } } });
export const flow = defineApp({
  name: "flow",
  command: "echo {{word}} > out.txt",
  parameters: { word: { default: "unset" } },
  hooks: {
    async preprocess(context) {
      const parents = await context.parents();
      context.setParameters({ word: \`from \${parents.map((parent) => parent.data.found).join(",") || "nobody"}\` });
      context.setTags({ seen: "yes" });
    },
    async postprocess(context) {
      const { readFileSync } = await import("node:fs");
      context.setData({ found: readFileSync("out.txt", "utf8").trim(), children: (await context.children()).length });
      context.log("read", context.directory);
    },
  },
});
export const maker = defineApp({
  name: "maker",
  command: "true",
  hooks: {
    postprocess({ job, createJobs, killJobs }) {
      createJobs(
        { app: "plain", key: "first", parameters: { word: "a" }, workflow: "made" },
        { app: "plain", workflow: "made", parents: ["first", { job: job.id, when: "any" }] },
      );
      killJobs(...(job.data.victims as number[]));
    },
  },
});
export const refused = defineApp({
  name: "refused",
  command: "true",
  hooks: { postprocess: ({ createJobs }) => createJobs({ app: "no-such-app" }) },
});
export const mistyped = defineApp({
  name: "mistyped",
  command: "true",
  hooks: { postprocess: ({ createJobs }) => createJobs({ app: "plain", nodes: "many" } as never) },
});
export const looping = defineApp({ name: "looping", command: "true", hooks: { preprocess() { for (;;); } } });
export const throwing = defineApp({
  name: "throwing",
  command: "true",
  hooks: { postprocess() { throw new Error("the lattice melted"); } },
});
export const dying = defineApp({
  name: "dying",
  command: "true",
  hooks: {
    async preprocess({ directory }) {
      (await import("node:fs")).appendFileSync(directory + "/runs", "x");
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => {});
    },
  },
});
export const repaired = defineApp({
  name: "repaired",
  command: "test -e repaired",
  hooks: {
    async onError({ job, failure, setState, setData }) {
      (await import("node:fs")).writeFileSync("repaired", "");
      setData({ failure, exitCode: job.exitCode });
      setState("RESTART_READY", "repaired it");
    },
  },
});
export const hopeless = defineApp({
  name: "hopeless",
  command: "sleep 100",
  limitSec: 0.2,
  maxAttempts: 2,
  hooks: { onError() { throw new Error("no idea"); }, onTimeout({ setState }) { setState("FAILED", "never"); } },
});
`;

const TIMEOUT = { timeout: 20_000 };
const one = async (job: Parameters<SiteLab["create"]>[0]): Promise<number> => (await lab.create(job))[0] ?? 0;
const log = async (id: number) => lab.read(`data/${(await lab.job(id)).workdir}/hooks.log`);

describe("hooks of a site", () => {
  it("read parents and children, and set data, tags and parameters of their job", async () => {
    const [parent = 0, child = 0] = await lab.create(
      { app: "flow", key: "parent" },
      { app: "flow", parents: ["parent"], workflow: "chain" },
    );
    await lab.until([parent, child], "JOB_FINISHED");
    expect(await lab.job(parent)).toMatchObject({ data: { found: "from nobody", children: 1 }, tags: { seen: "yes" } });
    expect((await lab.job(child)).data).toEqual({ found: "from from nobody", children: 0 });
    expect(await log(child)).toMatch(
      /preprocess of job \d+, attempt 0\n.*postprocess of job \d+, attempt 1\n.* read \//s,
    );
    expect(await lab.path(child)).toContain("PREPROCESSED");
  });

  it("create and kill jobs in one step with the end of their own", async () => {
    const victim = await one({ app: "plain", parents: [await one({ app: "looping" })] });
    const id = await one({ app: "maker", data: { victims: [victim] } });
    await lab.until([id], "JOB_FINISHED");
    await lab.until([victim], "USER_KILLED");
    const made = await lab.client.call("jobList", { query: { where: ["workflow=made"] } });
    const [first, second] = made.items;
    expect(first).toMatchObject({ app: "plain", parameters: { word: "a" } });
    const parents = [
      { job: id, when: "any" },
      { job: first?.id, when: "ok" },
    ];
    expect(second?.parents).toEqual(parents);
    await lab.until(
      made.items.map((job) => job.id),
      "JOB_FINISHED",
    );
  });

  it("fail their job, with the reason, where they throw, loop or decide what cannot be", async () => {
    const ids = await lab.create({ app: "throwing" }, { app: "looping" }, { app: "refused" }, { app: "mistyped" });
    await lab.until(ids, "FAILED");
    const reasons = await Promise.all(ids.map(async (id) => (await lab.job(id)).reason));
    expect(reasons).toEqual([
      "postprocess of app throwing failed: the lattice melted",
      "preprocess of app looping failed: it took longer than 4 s",
      expect.stringMatching(/^postprocess of app refused failed: what it decided was refused: .*no-such-app/),
      expect.stringMatching(/^postprocess of app mistyped failed: create\.0\.nodes: /),
    ]);
    expect(await log(ids[0] ?? 0)).toMatch(/the lattice melted[\s\S]+apps\/hooked\.ts:\d+/);
  });

  it("are run again where their process dies under them, three times at most", async () => {
    const id = await one({ app: "dying" });
    await lab.until([id], "FAILED");
    const job = await lab.job(id);
    expect(job.reason).toBe("preprocess of app dying failed: its worker process died 3 times (SIGKILL)");
    expect(await lab.read(`data/${job.workdir}/runs`)).toBe("xxx");
  });

  it("can repair a job that failed; where they fail themselves the job's own policy decides", async () => {
    const ids = await lab.create({ app: "repaired" }, { app: "hopeless" });
    await lab.until(ids.slice(0, 1), "JOB_FINISHED");
    await lab.until(ids.slice(1), "FAILED");
    const [repaired, hopeless] = await Promise.all(ids.map((id) => lab.job(id)));
    expect(repaired).toMatchObject({ attempt: 2, data: { failure: "error", exitCode: 1 } });
    expect(hopeless?.attempt).toBe(2);
    expect(hopeless?.reason).toMatch(/^onError of app hopeless failed: no idea; attempt 2 of 2 ended with limit/);
  });

  it("[B15] run code of the site's own files, never of the server", async () => {
    const apps = [{ name: "foreign", command: "true", hooks: ["preprocess" as const] }];
    await lab.client.call("appSync", { body: { site: lab.siteId, apps } });
    const id = await one({ app: "foreign" });
    await lab.until([id], "FAILED");
    expect((await lab.job(id)).reason).toBe(
      "preprocess of app foreign failed: no file in apps/ exports app foreign with hooks",
    );
  });

  it("[B40] are taken over at once from an agent that was killed, and count once", async () => {
    await lab.write(
      "apps/slow.ts",
      `import { defineApp } from "conifer";
       import { appendFileSync, existsSync } from "node:fs";
       export const slow = defineApp({ name: "slow", command: "true", limitSec: 60, hooks: {
         async preprocess({ createJobs }) {
           appendFileSync("runs", "x");
           while (!existsSync("go")) await new Promise((done) => setTimeout(done, 10));
           createJobs({ app: "plain", workflow: "made by slow" });
         } } });`,
    );
    await lab.stop();
    await lab.settings({ hooks: { limitSec: 600 }, pilot: { idleSec: 300 } });
    await lab.start();
    await lab.untilApps(13);
    const id = await one({ app: "slow" });
    const { workdir } = await lab.job(id);
    const runs = () => lab.read(`data/${workdir}/runs`).catch(() => "");
    await expect.poll(runs, TIMEOUT).toBe("x");
    await lab.killAgent();
    await lab.start();
    await expect.poll(runs, TIMEOUT).toBe("xx");
    await lab.write(`data/${workdir}/go`, "");
    await lab.until([id], "JOB_FINISHED");
    const made = await lab.client.call("jobList", { query: { where: ["workflow=made by slow"] } });
    expect(made.items).toHaveLength(1);
  });
});
