import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { quote } from "../../app/quote.ts";
import type { TaskSpec } from "../link/messages.ts";
import { playHub } from "./played-hub.ts";
import { awkwardText } from "./shell/awkward-text.ts";

describe.each(["/bin/dash", "/bin/bash"])("with task shells of %s", (shell) => {
  test("a task runs in its workdir, writes to its files and reports its start and end", async () => {
    await using hub = playHub({ shell });
    const task = hub.start({ command: "sh -c 'pwd; echo oops >&2; echo $PWD; cat'" });
    const end = await hub.ended(task);
    expect(end).toMatchObject({ reason: "exit", exitCode: 0, signal: null, message: null, missingOutputs: [] });
    expect(hub.read(task)).toBe(`${task.workdir}\n${task.workdir}\n`);
    expect(hub.read(task, "job.err")).toBe("oops\n");
    const start = await hub.started(task);
    expect(start.at).toBe(end.startedAt);
    expect(end.at).toBeGreaterThanOrEqual(start.at);
  });

  test("quoted values arrive as they are, as words, in the environment and in names, and nothing in them executes", async () => {
    await using hub = playHub({ shell });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(awkwardText, { maxLength: 6 }), fc.boolean(), async (values, throughBash) => {
        const name = `${++number} 'x'\n$(touch hacked)Á`;
        const task = hub.start({
          command: ["/usr/bin/printf", "%s\\0", ...values].map(quote).join(" ") + (throughBash ? " && :" : ""),
          environment: { VALUE: values.join(";") },
          workdir: join(hub.root, name),
          stdout: `out ${name}`,
        });
        expect(await hub.ended(task)).toMatchObject({ reason: "exit", exitCode: 0 });
        expect(hub.read(task, task.stdout)).toBe(`${values.join("\0")}\0`);
        expect(readdirSync(task.workdir)).toEqual(["job.err", task.stdout].sort());
        const environment = hub.start({ command: "/usr/bin/printenv VALUE", environment: task.environment });
        await hub.ended(environment);
        expect(hub.read(environment)).toBe(`${values.join(";")}\n`);
      }),
      { numRuns: 100 },
    );
    expect(existsSync(join(hub.root, "hacked"))).toBe(false);
  });

  test("a failing task tells its exit code and the last lines of its stderr", async () => {
    await using hub = playHub({ shell });
    const end = await hub.run({ command: "for i in $(seq 20); do echo line $i >&2; done; exit 7" });
    expect(end).toMatchObject({ reason: "exit", exitCode: 7, signal: null });
    expect(end.stderrTail.split("\n")).toEqual(Array.from({ length: 10 }, (_, i) => `line ${i + 11}`));
  });

  test("death by a signal is told by the signal's name, with or without a shell in between", async () => {
    await using hub = playHub({ shell });
    const direct = await hub.run({ command: `${process.execPath} -e 'process.kill(process.pid,"SIGSEGV")'` });
    expect(direct).toMatchObject({ reason: "exit", exitCode: null, signal: "SIGSEGV" });
    expect(await hub.run({ command: "kill -ABRT $$" })).toMatchObject({ exitCode: null, signal: "SIGABRT" });
  });

  test("a command that is not there fails with 127 and says its name", async () => {
    await using hub = playHub({ shell });
    const end = await hub.run({ command: "no-such-program 1" });
    expect(end).toMatchObject({ reason: "exit", exitCode: 127 });
    expect(end.stderrTail).toMatch(/no-such-program: (command )?not found/);
  });

  test("a syntax error, a killed group and a removed workdir leave the task shell fit for the next task", async () => {
    await using hub = playHub({ shell, maxIdleShells: 1 });
    const broken = await hub.run({ command: "if then (" });
    expect(broken.exitCode).toBeGreaterThan(0);
    expect(broken.stderrTail).toMatch(/syntax error/i);
    expect(await hub.run({ command: "kill -TERM 0; wait" })).toMatchObject({ signal: "SIGTERM" });
    const removed = hub.start({ command: 'rm -r "$PWD"' });
    await hub.ended(removed);
    const after = hub.start({ command: "pwd" });
    expect(await hub.ended(after)).toMatchObject({ exitCode: 0 });
    expect(hub.read(after)).toBe(`${after.workdir}\n`);
    const pids = new Set(hub.starts.map((start) => start.pid));
    expect(pids.size).toBe(1);
  });

  test("a task told to end gets SIGTERM and may end in order", async () => {
    await using hub = playHub({ shell });
    const task = hub.start({ command: "trap 'echo saved; exit 3' TERM; echo ready; sleep 1000 & wait" });
    await vi.waitFor(() => expect(hub.read(task)).toBe("ready\n"));
    hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 30, reason: "released" }] });
    expect(await hub.ended(task)).toMatchObject({ reason: "killed", exitCode: 3, signal: null });
    expect(hub.read(task)).toBe("ready\nsaved\n");
  });

  test("a task whose workdir or stdout cannot be opened did not start, and says so", async () => {
    await using hub = playHub({ shell });
    const long = "x".repeat(300);
    const end = await hub.run({ command: "true", stdout: long });
    expect(end).toMatchObject({ reason: "not-started" });
    expect(await hub.run({ command: "true", workdir: join(hub.root, long) })).toMatchObject({
      reason: "not-started",
      startedAt: null,
      message: expect.stringMatching(/ENAMETOOLONG/),
    });
  });
});

