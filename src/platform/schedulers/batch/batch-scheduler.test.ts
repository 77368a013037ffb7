import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConiferError } from "../../../model/errors.ts";
import { openBatchScheduler } from "../open-scheduler.ts";
import type { AllocationRequest } from "../scheduler.ts";
import type { Answer, Command } from "./command.ts";
import type { BatchSettingsInput } from "./settings.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-batch-"));
});
afterEach(() => rm(directory, { recursive: true }));

type Said = Partial<Pick<Answer, "code" | "stdout" | "stderr">> | "hangs";

/** A cluster far away: what each program says, and what was run. Time stands still unless it is moved. */
class Cluster {
  readonly says: Record<string, Said> = { squeue: {}, sacct: {}, sbatch: { stdout: "7\n" }, scancel: {} };
  readonly ran: string[] = [];
  readonly troubles: string[] = [];
  now = 1_000_000;

  open(settings: BatchSettingsInput = {}) {
    return openBatchScheduler("slurm", {
      owner: "site-a1",
      directory,
      settings,
      now: () => this.now,
      run: (command) => this.#run(command),
      onTrouble: (problem) => this.troubles.push(problem),
    });
  }
  count(program: string): number {
    return this.ran.filter((line) => line.startsWith(program)).length;
  }
  async #run(command: Command): Promise<Answer> {
    this.ran.push(command.argv.join(" "));
    const said = this.says[command.argv[0]] ?? { code: 1, stderr: "not here" };
    if (said === "hangs")
      throw new ConiferError("SCHEDULER_SILENT", { scheduler: "slurm", problem: `${command.argv[0]} gave no answer` });
    return { command, code: 0, stdout: "", stderr: "", ...said };
  }
}

const request = (change: Partial<AllocationRequest> = {}): AllocationRequest => ({
  key: "12",
  name: "conifer-a-12",
  command: ["/opt/node", "pilot.js", "--config", "it's here.json"],
  environment: { CONIFER_PILOT_DIRECTORY: "/scratch/p 12", NOTE: "a\nb" },
  directory,
  output: join(directory, "pilot.out"),
  nodes: 2,
  wallTimeMin: 90,
  queue: "",
  project: "",
  options: {},
  ...change,
});
const job = (id: string, state: string, { reason = "None", name = "site-a1.12", nodes = "n1" } = {}) =>
  `${id}|${state}|${reason}|0|2026-11-20T15:42:45|2026-11-20T17:12:45|0|${nodes === "" ? "n/a" : nodes}|${nodes}|${name}|\n`;

