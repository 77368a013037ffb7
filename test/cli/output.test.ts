import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Job } from "../../src/client/wire/entities.ts";
import { playPilot } from "../sdk/lab.ts";
import { type CliLab, openServedLab, settled } from "./lab.ts";

let lab: CliLab;
beforeAll(async () => {
  lab = await openServedLab();
  await lab.out(
    "job",
    "create",
    "sim",
    "case=a",
    "--name",
    "one",
    "--workflow",
    "w",
    "--tag",
    "kind=first",
    "--priority",
    "5",
  );
  await lab.out("job", "create", "sim", "--sweep", "case=b,c", "--workflow", "w");
  await lab.out("job", "create", "other", "--parent", "2-3", "--name", "last one");
  await using conifer = await lab.connect();
  const [site] = await conifer.sites.list();
  const pilot = playPilot(conifer.client, site?.id ?? 0);
  const ids = await pilot.run(3);
  await pilot.end(ids.slice(0, 2), { node: "n1" });
  await pilot.end(ids.slice(2), {
    ...{ state: "RUN_ERROR", failure: "error", exitCode: 4, reason: "exit code 4", stderrTail: "it broke\n" },
  });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});
const text = async (...args: string[]) => settled((await lab.run(args)).stdout, lab);

describe("job ls", () => {
  test("lists jobs, the latest last", async () => {
    expect(await text("job", "ls")).toBe(
      [
        "ID  NAME      APP    SITE  STATE         TRY  EXIT  CHANGED   TAGS",
        " 1  one       sim    here  JOB_FINISHED    1     0  AGO kind=first",
        " 2  sim       sim    here  JOB_FINISHED    1     0  AGO",
        " 3  sim       sim    here  FAILED          1     4  AGO",
        " 4  last one  other  here  FAILED          0     -  AGO",
        "",
      ].join("\n"),
    );
  });

  test("counts by state and by other fields", async () => {
    expect(await text("job", "ls", "--by-state")).toBe("STATE         JOBS\nJOB_FINISHED     2\nFAILED           2\n");
    expect(await text("job", "ls", "--by", "workflow")).toBe("WORKFLOW  JOBS\n(none)       1\nw            3\n");
  });

  test("[B45][B47] takes the same selectors as rm, kill, retry and modify, by app too", async () => {
    const ids = async (...selectors: string[]) =>
      (await lab.json<number[]>("job", "ls", "--ids", ...selectors)).join(",");
    expect(await ids("1-3")).toBe("1,2,3");
    expect(await ids("last")).toBe("4");
    expect(await ids("--app", "other")).toBe("4");
    expect(await ids("state=FAILED")).toBe("3,4");
    expect(await ids("--state", "!FAILED")).toBe("1,2");
    expect(await ids("--tag", "kind=first")).toBe("1");
    expect(await ids("tags.kind=*")).toBe("1");
    expect(await ids("1-2", "name=one")).toBe("1");
    expect(await ids("--workflow", "w", "--name", "si")).toBe("2,3");
    for (const [command, ...more] of [["rm"], ["kill"], ["retry"], ["modify", "--priority", "1"]]) {
      const { code } = await lab.run([
        "job",
        command ?? "",
        "--app",
        "none",
        "--state",
        "RUNNING",
        "--tag",
        "a=b",
        "--workflow",
        "x",
        "--name",
        "y",
        "--workdir",
        "z",
        "--site",
        "here",
        ...more,
      ]);
      expect(code, command).toBe(0);
    }
  });

  test("orders and limits, and says that there is more", async () => {
    const { stdout, stderr } = await lab.run(["job", "ls", "-n", "2", "--ids"]);
    expect(stdout).toBe("3\n4\n");
    expect(stderr).toBe("");
    const more = await lab.run(["job", "ls", "-n", "2"]);
    expect(more.stderr).toContain("(the latest 2; --limit 0 for all)");
    expect((await lab.run(["job", "ls", "-o", "-priority", "--ids", "-n", "1"])).stdout).toBe("1\n");
  });
});