test("tasks get Conifer's variables, the agent's environment and their own, and none of the agent's secrets", async () => {
  await using hub = playHub({
    environment: {
      PATH: process.env.PATH,
      HOME: "/home/me",
      CONIFER_TOKEN: "secret",
      CONIFER_JOB_FILE: "/of/another/job",
      CONIFER_TASK: "outer.1",
    },
    gpus: [
      { kind: "cuda", id: "0" },
      { kind: "cuda", id: "1" },
      { kind: "rocr", id: "0" },
    ],
  });
  const task = hub.start({
    command: "env -0",
    environment: { SEED: "17", HOME: "/other" },
    threadsPerRank: 4,
    gpus: [
      { kind: "cuda", id: "1" },
      { kind: "cuda", id: "0" },
      { kind: "ze", id: "0.1" },
    ],
  });
  await hub.ended(task);
  const environment = Object.fromEntries(
    hub
      .read(task)
      .split("\0")
      .filter(Boolean)
      .map((entry) => entry.split(/=(.*)/s).slice(0, 2)),
  );
  expect(environment).toMatchObject({
    SEED: "17",
    HOME: "/other",
    CONIFER_TASK: task.task,
    OMP_NUM_THREADS: "4",
    CUDA_VISIBLE_DEVICES: "1,0",
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    ROCR_VISIBLE_DEVICES: "",
    ZE_AFFINITY_MASK: "0.1",
  });
  expect(
    Object.keys(environment)
      .filter((name) => name.startsWith("CONIFER_"))
      .sort(),
  ).toEqual(["CONIFER_NODE_AGENT", "CONIFER_TASK"]);
});

test.each([
  [{ "A-B": "1" }, /"A-B".*not a name/],
  [{ "X;touch hacked": "1" }, /touch hacked.*not a name/],
  [{ A: "a\0b" }, /A: the value holds a NUL/],
  [{ A: "\ud800" }, /A: the value is not valid Unicode/],
  [{ PPID: "1" }, /PPID: reserved/],
  [{ CONIFER_TASK: "1.1" }, /CONIFER_TASK: reserved/],
  [{ BIG: "x".repeat(140_000) }, /BIG: longer than/],
])(
  "an environment that cannot be set keeps the task from starting, naming the variable",
  async (environment: Record<string, string>, message) => {
    await using hub = playHub();
    expect(await hub.run({ command: "true", environment })).toMatchObject({
      reason: "not-started",
      message: expect.stringMatching(message),
    });
  },
);