describe("a batch scheduler", () => {
  it("submits a script with directives, variables, preamble and command, each in its place", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open({ project: "chem", preamble: "module load openmpi\n", extra: ["--switches=1"] });
    const options = { qos: "debug", dependsOn: "5,6", dependsWhen: "ok" };
    expect(await scheduler.submit(request({ queue: "batch", options }))).toEqual({ kind: "submitted", id: "7" });
    const script = await readFile(join(directory, "batch.sh"), "utf8");
    expect(script.split("\n")).toEqual([
      "#!/bin/bash",
      "#SBATCH --nodes=2",
      "#SBATCH --time=01:30:00",
      "#SBATCH --no-kill",
      "#SBATCH --exclusive",
      "#SBATCH --partition=batch",
      "#SBATCH --account=chem",
      "#SBATCH --qos=debug",
      "#SBATCH --dependency=afterok:5:6",
      "#SBATCH --switches=1",
      "",
      "module load openmpi",
      "export CONIFER_PILOT_DIRECTORY='/scratch/p 12'",
      "export NOTE='a",
      "b'",
      "umask 077",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's.
      '[ -z "${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"',
      "exec /opt/node pilot.js --config 'it'\\''s here.json'",
      "",
    ]);
    expect((await stat(join(directory, "batch.sh"))).mode & 0o777).toBe(0o700);
  });

  it("refuses values that would be read as more than one word, and runs nothing", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open();
    const refusal = async (change: Partial<AllocationRequest>) => scheduler.submit(request(change));
    for (const text of ["debug --wrap=x", "debug\n#SBATCH --uid=0", "$(id)", "`id`", "'", "-x", "a;b"]) {
      expect(await refusal({ queue: text })).toMatchObject({ kind: "refused", reason: expect.stringMatching(/queue/) });
      expect(await refusal({ options: { qos: text } })).toMatchObject({
        kind: "refused",
        reason: expect.stringMatching(/slurm option qos/),
      });
      expect(await refusal({ options: { constraint: text } })).toMatchObject({ kind: "refused" });
    }
    expect(await refusal({ options: { extra: ["--wrap=x"] } })).toMatchObject({
      reason: expect.stringMatching(/Unrecognized key/),
    });
    expect(await refusal({ environment: { "A;id": "x" } })).toMatchObject({
      reason: expect.stringMatching(/no such name/),
    });
    expect(await refusal({ output: "/tmp/a b/out" })).toMatchObject({
      reason: expect.stringMatching(/holds characters/),
    });
    expect(cluster.count("sbatch")).toBe(0);
  });

  it("names file and line of a template's unknown variable, and of one that starts nothing", async () => {
    const cluster = new Cluster();
    const template = join(directory, "mine.sh");
    const scheduler = cluster.open({ template, parameters: { tier: "gold" } });
    await writeFile(
      template,
      "#!/bin/sh\n#SBATCH -p {{ parameters.tier }}\n#SBATCH -N {{ nodez }}\nexec {{ command }}\n",
    );
    expect(await scheduler.submit(request())).toEqual({
      kind: "refused",
      reason: `${template}:3: undefined variable: nodez`,
    });
    await expect(scheduler.checkTemplate()).rejects.toMatchObject({ code: "BAD_SCRIPT_TEMPLATE" });
    await writeFile(template, "#!/bin/sh\n#SBATCH -p {{ parameters.tier }}\nexec {{ commands }}\n");
    expect(await scheduler.submit(request())).toMatchObject({ reason: `${template}:3: undefined variable: commands` });
    await writeFile(template, "#!/bin/sh\n#SBATCH -N {{ nodes }}\n");
    expect(await scheduler.submit(request())).toMatchObject({ reason: `${template}:2: it nowhere has {{ command }}` });
    await writeFile(template, "#!/bin/sh\n#SBATCH -p {{ parameters.tier }}\nexec {{ command }}\n");
    expect(await scheduler.submit(request({ options: { tier: "iron" } }))).toMatchObject({ kind: "submitted" });
    expect(await readFile(join(directory, "batch.sh"), "utf8")).toContain("#SBATCH -p iron\n");
    expect(await scheduler.submit(request({ options: { tier: "a\n#SBATCH x" } }))).toMatchObject({ kind: "refused" });
  });

  it("asks once for all jobs, and again only after the interval", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open({ minIntervalSec: 10 });
    cluster.says.squeue = {
      stdout: job("7", "RUNNING") + job("8", "PENDING", { reason: "Resources", name: "site-a1.13", nodes: "" }),
    };
    await scheduler.status(["7", "8"]);
    await scheduler.own();
    cluster.now += 9_000;
    expect(await scheduler.status(["8"])).toEqual(
      new Map([["8", expect.objectContaining({ state: "queued", reason: "it waits for free nodes (Resources)" })]]),
    );
    expect(cluster.count("squeue")).toBe(1);
    cluster.now += 2_000;
    await scheduler.status(["7"]);
    expect(cluster.count("squeue")).toBe(2);
  });

  it("tells a job as queued until it shows up, and asks accounting for one that has left the queue", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open();
    await scheduler.own();
    await scheduler.submit(request());
    expect((await scheduler.status(["7"])).get("7")).toMatchObject({ state: "queued" });
    expect(await scheduler.own()).toEqual([{ id: "7", key: "12" }]);
    cluster.now += 60_000;
    await scheduler.own();
    expect((await scheduler.status(["7"])).get("7")).toMatchObject({ state: "unknown" });
    cluster.now += 60_000;
    expect(await scheduler.status(["7"])).toEqual(new Map());
    cluster.now += 60_000;
    cluster.says.sacct = { stdout: "7|FAILED|3:0|2026-11-20T15:42:45|2026-11-20T15:43:45|n1|site-a1.12\n" };
    expect((await scheduler.status(["7"])).get("7")).toEqual({
      state: "ended",
      outcome: "failed",
      reason: "exit code 3",
      startedAt: Date.parse("2026-11-20T15:42:45Z"),
      endedAt: Date.parse("2026-11-20T15:43:45Z"),
    });
  });

  it("[P18] concludes nothing from silence, leaves the scheduler in peace for a while, and goes on", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open({ minIntervalSec: 0 });
    const down = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)";
    for (const said of [{ code: 1, stderr: down }, "hangs", { stdout: "<html>gateway</html>" }] as const) {
      cluster.says.squeue = said;
      cluster.now += 1_000_000;
      await expect(scheduler.status(["7"])).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
    }
    const asked = cluster.count("squeue");
    await expect(scheduler.status(["7"])).rejects.toThrow(/asked again in 20 s/);
    await expect(scheduler.submit(request())).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
    expect(cluster.count("squeue")).toBe(asked);
    expect(cluster.count("sbatch")).toBe(0);
    cluster.now += 21_000;
    cluster.says.squeue = { stdout: job("7", "RUNNING") };
    expect((await scheduler.status(["7"])).get("7")).toMatchObject({ state: "running" });
  });

  it("calls a job unknown while the accounting that could tell of it is down, and goes on with all others", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open({ minIntervalSec: 0 });
    cluster.says.squeue = { stdout: job("7", "RUNNING") };
    cluster.says.sacct = { code: 1, stderr: "sacct: error: Problem talking to the database: Connection refused\n" };
    for (const _ of [1, 2]) {
      cluster.now += 1_000;
      const statuses = await scheduler.status(["7", "6"]);
      expect(statuses.get("7")).toMatchObject({ state: "running" });
      expect(statuses.get("6")).toMatchObject({
        state: "unknown",
        reason: expect.stringMatching(/talking to the database/),
      });
    }
    expect(cluster.count("sacct")).toBe(1);
    cluster.now += 10_000;
    cluster.says.sacct = {};
    expect((await scheduler.status(["7", "6"])).has("6")).toBe(false);
    cluster.says.sacct = { stdout: "6|COMPLETED|0:0|2026-11-20T15:42:45|2026-11-20T15:43:45|n1|site-a1.9\n" };
    cluster.now += 10_000;
    expect((await scheduler.status(["7", "6"])).get("6")).toMatchObject({ outcome: "finished" });
  });

  it("[B42] takes no job for gone because one answer did not hold it", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open({ minIntervalSec: 10 });
    const ask = async () => (await scheduler.status(["7"])).get("7")?.state;
    cluster.says.squeue = { stdout: job("7", "RUNNING") };
    expect(await ask()).toBe("running");
    cluster.says.squeue = {};
    cluster.now += 20_000;
    expect([await ask(), await ask()]).toEqual(["unknown", "unknown"]);
    cluster.says.squeue = { stdout: job("7", "RUNNING") };
    cluster.now += 20_000;
    expect(await ask()).toBe("running");
    cluster.says.squeue = {};
    for (const expected of ["unknown", undefined]) {
      cluster.now += 20_000;
      expect(await ask()).toBe(expected);
    }
  });

  it("keeps the raw text of an answer that does not read", async () => {
    const cluster = new Cluster();
    cluster.says.squeue = { stdout: "<html>gateway</html>", stderr: "strange" };
    const error: unknown = await cluster
      .open()
      .status(["7"])
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ values: { stdout: "<html>gateway</html>", stderr: "strange", code: 0 } });
  });

  it("finds a submit again whose answer was lost, and does not submit it twice while it may still arrive", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open({ minIntervalSec: 1000 });
    await scheduler.own();
    cluster.says.sbatch = "hangs";
    await expect(scheduler.submit(request())).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
    cluster.now += 6_000;
    cluster.says.sbatch = { stdout: "9\n" };
    expect(await scheduler.submit(request())).toMatchObject({
      kind: "later",
      reason: expect.stringMatching(/may still arrive/),
    });
    expect(cluster.count("sbatch")).toBe(1);
    cluster.says.squeue = { stdout: job("8", "PENDING", { reason: "Priority", nodes: "" }) };
    cluster.now += 1_000_000;
    expect(await scheduler.find(["12", "13"])).toEqual(new Map([["12", "8"]]));
  });

  it("tells a refusal in the scheduler's words, a full queue as full, and a down controller as silence", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open();
    const failed = "sbatch: error: Batch job submission failed: ";
    cluster.says.sbatch = {
      code: 1,
      stderr: `sbatch: error: invalid partition specified: no\n${failed}Invalid partition name specified\n`,
    };
    expect(await scheduler.submit(request())).toEqual({
      kind: "refused",
      reason: "invalid partition specified: no; Invalid partition name specified",
    });
    cluster.says.sbatch = {
      code: 1,
      stderr: `sbatch: error: QOSMaxSubmitJobPerUserLimit\n${failed}Job violates accounting/QOS policy\n`,
    };
    expect(await scheduler.submit(request())).toMatchObject({
      kind: "full",
      reason: expect.stringMatching(/^QOSMaxSubmitJobPerUserLimit/),
    });
    cluster.says.sbatch = { code: 1, stderr: `${failed}Unable to contact slurm controller (connect failure)\n` };
    await expect(scheduler.submit(request())).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
  });

  it("refuses at once what the queue never gives, by learned limits or the settings'", async () => {
    const cluster = new Cluster();
    cluster.says.scontrol = {
      stdout:
        "PartitionName=batch Default=YES QoS=N/A MaxNodes=UNLIMITED MaxTime=1-00:00:00 MinNodes=0 State=UP TotalNodes=4\n" +
        "PartitionName=debug Default=NO QoS=debug MaxNodes=2 MaxTime=00:30:00 MinNodes=0 State=UP TotalNodes=4\n",
    };
    cluster.says.sinfo = { stdout: "batch|1/3/0/4\ndebug|1/3/0/4\n" };
    cluster.says.sacctmgr = { stdout: "normal|||\ndebug|3|1|00:05:00\n" };
    const scheduler = cluster.open();
    expect(await scheduler.submit(request({ nodes: 5 }))).toMatchObject({
      kind: "refused",
      reason: "queue batch gives at most 4 nodes, 5 were asked for",
    });
    expect(await scheduler.submit(request({ queue: "debug" }))).toMatchObject({
      reason: "queue debug gives at most 5 minutes, 90 were asked for",
    });
    expect(await scheduler.limits("debug")).toMatchObject({ maxNodes: 2, maxSubmitted: 3, maxRunning: 1 });
    expect(await scheduler.queues()).toMatchObject([{ name: "batch", idleNodes: 3 }, { name: "debug" }]);
    const narrow = cluster.open({ limits: { maxNodes: 1 } });
    expect(await narrow.submit(request())).toMatchObject({ kind: "refused" });
    expect(cluster.count("sbatch")).toBe(0);
  });

  it("cancels in bulk, passes over what has ended, and tells of what it may not end", async () => {
    const cluster = new Cluster();
    const scheduler = cluster.open();
    await scheduler.cancel(["7", "8"]);
    expect(cluster.ran).toEqual(["scancel 7 8"]);
    expect((await scheduler.status(["7"])).get("7")).toMatchObject({ state: "ended", outcome: "cancelled" });
    cluster.says.scancel = {
      code: 210,
      stderr: "scancel: error: Kill job error on job id 30: Access/permission denied\n",
    };
    await scheduler.cancel(["30"]);
    expect(cluster.troubles).toEqual(["scancel 30: Kill job error on job id 30: Access/permission denied"]);
  });
});