test("job show, history, explain and tree say all about jobs", async () => {
  expect((await text("job", "show", "1")).replace(/after .*/g, "after SPAN")).toBe(
    [
      "job         1",
      "name        one",
      "state       JOB_FINISHED",
      "app         sim at here",
      "workflow    w",
      "tags        kind=first",
      "parameters  case=a",
      "directory   HOME/here/data/w/one_1",
      "needs       1 node, 1 rank a node",
      "priority    5",
      "attempt     1 of 3, retried after SPAN",
      "exit code   0",
      "created     TIME",
      "started     TIME",
      "ended       TIME after SPAN",
      "",
    ].join("\n"),
  );
  expect(await text("job", "history", "3")).toContain(
    "TIME  RUNNING → RUN_ERROR → FAILED  #1  exit code 4; error is not retried\n    | it broke\n",
  );
  expect(await text("job", "explain", "4")).toMatch(/^job 4 FAILED: .*\n/);
  expect(await text("job", "tree", "4")).toBe(
    ["2 sim sim JOB_FINISHED", "└─ 4 last one other FAILED ◀", "3 sim sim FAILED", "└─ 4 (above) ◀", ""].join("\n"),
  );
});

test("job modify changes what it names and keeps the rest", async () => {
  expect(await text("job", "modify", "1", "--priority", "9", "--set-tag", "more=yes", "--time-limit", "2h")).toBe(
    "changed 1 job\n",
  );
  const { items } = await lab.json<{ items: Job[] }>("job", "show", "1");
  expect(items[0]).toMatchObject({ priority: 9, limitSec: 7200, tags: { kind: "first", more: "yes" } });
});

test("[B44] rm all leaves no job behind, or says which and why", async () => {
  await lab.out("job", "create", "sim", "--sweep", "case=x,y", "--workflow", "gone");
  await using conifer = await lab.connect();
  const [site] = await conifer.sites.list();
  const [held] = await playPilot(conifer.client, site?.id ?? 0).run(1);
  const { stdout, stderr, code } = await lab.run(["job", "rm", "workflow=gone"]);
  expect({ stdout, code }).toEqual({ stdout: "deleted 1 job\n", code: 0 });
  expect(stderr).toMatch(/^left 1 job: .*run/);
  expect(await text("job", "ls", "--ids", "workflow=gone")).toBe(`${held}\n`);
  expect((await lab.run(["job", "rm", `${held}`])).code).toBe(5);
});

test("app show, status, site ls and events are readable", async () => {
  expect(await text("app", "show", "sim")).toContain(
    "PARAMETER  TYPE     DEFAULT     HELP\ncase       string   (required)  which\nsteps      integer  10          how far\n",
  );
  const status = await text("status");
  expect(status).toContain("Jobs\n");
  expect(status).toContain("hint: the agent of site here was never heard: conifer site start here");
  expect(await text("site", "ls")).toContain("here  down");
  expect(await text("events", "-n", "2")).toMatch(/^TIME {2}job \d+ {2}.*\nTIME {2}job \d+ {2}.*\n$/);
});

test("[B36] job create and job ls say when nothing would run the jobs", async () => {
  const { stderr } = await lab.run(["job", "create", "sim", "case=z"]);
  expect(stderr).toContain("hint: the agent of site here was never heard: conifer site start here\n");
  const listed = await lab.run(["job", "ls", "last"]);
  expect(listed.stderr).toContain("conifer site start here");
});

test("[B37] batch submit says when the site is down", async () => {
  const { stdout, stderr } = await lab.run(["batch", "submit", "--nodes", "2", "-t", "90"]);
  expect(stdout).toMatch(/^submitted batch job \d+ to site here\n$/);
  expect(stderr).toBe("hint: the agent of site here was never heard: conifer site start here\n");
  expect(await text("batch", "ls")).toMatch(
    /^ID {2}SITE {2}STATE {15}SCHEDULER.*\n +1 {2}here {2}pending_submission {2}- +- +2 +1h 30m/,
  );
  expect((await lab.run(["batch", "rm", "last"])).stdout).toMatch(/^batch job 1 is (cancelled|pending_deletion)\n$/);
});

test("names with escape sequences and very long ones do not disturb the table", async () => {
  await lab.out("job", "create", "other", "--name", `evil\u001b[31m\nname ${"x".repeat(200)}`, "--workflow", "evil");
  const { stdout } = await lab.onTerminal(["job", "ls", "workflow=evil"], { columns: 60 });
  const row = stdout.split("\n")[1] ?? "";
  expect(row).not.toContain("\u001b[31mname");
  expect(row).toMatch(/evil\ufffd\[31m name x*…/);
});