test("a NUL in the command keeps the task from starting", async () => {
  await using hub = playHub();
  for (const command of ["echo a\0b", "echo a\0b; echo"])
    expect(await hub.run({ command })).toMatchObject({ reason: "not-started", message: expect.stringMatching(/NUL/) });
});

test("the preamble runs before the command in the same shell, and exported shell functions are known there", async () => {
  await using hub = playHub({
    environment: { PATH: process.env.PATH, "BASH_FUNC_module%%": '() {  echo "module $1"; MODULE=$1\n}' },
  });
  const task = hub.start({ preamble: "module load\nX=3", command: 'echo "$X $MODULE"' });
  await hub.ended(task);
  expect(hub.read(task)).toBe("module load\n3 load\n");
});

test("a parameter of 10 MB reaches the shell's builtins whole, and is too long for any other program", async () => {
  await using hub = playHub();
  const parameter = quote("its; ".repeat(2_000_000));
  const task = hub.start({ command: `printf %s ${parameter}` });
  expect(await hub.ended(task)).toMatchObject({ exitCode: 0 });
  expect(statSync(join(task.workdir, "job.out")).size).toBe(10_000_000);
  const end = await hub.run({ command: `/usr/bin/printf %s ${parameter}` });
  expect(end).toMatchObject({ reason: "exit", exitCode: 126, stderrTail: expect.stringMatching(/too long/) });
});

test("stdout and stderr may share one file", async () => {
  await using hub = playHub();
  const task = hub.start({ command: "echo a; echo b >&2; exit 1", stderr: "job.out" });
  expect((await hub.ended(task)).stderrTail).toBe("a\nb");
});

