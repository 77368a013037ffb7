import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { APP_MARK, type HookJob } from "../../app/define.ts";
import { findMarked } from "../../platform/processes/marked.ts";
import { programPath } from "../../platform/programs.ts";
import type { HookWork } from "./messages.ts";
import { FunctionWorkers } from "./pool.ts";

let directory = "";
let workers: FunctionWorkers;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-worker-"));
  workers = new FunctionWorkers({ program: programPath("functionWorker") });
});
afterEach(async () => {
  await workers[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const job: HookJob = {
  id: 7,
  name: "",
  app: "melt",
  site: "here",
  workflow: "",
  state: "STAGED_IN",
  attempt: 0,
  losses: 0,
  directory: "",
  parameters: { t: 3 },
  tags: {},
  data: { seen: 1 },
  exitCode: null,
  reason: "",
};

let modules = 0;
async function hook(body: string): Promise<HookWork> {
  modules += 1;
  const module = join(directory, `module-${modules}.mjs`);
  await writeFile(
    module,
    `export const melt = { ${APP_MARK}: true, name: "melt", command: "true", hooks: { async preprocess(c) { ${body} } } };`,
  );
  const workdir = join(directory, "data/melt/7");
  return {
    kind: "hook",
    module,
    exportName: "melt",
    hook: "preprocess",
    job: { ...job, directory: workdir },
    failure: null,
  };
}
const limitSec = 20;
const log = () => readFile(join(directory, "data/melt/7/hooks.log"), "utf8");

describe("a function worker", () => {
  it("runs a hook in the job's workdir and hands back what it decided", async () => {
    const work = await hook(`
      c.setState("FAILED", "cwd " + (process.cwd() === c.directory));
      c.setData({ seen: c.job.data.seen + 1 }); c.setTags({ a: "b" }); c.setParameters({ t: 4 });
      c.createJobs({ app: "melt", key: "x" }, { app: "melt", parents: ["x"] }); c.killJobs(3, 4);`);
    expect(await workers.call(work, { limitSec })).toEqual({
      kind: "returned",
      value: {
        state: "FAILED",
        reason: "cwd true",
        data: { seen: 2 },
        tags: { a: "b" },
        parameters: { t: 4 },
        create: [
          { app: "melt", key: "x" },
          { app: "melt", parents: ["x"] },
        ],
        kill: [3, 4],
      },
    });
  });

  it("answers what a hook asks about parents and children, errors included", async () => {
    const work = await hook(`
      const [parent] = await c.parents();
      c.setData({ parent: parent.id, children: await c.children().catch((error) => error.message) });`);
    const answer = async (question: string) => {
      if (question === "children") throw new Error("the server is away");
      return [{ ...job, id: 5 }];
    };
    const end = await workers.call(work, { limitSec, answer });
    expect(end).toMatchObject({ kind: "returned", value: { data: { parent: 5, children: "the server is away" } } });
  });

  it("writes what the hook and its programs print to hooks.log, each job's to its own", async () => {
    const first = await hook(`
      console.log("out"); console.error("err"); c.log("said", 1);
      (await import("node:child_process")).execFileSync("sh", ["-c", "echo from sh"], { stdio: "inherit" });`);
    await workers.call(first, { limitSec });
    const second = await hook(`console.log("other job");`);
    const otherDirectory = join(directory, "data/melt/8");
    await workers.call({ ...second, job: { ...job, id: 8, directory: otherDirectory } }, { limitSec });
    expect((await log()).split("\n").map((line) => line.replace(/^\S+Z /, ""))).toEqual([
      "preprocess of job 7, attempt 0",
      "out",
      "err",
      "said 1",
      "from sh",
      "",
    ]);
    expect(await readFile(join(otherDirectory, "hooks.log"), "utf8")).toContain("other job");
  });

  it("tells what a hook throws, with the author's line in the log", async () => {
    const end = await workers.call(await hook(`throw new Error("no such lattice");`), { limitSec });
    expect(end).toMatchObject({ kind: "threw", message: "no such lattice" });
    expect(await log()).toMatch(/no such lattice[\s\S]+module-\d+\.mjs:1/);
  });

  it("takes an error that nobody awaits for the hook's own", async () => {
    const work = await hook(`setTimeout(() => { throw new Error("from a timer"); }, 1); await new Promise(() => {});`);
    expect(await workers.call(work, { limitSec })).toMatchObject({ kind: "threw", message: "from a timer" });
    expect(await workers.call(await hook(""), { limitSec })).toMatchObject({ kind: "returned" });
  });

  it("ends a hook that loops, with the programs it started, and goes on with the next call", async () => {
    const work = await hook(`
      const { spawn } = await import("node:child_process");
      const mark = { ...process.env, HOOK_MARK: ${JSON.stringify(directory)} };
      await new Promise((done) => spawn("sleep", ["1000"], { env: mark }).once("spawn", done));
      console.log("started"); for (;;);`);
    expect(await workers.call(work, { limitSec: 1.5 })).toEqual({ kind: "overran", limitSec: 1.5 });
    expect(await log()).toContain("started");
    await expect.poll(() => findMarked(`HOOK_MARK=${directory}`), { timeout: 20_000 }).toEqual([]);
    expect(await workers.call(await hook(""), { limitSec })).toMatchObject({ kind: "returned" });
  });

  it("tells a worker that died from a hook that failed", async () => {
    const end = await workers.call(await hook(`process.kill(process.pid, "SIGKILL"); await new Promise(() => {});`), {
      limitSec,
    });
    expect(end).toEqual({ kind: "crashed", how: "SIGKILL" });
    expect(await workers.call(await hook("process.exit(3)"), { limitSec })).toEqual({
      kind: "crashed",
      how: "exit code 3",
    });
  });

  it("keeps tokens out of a hook's environment", async () => {
    process.env.CONIFER_TOKEN_FILE = "/secret";
    try {
      const work = await hook(
        `c.setData({ names: Object.keys(process.env).filter((name) => name.startsWith("CONIFER")) });`,
      );
      expect(await workers.call(work, { limitSec })).toMatchObject({ value: { data: { names: [] } } });
    } finally {
      delete process.env.CONIFER_TOKEN_FILE;
    }
  });

  it("describes the apps of a module, hooks that are none included", async () => {
    const module = join(directory, "apps.mjs");
    await writeFile(
      module,
      `export const a = { ${APP_MARK}: true, name: "a", command: "true", hooks: { onError() {}, preproces() {}, onTimeout: 3 } };
       export const other = 3;`,
    );
    expect(await workers.call({ kind: "describe", module }, { limitSec })).toEqual({
      kind: "returned",
      value: [
        {
          exportName: "a",
          definition: { name: "a", command: "true" },
          hooks: ["onError"],
          badHooks: ["preproces", "onTimeout"],
        },
      ],
    });
  });
});
