import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab, marked, type PilotProgram } from "./lab.ts";

let lab: Lab;
let pilot: PilotProgram;
beforeAll(async () => {
  lab = await Lab.open();
  pilot = lab.startPilot({ node: { cores: 4, gpus: 2, memoryBytes: 1e12 } });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

test("a job runs in its workdir with its environment, and its history says where", async () => {
  const [id = 0] = await lab.create({
    do: 'pwd; echo "$GREETING $OMP_NUM_THREADS"; echo oops >&2',
    environment: { GREETING: "hello you" },
    threadsPerRank: 2,
  });
  await lab.until([id], "JOB_FINISHED");
  const { workdir } = await lab.job(id);
  expect(await lab.file(id, "job.out")).toBe(`${join(lab.site, "data", workdir)}\nhello you 2\n`);
  expect(await lab.file(id, "job.err")).toBe("oops\n");
  const history = await lab.history(id);
  const states = history.flatMap(({ path }) => path);
  expect(states.slice(states.indexOf("PREPROCESSED"))).toEqual([
    "PREPROCESSED",
    "RUNNING",
    "RUN_DONE",
    "POSTPROCESSED",
    "STAGED_OUT",
    "JOB_FINISHED",
  ]);
  const data = history.map((event) => event.data).find((each) => "node" in each);
  expect(data).toMatchObject({ node: expect.any(String) });
});

test("the last lines of stderr come with the failure", async () => {
  const [id = 0] = await lab.create({ do: "echo first >&2; echo 'no such mesh: é' >&2; exit 3", maxAttempts: 1 });
  await lab.until([id], "FAILED");
  const failed = (await lab.history(id)).find(({ path }) => path.includes("RUN_ERROR"));
  expect(failed?.data).toMatchObject({ exitCode: 3, stderrTail: "first\nno such mesh: é" });
  expect(await lab.job(id)).toMatchObject({ exitCode: 3 });
});

test("a killed job is really ended, with its children", async () => {
  const [id = 0] = await lab.create({ do: "sleep 1000 & setsid sleep 1000 & trap '' TERM; echo up; wait; sleep 1000" });
  await lab.until([id], "RUNNING");
  await expect.poll(async () => lab.file(id, "job.out")).toBe("up\n");
  expect(marked(`CONIFER_TASK=${id}.1`).length).toBeGreaterThanOrEqual(3);
  await lab.client.call("jobKill", { body: { ids: [id] } });
  await lab.until([id], "USER_KILLED");
  expect(marked(`CONIFER_TASK=${id}.1`)).toEqual([]);
});

test("[B18] a job over its limit is ended and fails as such", async () => {
  const [id = 0] = await lab.create({ do: "sleep 1000", limitSec: 0.3, maxAttempts: 1 });
  await lab.until([id], "FAILED");
  const failed = (await lab.history(id)).find(({ path }) => path.includes("RUN_ERROR"));
  expect(failed?.data).toMatchObject({ failure: "limit" });
});

test("a promised output that is missing is a failure with its name", async () => {
  await lab.app({ name: "promise", command: "{{do|raw}}", outputs: ["*.dat"], maxAttempts: 1 });
  const [good = 0, bad = 0] = await lab.create(
    { app: "promise", do: "touch a.dat" },
    { app: "promise", do: "touch a.txt" },
  );
  await lab.until([good], "JOB_FINISHED");
  await lab.until([bad], "FAILED");
  expect((await lab.history(bad)).find(({ path }) => path.includes("RUN_ERROR"))?.data).toMatchObject({
    failure: "output",
  });
  expect((await lab.job(bad)).reason).toMatch(/output/);
});

test("a child finds its parents' files", async () => {
  const [parent = 0, child = 0] = await lab.create(
    { key: "p", do: "echo 42 > grid.dat; echo 43 > other.dat" },
    { do: "cat grid.dat; echo more >> own.dat; ls", parents: ["p"], inputs: [{ from: "p", files: ["grid.*"] }] },
  );
  await lab.until([parent, child], "JOB_FINISHED");
  expect(await lab.file(child, "job.out")).toBe("42\ngrid.dat\njob.err\njob.out\nown.dat\n");
});

test("another attempt keeps the workdir and the earlier output", async () => {
  const [id = 0] = await lab.create({ do: "echo attempt; test -e again || { touch again; exit 1; }", maxAttempts: 2 });
  await lab.until([id], "JOB_FINISHED");
  expect(await lab.file(id, "job.1.out")).toBe("attempt\n");
  expect(await lab.file(id, "job.out")).toBe("attempt\n");
  expect(await lab.job(id)).toMatchObject({ attempt: 2 });
});

test("a job whose command cannot be made fails with the reason, and the pilot lives on", async () => {
  const [bad = 0, good = 0] = await lab.create({ do: "true", ranksPerNode: 3, maxAttempts: 1 }, { do: "echo fine" });
  await lab.until([good], "JOB_FINISHED");
  // With Open MPI installed it runs instead; either way it ends and the pilot goes on.
  await lab.until([bad], "FAILED", "JOB_FINISHED");
  expect(pilot.isRunning).toBe(true);
});

test("half a GPU is shared, a whole one is not, and each job sees only its own", async () => {
  const ids = await lab.create(
    ...[0.5, 0.5, 1].map((gpusPerRank) => ({ do: "echo $CUDA_VISIBLE_DEVICES; sleep 1", gpusPerRank })),
  );
  await lab.until(ids, "JOB_FINISHED");
  const seen = await Promise.all(ids.map((id) => lab.file(id, "job.out")));
  expect(seen[0]).toBe(seen[1]);
  expect(new Set([seen[0], seen[2]])).toEqual(new Set(["0\n", "1\n"]));
});

test("a thousand jobs run once each, and never more at once than there are cores", async () => {
  const log = join(lab.directory, "log");
  const ids = await lab.create(
    ...Array.from({ length: 1000 }, (_, number) => ({
      do: `echo "+" >> ${log}; echo "${number}"; echo "-" >> ${log}`,
    })),
  );
  await expect
    .poll(
      async () =>
        (await lab.client.call("jobCounts", { query: { where: [`id>=${ids[0]}`, "state!=JOB_FINISHED"] } })).total,
      {
        timeout: 60_000,
      },
    )
    .toBe(0);
  const lines = readFileSync(log, "utf8").trim().split("\n");
  expect(lines.filter((line) => line === "+")).toHaveLength(1000);
  let running = 0;
  let most = 0;
  for (const line of lines) {
    running += line === "+" ? 1 : -1;
    most = Math.max(most, running);
  }
  expect(most).toBeLessThanOrEqual(4);
  for (const [number, id] of ids.entries())
    if (number % 100 === 0) expect(await lab.file(id, "job.out")).toBe(`${number}\n`);
});

test("[B19] a job as wide as the node gets its turn among short ones that were there before and after it", async () => {
  const short = (count: number) => Array.from({ length: count }, () => ({ do: "sleep 0.02" }));
  await lab.create(...short(100));
  const [wide = 0] = await lab.create({ do: "true", threadsPerRank: 4 });
  const after = await lab.create(...short(600));
  await lab.until([wide], "JOB_FINISHED");
  const { total } = await lab.client.call("jobCounts", {
    query: { where: [`id>=${after[0]}`, "state!=JOB_FINISHED"] },
  });
  expect(total).toBeGreaterThan(100);
  await lab.client.call("jobKill", { body: { ids: after } });
  await lab.until(after.slice(-5), "USER_KILLED", "JOB_FINISHED");
});

test("a job that a pilot holds and has not started is killed at once", async () => {
  const whole = { do: "sleep 1000", threadsPerRank: 4 };
  const [runs = 0, waits = 0] = await lab.create(whole, whole);
  await lab.until([runs], "RUNNING");
  await lab.client.call("jobKill", { body: { ids: [waits] } });
  await lab.until([waits], "USER_KILLED");
  await lab.client.call("jobKill", { body: { ids: [runs] } });
  await lab.until([runs], "USER_KILLED");
  expect(await lab.states(waits)).not.toContain("RUNNING");
  expect(pilot.log.filter(({ msg }) => msg === "the server did not take what was told of a job")).toEqual([]);
});

test("[B11] no token is in any argument list, environment or log of a pilot and its jobs", async () => {
  const [id = 0] = await lab.create({ do: "env; cat /proc/$PPID/cmdline; sleep 0.3" });
  await lab.until([id], "JOB_FINISHED");
  const { token } = lab.access;
  expect(await lab.file(id, "job.out")).not.toContain(token);
  for (const name of ["pilot.log", "journal.ndjson", "node.log"]) {
    const file = join(pilot.directory, name);
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, "utf8")).not.toContain(token);
    expect(statSync(file).mode & 0o077).toBe(0);
  }
  for (const pid of [pilot.pid, pilot.agentPid]) {
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).not.toContain(token);
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain(token);
  }
});