test.each([
  ["/etc/conifer-test", "elsewhere"],
  ["ROOT/../conifer-escaped", "upwards"],
  ["relative/dir", "relative"],
  ["ROOT/link/made", "through a link"],
  ["ROOT/link", "a link itself"],
  ["ROOT/a\0b", "NUL"],
])("a workdir outside of the root is refused and not made: %s", async (workdir) => {
  await using hub = playHub();
  const outside = `${hub.root}-outside`;
  mkdirSync(outside);
  symlinkSync(outside, join(hub.root, "link"));
  try {
    const end = await hub.run({ command: "true", workdir: workdir.replace("ROOT", hub.root) });
    expect(end).toMatchObject({ reason: "not-started", message: expect.stringMatching(/leaves its directory/) });
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(join(dirname(hub.root), "conifer-escaped"))).toBe(false);
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("a parent directory that becomes a link out of the root is noticed", async () => {
  await using hub = playHub();
  const outside = `${hub.root}-outside`;
  mkdirSync(outside);
  try {
    const workdir = (name: string) => join(hub.root, "campaign", name);
    expect(await hub.run({ command: "true", workdir: workdir("a") })).toMatchObject({ exitCode: 0 });
    rmSync(join(hub.root, "campaign"), { recursive: true });
    symlinkSync(outside, join(hub.root, "campaign"));
    expect(await hub.run({ command: "true", workdir: workdir("b") })).toMatchObject({ reason: "not-started" });
    expect(readdirSync(outside)).toEqual([]);
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("names of output files that are paths are refused", async () => {
  await using hub = playHub();
  for (const stdout of ["../x", "a/b", "", "..", "a\0"])
    expect(await hub.run({ command: "true", stdout })).toMatchObject({
      reason: "not-started",
      message: expect.stringMatching(/stdout/),
    });
  expect(await hub.run({ command: "true", outputs: ["../x"] })).toMatchObject({ reason: "not-started" });
});

test("a retry keeps the workdir and renames the earlier stdout and stderr by attempt", async () => {
  await using hub = playHub();
  const workdir = join(hub.root, "job");
  await hub.run({ task: "9.1", command: "echo one; echo e1 >&2; touch state", workdir });
  await hub.run({ task: "9.2", attempt: 2, command: "echo two", workdir });
  await hub.run({ task: "9.4", attempt: 4, command: "echo four; ls state", workdir });
  const read = (name: string) => hub.read({ workdir }, name);
  expect([read("job.1.out"), read("job.1.err"), read("job.3.out"), read("job.out")]).toEqual([
    "one\n",
    "e1\n",
    "two\n",
    "four\nstate\n",
  ]);
  await hub.run({ task: "10.2", attempt: 2, command: "echo other", workdir });
  expect([read("job.1.out"), read("job.2.out")]).toEqual(["one\n", "four\nstate\n"]);
});

test("inputs of another workdir are linked or copied in, and what is there already stays", async () => {
  await using hub = playHub();
  const parent = hub.start({
    command: "mkdir -p sub && echo grid > grid.dat && echo x > sub/x.txt && echo y > sub/y.txt && echo no > .hidden",
  });
  await hub.ended(parent);
  const task = hub.start({
    command: "cat grid.dat sub/*.txt; echo changed > sub/x.txt",
    inputs: [
      { fromDirectory: parent.workdir, patterns: ["grid.dat", "none-*"], mode: "link" },
      { fromDirectory: parent.workdir, patterns: ["**/*.txt"], mode: "copy" },
    ],
  });
  expect(await hub.ended(task)).toMatchObject({ exitCode: 0 });
  expect(hub.read(task)).toBe("grid\nx\ny\n");
  const again = hub.start({ ...task, task: "2.2", attempt: 2, command: "cat sub/x.txt" });
  await hub.ended(again);
  expect(hub.read(again)).toBe("changed\n");
  expect(hub.read(parent, "sub/x.txt")).toBe("x\n");
  expect(readdirSync(task.workdir).sort()).toEqual(["grid.dat", "job.1.err", "job.1.out", "job.err", "job.out", "sub"]);
});

test("an input that matches the task's own stdout does not let it write into the other workdir", async () => {
  await using hub = playHub();
  const parent = hub.start({ command: "echo parent > job.out.bak; echo parent" });
  await hub.ended(parent);
  const task = hub.start({
    command: "echo child",
    inputs: [{ fromDirectory: parent.workdir, patterns: ["*"], mode: "link" }],
  });
  await hub.ended(task);
  expect([hub.read(parent), hub.read(task), hub.read(task, "job.out.bak")]).toEqual([
    "parent\n",
    "child\n",
    "parent\n",
  ]);
});

test("inputs that are missing or lie outside of the root keep the task from starting", async () => {
  await using hub = playHub();
  const parent = hub.start({ command: "ln -s /etc/hostname out.dat" });
  await hub.ended(parent);
  const attempts: [string, string, RegExp][] = [
    [parent.workdir, "grid.dat", /grid\.dat is not in/],
    [parent.workdir, "out.*", /leaves its directory/],
    [parent.workdir, "../*", /leaves its directory/],
    ["/etc", "hostname", /leaves its directory/],
    [join(hub.root, "gone"), "x", /does not exist/],
  ];
  for (const [fromDirectory, pattern, message] of attempts)
    expect(
      await hub.run({ command: "true", inputs: [{ fromDirectory, patterns: [pattern], mode: "link" }] }),
    ).toMatchObject({
      reason: "not-started",
      message: expect.stringMatching(message),
    });
});

test("a task told to end while its inputs are being copied never starts", async () => {
  await using hub = playHub();
  writeFileSync(join(hub.root, "big"), Buffer.alloc(50_000_000));
  const task = hub.start({ command: "true", inputs: [{ fromDirectory: hub.root, patterns: ["big"], mode: "copy" }] });
  hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 5, reason: "killed" }] });
  expect(await hub.ended(task)).toMatchObject({ reason: "killed", startedAt: null, exitCode: null });
  expect(hub.starts).toEqual([]);
});

test("the job file is the owner's alone, holds address and token, and goes with the task", async () => {
  await using hub = playHub();
  const task = hub.start({
    command:
      'echo "$CONIFER_JOB_FILE"; stat -c %a "$CONIFER_JOB_FILE" "$(dirname "$CONIFER_JOB_FILE")"; cat "$CONIFER_JOB_FILE"; cat /proc/$$/cmdline',
    jobFile: { job: 5, attempt: 1, site: 2 },
    steering: { address: "unix:/run/pilot.sock", token: "tok-123" },
  });
  await hub.ended(task);
  const [file = "", fileMode, directoryMode, content = ""] = hub.read(task).split("\n");
  expect([fileMode, directoryMode]).toEqual(["600", "700"]);
  expect(JSON.parse(content)).toEqual({
    job: 5,
    attempt: 1,
    site: 2,
    address: "unix:/run/pilot.sock",
    token: "tok-123",
  });
  expect(existsSync(file)).toBe(false);
});

test("[B11] no value of the environment shows in any process's arguments", async () => {
  await using hub = playHub();
  const environment = { SECRET: `hush-${Math.random()}` };
  for (const command of ["sleep 1000", "sleep 1000; true"]) {
    const task = hub.start({ command, environment });
    await vi.waitFor(() => expect(commandLines()).toContain("sleep 1000"));
    expect(commandLines()).not.toContain(environment.SECRET);
    hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 0, reason: "killed" }] });
    await hub.ended(task);
  }
});

