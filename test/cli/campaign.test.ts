import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliLab, openCliLab, program } from "./lab.ts";

let lab: CliLab;
const site = () => join(lab.home, "site");
beforeAll(async () => {
  lab = openCliLab();
  await lab.out("server", "start");
  await lab.out("site", "init", "site");
  await lab.out("site", "start", "site");
  await lab.out("batch", "submit", "--wall-time", "10m", "--wait");
});
afterAll(async () => {
  await lab.run(["site", "stop", "site", "--pilots"]);
  await lab[Symbol.asyncDispose]();
});

test("run --wait shows what a command writes, as it comes, and ends with its exit code", async () => {
  const running = lab.start([
    "run",
    "--wait",
    "--",
    "echo first; echo oops >&2; until [ -e go ]; do sleep 0.05; done; echo second; exit 7",
  ]);
  await expect.poll(() => running.seen.stdout, { timeout: 30_000 }).toBe("first\n");
  await expect.poll(() => running.seen.stderr, { timeout: 20_000 }).toContain("oops\n");
  const { items } = await lab.json<{ items: { workdir: string }[] }>("job", "show", "last");
  await lab.out("run", "--wait", "--", "touch", join(site(), "data", items[0]?.workdir ?? "", "go"));
  const { code, stdout } = await running.ended;
  expect({ code, stdout }).toEqual({ code: 7, stdout: "first\nsecond\n" });
});

test("run quotes several words and takes one as shell text", async () => {
  expect((await lab.run(["run", "--wait", "--", "echo", "a  b", "$HOME", "; ls"])).stdout).toBe("a  b $HOME ; ls\n");
  expect((await lab.run(["run", "--wait", "--", "echo $((1 + 2))"])).stdout).toBe("3\n");
  expect((await lab.run(["run", "--wait", "echo", "-n", "--wait", "--json"])).stdout).toBe("--wait --json");
});

test("job logs -f follows a job to its end, and job kill really ends it", async () => {
  const [id] = (
    await lab.json<{ ids: number[] }>("job", "create", "conifer.run", "command=echo begun; sleep 1000 & sleep 1000")
  ).ids;
  const following = lab.start(["job", "logs", `${id}`, "-f"]);
  await expect.poll(() => following.seen.stdout, { timeout: 30_000 }).toBe("begun\n");
  expect(await lab.out("job", "kill", `${id}`)).toBe("killed 1 job\n");
  expect(await following.ended).toMatchObject({ code: 0, stdout: "begun\n" });
  expect(await lab.out("job", "show", `${id}`)).toContain("USER_KILLED");
  expect((await lab.run(["job", "wait", `${id}`])).code).toBe(8);
});

test("events -f tells of each step as it happens", async () => {
  const following = lab.start(["events", "-f", "-n", "1", "--json"]);
  await expect.poll(() => following.seen.stdout, { timeout: 20_000 }).toContain("\n");
  await lab.out("run", "--wait", "--", "true");
  const paths = () =>
    following.seen.stdout
      .split("\n")
      .filter(Boolean)
      .flatMap((line) => JSON.parse(line).path);
  await expect
    .poll(paths, { timeout: 20_000 })
    .toEqual(expect.arrayContaining(["PREPROCESSED", "RUNNING", "JOB_FINISHED"]));
  following.child.kill("SIGINT");
  expect((await following.ended).code).toBe(130);
});

test("job wait --progress and report work on a whole campaign", async () => {
  await lab.out("job", "create", "conifer.run", "--sweep", 'command="sleep 0.1",true,"exit 3"', "--workflow", "mixed");
  const waited = await lab.run(["job", "wait", "workflow=mixed", "--progress"]);
  expect(waited.code).toBe(8);
  expect(waited.stderr).toContain("3/3  failed 1");
  expect(waited.stderr).toContain("1 of 3 jobs did not finish well");
  writeFileSync(join(lab.home, "job.out"), "sigma = 1\n  +- 2 <pb>\n");
  const report = await lab.json<{ jobs: number; utilisation: number }>(
    "report",
    "workflow=mixed",
    "--out",
    "report",
    "--title",
    "Mixed <b>",
    "--log",
    "job.out",
  );
  expect(report.jobs).toBe(3);
  expect(report.utilisation).toBeGreaterThan(0);
  const page = readFileSync(join(lab.home, "report/index.html"), "utf8");
  expect(page).toContain("Mixed &lt;b&gt;");
  expect(page).toContain("What ended badly");
  expect(page).toContain("sigma = 1\n  +- 2 &lt;pb&gt;");
  expect(existsSync(join(lab.home, "report/utilisation.svg"))).toBe(true);
});

test("a running program steers jobs of its own through the SDK", async () => {
  const sdk = pathToFileURL(join(dirname(program), "../dist/index.js")).href;
  const steer = `import { connect } from "${sdk}";
const conifer = await connect();
const self = await conifer.currentJob();
const child = await conifer.jobs.create({ app: "conifer.run", name: "child", parameters: { command: "exit 5" } });
const { exitCode, state } = await child.result({ timeoutSec: 30 });
for await (const job of conifer.jobs.asCompleted([child])) console.log(job.id === child.id);
console.log(self.name, exitCode, state);`;
  writeFileSync(join(lab.home, "steer.mjs"), steer);
  const { stdout, stderr } = await lab.run([
    "run",
    "--wait",
    "--name",
    "master",
    "--",
    "node",
    join(lab.home, "steer.mjs"),
  ]);
  expect(stdout, stderr).toBe("true\nmaster 5 FAILED\n");
});

test("[B7] jobs and their batch job name each other", async () => {
  await lab.out("run", "--wait", "--", "true");
  const { items } = await lab.json<{ items: { batchJobId: number }[] }>("job", "show", "last");
  const { id } = await lab.json<{ id: number }>("batch", "show", "last");
  expect(items[0]?.batchJobId).toBe(id);
  expect(await lab.out("batch", "logs", "last")).toContain("session begun");
});