test("a running job steers: it makes jobs, waits for them and kills one through its pilot", async () => {
  const script = join(lab.directory, "steer.mjs");
  writeFileSync(
    script,
    `import { readFileSync, statSync } from "node:fs";
    import { request } from "node:http";
    const file = process.env.CONIFER_JOB_FILE;
    const { address, token, job, attempt } = JSON.parse(readFileSync(file, "utf8"));
    const call = (method, path, body) => new Promise((resolve, reject) => {
      const sent = request({ socketPath: address.slice(5), method, path, headers: { authorization: "Bearer " + token, "content-type": "application/json" } }, async (answer) => {
        let text = ""; for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode, body: JSON.parse(text) });
      });
      sent.on("error", reject); sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    const made = await call("POST", "/jobs", { jobs: [{ app: "sh", parameters: { do: "echo child" } }, { app: "sh", parameters: { do: "sleep 1000" } }] });
    const [child, long] = made.body.ids;
    for (;;) { const { body } = await call("GET", "/jobs/" + child); if (body.state === "JOB_FINISHED") break; await new Promise((r) => setTimeout(r, 20)); }
    await call("POST", "/jobs/kill", { ids: [long] });
    const refused = await call("DELETE", "/sites/1");
    console.log(JSON.stringify({ child, long, job, attempt, mode: (statSync(file).mode & 0o777).toString(8), refused: refused.body.code, token }));`,
  );
  const [master = 0] = await lab.create({ do: `${process.execPath} ${script}` });
  await lab.until([master], "JOB_FINISHED");
  const told = JSON.parse((await lab.file(master, "job.out")) ?? "");
  expect(told).toMatchObject({ job: master, attempt: 1, mode: "600", refused: "FORBIDDEN" });
  expect((await lab.job(told.child)).data).toMatchObject({ createdBy: master });
  await lab.until([told.long], "USER_KILLED");
  // Its token was its own and ended with it.
  expect(told.token).not.toBe(lab.access.token);
});