function commandLines(): string {
  const read = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(read)
    .join("\n");
}

test("outputs that nothing matches are named after exit 0, and not after a failure", async () => {
  await using hub = playHub();
  const outputs = ["events.json", "part-*.dat", "deep/**/x?.txt", "none.txt", "none-*.dat", "deep/[!z]*.log"];
  const command = "touch events.json part-7.dat && mkdir -p deep/a/b && touch deep/a/b/x1.txt";
  expect(await hub.run({ command, outputs })).toMatchObject({
    exitCode: 0,
    reason: "exit",
    missingOutputs: ["none.txt", "none-*.dat", "deep/[!z]*.log"],
  });
  expect(await hub.run({ command: "false", outputs })).toMatchObject({ exitCode: 1, missingOutputs: [] });
});

test("a task is pinned to its cores, and its task shell to others later", async () => {
  await using hub = playHub({ maxIdleShells: 1 });
  const { cpus } = await hub.hello();
  const [first = 0] = cpus;
  const affinity = async (cores: number[] | null) => {
    const task = hub.start({ command: "grep Cpus_allowed_list /proc/self/status", cores });
    await hub.ended(task);
    return hub.read(task).split(/\s+/)[1];
  };
  expect(await affinity([first])).toBe(String(first));
  const all = await affinity(null);
  expect(await affinity([...cpus])).toBe(all);
  expect(await affinity([cpus.at(-1) ?? 0])).toBe(String(cpus.at(-1)));
  expect(hub.notes).toEqual([]);
});

test("where more cores are promised than there are, tasks run unpinned and that is said once", async () => {
  await using hub = playHub();
  for (const core of [1000, 1001])
    expect(await hub.run({ command: "true", cores: [core] })).toMatchObject({ exitCode: 0 });
  expect(hub.notes).toEqual([expect.stringMatching(/1000 were promised.*unpinned/)]);
});

test("a task that comes after another starts when that has ended, and at once when it has already", async () => {
  await using hub = playHub();
  const first = hub.start({ command: "until [ -e go ]; do sleep 0.02; done; date +%s%N" });
  const second = hub.start({ command: "date +%s%N", after: first.task });
  const third = hub.start({ command: "date +%s%N", after: second.task });
  const other = hub.start({ command: "true" });
  await hub.ended(other);
  expect(hub.starts.map((start) => start.task).sort()).toEqual([first.task, other.task].sort());
  writeFileSync(join(first.workdir, "go"), "");
  await hub.ended(third);
  expect(hub.ends.map((end) => end.task)).toEqual([other, first, second, third].map((task) => task.task));
  const times = [first, second, third].map((task) => hub.read(task));
  expect(times).toEqual(times.toSorted());
  expect(await hub.run({ command: "true", after: first.task })).toMatchObject({ exitCode: 0 });
});

