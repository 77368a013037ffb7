import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliLab, openCliLab, openServedLab, program } from "./lab.ts";

let lab: CliLab;
beforeAll(async () => {
  lab = await openServedLab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe("exit codes and errors", () => {
  test.each([
    [2, ["job", "ls", "nonsense"], "nonsense is not a set of ids: it is neither ids nor a filter"],
    [2, ["job", "ls", "state=DONE"], "state is one of CREATED"],
    [2, ["job", "lss"], "unknown command 'lss' (Did you mean ls?)"],
    [2, ["job", "ls", "--stat", "x"], "unknown option '--stat' (Did you mean --state?)"],
    [2, ["job", "create", "sim"], "needs parameter case"],
    [2, ["job", "create", "sim", "case=a", "steps=many"], "expected a whole number"],
    [2, ["job", "create", "sim", "case=a", "--wall-time", "soon"], "soon is not a duration"],
    [2, ["job", "create", "sim", "case=a", "--nodes", "0"], "--nodes: expected a whole number of at least 1, got 0"],
    [2, ["job", "kill"], "job kill: nothing was named"],
    [2, ["job", "rm"], "job rm: nothing was named"],
    [2, ["job", "modify", "1"], "no field to change was given"],
    [2, ["job", "ls", "1-5000:2"], "it names 2500 single ids, more than 1000"],
    [3, ["job", "show", "99"], "There is no job 99"],
    [3, ["job", "wait", "99"], "There is no job id=99"],
    [3, ["job", "create", "simm", "case=a"], "There is no app simm (there is sim)"],
    [3, ["job", "create", "sim", "case=a", "--site", "nowhere"], "nowhere"],
    [3, ["site", "status"], "is not in a site"],
    [5, ["user", "add", "root-of-all", "--admin", "--json"], null],
  ] as const)("%i for conifer %j", async (code, args, says) => {
    if (says === null) await lab.run(args);
    const outcome = await lab.run(args);
    expect(outcome.code, outcome.stderr).toBe(code);
    expect(outcome.stdout).toBe("");
    if (says === null) return expect(JSON.parse(outcome.stderr)).toMatchObject({ code: "ALREADY_EXISTS", exitCode: 5 });
    expect(outcome.stderr).toMatch(/^conifer: [^\n]+\nhint: [^\n]+\n$/);
    expect(outcome.stderr).toContain(says);
  });

  test("4 without a server known, and with a token it does not accept", async () => {
    const bare = openCliLab();
    expect(await bare.run(["job", "ls"])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("No server is known here"),
    });
    const { address } = await lab.json<{ address: string }>("whoami");
    await writeFile(join(lab.home, "bad-token"), "no-such-token\n");
    const env = { CONIFER_ADDRESS: address, CONIFER_TOKEN_FILE: join(lab.home, "bad-token") };
    expect(await lab.run(["whoami"], { env })).toMatchObject({ code: 4, stderr: expect.stringContaining(address) });
  });

  test("6 where nobody answers, at once", async () => {
    await writeFile(join(lab.home, "token"), "t\n");
    const env = { CONIFER_ADDRESS: "http://127.0.0.1:1", CONIFER_TOKEN_FILE: join(lab.home, "token") };
    const outcome = await lab.run(["status", "--json"], { env });
    expect(outcome.code).toBe(6);
    expect(JSON.parse(outcome.stderr)).toMatchObject({ code: "SERVER_UNREACHABLE", exitCode: 6 });
  });

  test("8 where jobs ended badly", async () => {
    await lab.out("job", "create", "other", "--workflow", "bad");
    await lab.out("job", "kill", "workflow=bad");
    expect((await lab.run(["job", "wait", "workflow=bad"])).code).toBe(8);
  });

  test("no command is an error with the help on stderr", async () => {
    const { code, stdout, stderr } = await lab.run(["job"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("explain [options] <jobs...>");
  });
});

test("a reader that goes away ends it quietly", async () => {
  await lab.out("job", "create", "sim", "case=a", "--sweep", "steps=1:3000");
  const line = `'${process.execPath}' '${program}' job ls -n 0 2>err | head -1; echo "\${PIPESTATUS[0]}"`;
  const stdout = await new Promise<string>((resolve, reject) =>
    execFile("bash", ["-c", line], { cwd: lab.home, env: lab.env }, (error, out) =>
      error ? reject(error) : resolve(out),
    ),
  );
  expect(stdout.trim().split("\n").at(-1)).toBe("0");
  expect(await readFile(join(lab.home, "err"), "utf8")).toBe("");
});

test("Ctrl-C ends a wait with 130, and the jobs go on", async () => {
  await lab.out("job", "create", "other", "--workflow", "interrupted");
  const waiting = lab.start(["job", "wait", "workflow=interrupted", "--progress"]);
  await expect.poll(() => waiting.seen.stderr, { timeout: 20_000 }).toContain("0/1");
  waiting.child.kill("SIGINT");
  expect(await waiting.ended).toMatchObject({ code: 130, stdout: "" });
  expect(waiting.seen.stderr).not.toContain("    at ");
  expect(await lab.out("job", "ls", "workflow=interrupted")).toContain("PREPROCESSED");
});

test("inside a site's directory that site is meant, unless --site says otherwise", async () => {
  await using conifer = await lab.connect();
  const there = await conifer.client.call("siteCreate", { body: { name: "there", path: join(lab.home, "there") } });
  await conifer.apps.sync("there", [{ name: "sim", command: "sim" }]);
  const inside = join(lab.home, "there/data/deep");
  await mkdir(inside, { recursive: true });
  await writeFile(
    join(lab.home, "there/.conifer-site.json"),
    JSON.stringify({ siteId: there.id, name: "there", address: "", mark: "00000000" }),
  );
  const { stdout } = await lab.run(["job", "create", "sim", "--json"], { cwd: inside });
  const [id] = JSON.parse(stdout).ids;
  const ids = async (...args: string[]) =>
    (await lab.run(["job", "ls", "--ids", ...args], { cwd: inside })).stdout.trim();
  expect(await ids()).toBe(`${id}`);
  expect(await ids("--site", "here", "--app", "other", "-n", "1")).not.toBe(`${id}`);
  expect((await ids("--site", "all", "-n", "0")).split("\n").length).toBeGreaterThan(3000);
  expect((await lab.run(["job", "rm", "all"], { cwd: inside })).stdout).toBe("deleted 1 job\n");
  const ambiguous = await lab.run(["job", "create", "sim", "case=a"]);
  expect(ambiguous).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("sites here, there have it; name one with --site"),
  });
});

describe("job create", () => {
  const created = async (...args: string[]) => (await lab.json<{ ids: number[] }>("job", "create", ...args)).ids;

  test("makes a job for each line, each combination, and each entry of a JSON file", async () => {
    await writeFile(join(lab.home, "cases.txt"), "a b\n\n$(touch pwned)\nlast");
    const ids = await created(
      "sim",
      "--site",
      "here",
      "--each-line",
      "cases.txt",
      "--sweep",
      "steps=1:2",
      "--workflow",
      "lines",
    );
    expect(ids).toHaveLength(6);
    const { items } = await lab.json<{ items: { parameters: unknown }[] }>("job", "show", ...ids.map(String));
    expect(items.map((job) => job.parameters)).toEqual(
      ["a b", "$(touch pwned)", "last"].flatMap((line) => [1, 2].map((steps) => ({ case: line, steps }))),
    );
    const jobs = [
      { key: "a", app: "other" },
      { app: "other", parents: ["a"], name: "child" },
    ];
    await writeFile(join(lab.home, "jobs.json"), JSON.stringify(jobs));
    await writeFile(join(lab.home, "jobs.ndjson"), jobs.map((job) => `${JSON.stringify(job)}\n`).join(""));
    for (const file of ["jobs.json", "jobs.ndjson"]) {
      const [parent, child] = await created("--from-json", file, "--workflow", "graph", "--site", "here");
      expect(await lab.json("job", "show", `${child}`)).toMatchObject({
        items: [{ name: "child", workflow: "graph", parents: [{ job: parent, when: "ok" }] }],
      });
    }
  });

  test("reads lines from stdin", async () => {
    const { stdout } = await lab.run(["job", "create", "sim", "--site", "here", "--each-line", "-", "--json"], {
      input: "x\ny\n",
    });
    expect(JSON.parse(stdout).ids).toHaveLength(2);
  });

  test("makes as many of each combination as --count says", async () => {
    const sweep = ["sim", "case=a", "--site", "here", "--sweep", "steps=1,2", "--count", "3"];
    const ids = await created(...sweep);
    expect(ids).toHaveLength(6);
    expect(await lab.run(["job", "create", ...sweep, "--count", "0"])).toMatchObject({ code: 2 });
  });

  test("with --dry-run only says what it would do", async () => {
    const before = await lab.json<{ items: unknown[] }>("job", "ls", "--by-state");
    const { stdout } = await lab.run([
      "job",
      "create",
      "sim",
      "case=a",
      "--site",
      "here",
      "--sweep",
      "steps=1:1000000",
      "--dry-run",
    ]);
    expect(stdout).toMatch(
      /^would create 1000000 jobs; the first 3:\n {2}\{"app":\d+,"parameters":\{"case":"a","steps":1\}\}\n/,
    );
    expect(await lab.json("job", "ls", "--by-state")).toEqual(before);
  });

  test("takes every option", async () => {
    const [id] = await created(
      ...[
        "sim",
        "case=a",
        "--site",
        "here",
        "--name",
        "n",
        "--workflow",
        "w",
        "--tag",
        "a=b",
        "--tag",
        "c=d=e",
        "--data",
        '{"x":[1]}',
      ],
      ...[
        "--env",
        "A=1",
        "--priority",
        "-3",
        "--nodes",
        "2",
        "--ranks-per-node",
        "4",
        "--threads-per-rank",
        "2",
        "--threads-per-core",
        "1",
      ],
      ...[
        "--gpus-per-rank",
        "0.5",
        "--memory-per-node",
        "1.5GiB",
        "--node-packing-count",
        "2",
        "--wall-time",
        "90s",
        "--time-limit",
        "2m",
      ],
      ...[
        "--max-attempts",
        "5",
        "--max-losses",
        "1",
        "--retry-on",
        "error,timeout",
        "--launch-option",
        "--bind-to",
        "--workdir",
        "a/b",
        "--parent",
        "1:any",
      ],
    );
    expect(await lab.json("job", "show", `${id}`)).toMatchObject({
      items: [
        {
          ...{
            name: "n",
            workflow: "w",
            tags: { a: "b", c: "d=e" },
            data: { x: [1] },
            environment: { A: "1" },
            priority: -3,
          },
          ...{
            nodes: 2,
            ranksPerNode: 4,
            threadsPerRank: 2,
            threadsPerCore: 1,
            gpusPerRank: 0.5,
            memoryPerNodeBytes: 1610612736,
          },
          ...{
            nodePackingCount: 2,
            wallTimeMin: 1.5,
            limitSec: 120,
            maxAttempts: 5,
            maxLosses: 1,
            retryOn: ["error", "timeout"],
          },
          ...{ launchOptions: ["--bind-to"], workdir: "a/b", parents: [{ job: 1, when: "any" }] },
        },
      ],
    });
  });
});