test("a task behind another in the same workdir leaves it its stderr", async () => {
  await using hub = playHub();
  const first = hub.start({ command: "sleep 0.2; echo first >&2; exit 1", outputs: ["*"] });
  const second = hub.start({ command: "echo second >&2; exit 1", after: first.task, workdir: first.workdir });
  expect((await hub.ended(first)).stderrTail).toBe("first");
  expect((await hub.ended(second)).stderrTail).toBe("second");
  expect(hub.read(first, "job.1.err")).toBe("first\n");
});

test("a FIFO in the place of stderr does not hold the agent up", async () => {
  await using hub = playHub();
  expect(await hub.run({ command: "rm job.err; mkfifo job.err; exit 1" })).toMatchObject({
    exitCode: 1,
    stderrTail: "",
  });
});

test("a waiting task that is told to end never runs, one behind a killed task does", async () => {
  await using hub = playHub();
  const first = hub.start({ command: "sleep 1000" });
  const dropped = hub.start({ command: "true", after: first.task });
  const next = hub.start({ command: "true", after: first.task });
  const end = (task: string) => hub.channel.send({ type: "end", tasks: [{ task, graceSec: 100, reason: "released" }] });
  end(dropped.task);
  expect(await hub.ended(dropped)).toMatchObject({ reason: "killed", startedAt: null });
  end(first.task);
  expect(await hub.ended(next)).toMatchObject({ reason: "exit", exitCode: 0 });
});

test("a task in the middle of a line that is told to end lets none behind it start early", async () => {
  await using hub = playHub();
  const first = hub.start({ command: "sleep 0.5; date +%s%N" });
  const second = hub.start({ command: "true", after: first.task });
  const third = hub.start({ command: "date +%s%N", after: second.task });
  const end = { graceSec: 0, reason: "released" as const, onlyWaiting: true };
  hub.channel.send({ type: "end", tasks: [{ ...end, task: second.task }] });
  expect(await hub.ended(second)).toMatchObject({ startedAt: null });
  await hub.ended(third);
  expect(Number(hub.read(third))).toBeGreaterThan(Number(hub.read(first)));
});

test("a task that no longer waits is left alone where only a waiting one was meant", async () => {
  await using hub = playHub();
  const task = hub.start({ command: "sleep 0.3; echo whole" });
  await hub.started(task);
  const end = { task: task.task, graceSec: 0, reason: "released" as const, onlyWaiting: true };
  hub.channel.send({ type: "end", tasks: [end] });
  expect(await hub.ended(task)).toMatchObject({ reason: "exit", exitCode: 0 });
  expect(hub.read(task)).toBe("whole\n");
});

test("a task that signals its whole group does not keep those behind it from running, once each", async () => {
  await using hub = playHub();
  const first = hub.start({ command: "trap '' USR1 TERM; sleep 0.2; kill -USR1 0; kill -TERM 0; sleep 0.1" });
  const second = hub.start({ command: "echo second", after: first.task });
  const third = hub.start({ command: "echo third", after: second.task });
  const fourth = hub.start({ command: "echo fourth", after: third.task });
  for (const task of [first, second, third, fourth]) expect(await hub.ended(task)).toMatchObject({ exitCode: 0 });
  expect([second, third, fourth].map((task) => hub.read(task))).toEqual(["second\n", "third\n", "fourth\n"]);
  expect(hub.starts.map((start) => start.task)).toHaveLength(4);
});

test.each([
  [1, "/bin/dash"],
  [2, "/bin/bash"],
  [3, "/bin/dash"],
])("ends and limits at any moment hit the tasks they are for and no others (seed %d, %s)", async (seed, shell) => {
  await using hub = playHub({ shell });
  const random = numbers(seed);
  /** Told to end, or with a limit; and told to end only if still waiting. */
  const told = new Set<string>();
  const takenBack = new Set<string>();
  const all: TaskSpec[] = [];
  const runLine = async () => {
    const line: TaskSpec[] = [];
    for (let i = 0; i < 60; i++) {
      const command = random() < 0.7 ? "/bin/true" : `/bin/sleep 0.0${Math.floor(random() * 9)}`;
      const limitSec = random() < 0.1 ? random() * 0.03 : null;
      const task = hub.start({ command, after: line.at(-1)?.task ?? null, limitSec });
      all.push(task);
      line.push(task);
      if (limitSec !== null) told.add(task.task);
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
      for (const { task } of line.filter(() => random() < 0.1)) {
        const onlyWaiting = random() < 0.5;
        (onlyWaiting ? takenBack : told).add(task);
        const graceSec = random() < 0.5 ? 0 : 100;
        hub.channel.send({ type: "end", tasks: [{ task, graceSec, reason: "killed", onlyWaiting }] });
      }
      const left = 1 + Math.floor(random() * 3);
      while (line.length > left) await hub.ended(line.shift() as TaskSpec);
    }
    await Promise.all(line.map((task) => hub.ended(task)));
  };
  await Promise.all([runLine(), runLine(), runLine(), runLine()]);

  const endOf = new Map(hub.ends.map((end) => [end.task, end]));
  expect(hub.ends).toHaveLength(all.length);
  const wrong = [...endOf.values()].filter((end) => {
    const ranWhole = end.reason === "exit" && end.exitCode === 0;
    return !ranWhole && !told.has(end.task) && !(takenBack.has(end.task) && end.startedAt === null);
  });
  expect(wrong).toEqual([]);
  const traces = all.map(({ task, workdir }) => ({
    neverRan: endOf.get(task)?.startedAt === null,
    ranWhole: endOf.get(task)?.exitCode === 0,
    hasOutput: existsSync(join(workdir, "job.out")),
    ranTwice: existsSync(join(workdir, "job.1.out")),
  }));
  expect(traces.filter((trace) => trace.neverRan && trace.hasOutput)).toEqual([]);
  expect(traces.filter((trace) => (trace.ranWhole && !trace.hasOutput) || trace.ranTwice)).toEqual([]);
  expect(traces.some((trace) => trace.neverRan)).toBe(true);
  expect(hub.ends.some((end) => end.signal !== null)).toBe(true);
});

/** Numbers from 0 to 1 that are the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

test("idle task shells are bounded", async () => {
  await using hub = playHub({ maxIdleShells: 2 });
  const tasks = Array.from({ length: 10 }, () => hub.start({ command: "sleep 0.2" }));
  await Promise.all(tasks.map((task) => hub.ended(task)));
  const taskShells = hub.starts.map((start) => start.pid);
  expect(new Set(taskShells).size).toBe(10);
  await vi.waitFor(() => expect(taskShells.filter((pid) => existsSync(`/proc/${pid}`))).toHaveLength(2));
});

test.each([
  ["there is no taskset", ["true"], /no taskset/],
  ["taskset fails", ["true", "taskset"], /taskset could not pin/],
])("where %s, tasks run unpinned and that is said once", async (_, tools, message) => {
  const directory = mkdtempSync(join(tmpdir(), "conifer-test-"));
  for (const tool of tools) symlinkSync(tool === "true" ? "/bin/true" : "/bin/false", join(directory, tool));
  try {
    await using hub = playHub({ environment: { PATH: directory }, maxIdleShells: 1 });
    const { cpus } = await hub.hello();
    for (const cores of [cpus.slice(0, 1), cpus.slice(-1)])
      expect(await hub.run({ command: "true", cores })).toMatchObject({ exitCode: 0 });
    expect(hub.notes).toEqual([expect.stringMatching(message)]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("one task started twice runs once", async () => {
  await using hub = playHub();
  const task = hub.start({ command: "sleep 0.2; echo once" });
  hub.start(task);
  await hub.ended(task);
  await hub.run({ command: "true" });
  expect(hub.ends.filter((end) => end.task === task.task)).toHaveLength(1);
  expect(hub.read(task)).toBe("once\n");
});
