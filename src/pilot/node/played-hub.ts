import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { vi } from "vitest";
import { type Channel, openChannel } from "../link/channel.ts";
import type {
  HubMessage,
  NodeHello,
  NodeMessage,
  TaskCleared,
  TaskEnd,
  TaskSpec,
  TaskStart,
} from "../link/messages.ts";
import { readNodeMessage } from "../link/read-message.ts";
import { type NodeAgentOptions, runNodeAgent } from "./index.ts";

/** For tests: the hub's end of a link to a real node agent, in this process or in one of its own. */
export interface PlayedHub extends AsyncDisposable {
  readonly root: string;
  readonly channel: Channel<HubMessage>;
  readonly hello: () => Promise<NodeHello>;
  readonly starts: readonly TaskStart[];
  readonly ends: readonly TaskEnd[];
  readonly notes: readonly string[];
  readonly pongs: readonly number[];
  readonly cleared: readonly TaskCleared[];
  readonly logs: readonly string[];
  /** Starts a task and returns it as sent; what is not given has a plain value. */
  start(task: Partial<TaskSpec> & { command: string }): TaskSpec;
  started(task: TaskSpec): Promise<TaskStart>;
  ended(task: TaskSpec): Promise<TaskEnd>;
  run(task: Partial<TaskSpec> & { command: string }): Promise<TaskEnd>;
  /** A file of a task's workdir. */
  read(task: Pick<TaskSpec, "workdir">, name?: string): string;
  /** Settles when the agent has ended. */
  readonly gone: Promise<unknown>;
  /** Only with `inOwnProcess`. */
  readonly process: ChildProcess | null;
}

type Choice = Partial<NodeAgentOptions> & { inOwnProcess?: boolean; root?: string };

/** Starts an agent with a root of its own. */
export function playHub(choice: Choice = {}): PlayedHub {
  const { inOwnProcess = false, ...options } = choice;
  const root = options.root ?? realpathSync(mkdtempSync(join(tmpdir(), "conifer-test-")));
  const logs: string[] = [];
  const environment = options.environment ?? process.env;
  const ends: TaskEnd[] = [];
  const starts: TaskStart[] = [];
  const notes: string[] = [];
  const pongs: number[] = [];
  const cleared: TaskCleared[] = [];
  let hello: NodeHello | null = null;
  let child: ChildProcess | null = null;
  let readable: Readable;
  let writable: Writable;
  let gone: Promise<unknown>;

  if (inOwnProcess) {
    const { shell, graceSec, gpus } = options;
    child = spawn(
      process.execPath,
      [join(process.env.CONIFER_TEST_DIST ?? "dist", "pilot-node.js"), JSON.stringify({ root, shell, graceSec, gpus })],
      {
        env: environment as NodeJS.ProcessEnv,
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    child.stderr?.on("data", (chunk: Buffer) => logs.push(chunk.toString()));
    if (!child.stdout || !child.stdin) throw new Error("no pipes");
    [readable, writable] = [child.stdout, child.stdin];
    const ending = child;
    gone = new Promise((resolve) => ending.on("exit", (code, signal) => resolve(signal ?? code)));
  } else {
    const [input, output] = [new PassThrough(), new PassThrough()];
    [readable, writable] = [output, input];
    gone = runNodeAgent({ log: (line) => logs.push(line), ...options, input, output, root, environment });
  }
  const channel = openChannel<NodeMessage, HubMessage>({
    readable,
    writable,
    peer: "the node",
    read: readNodeMessage,
    onMessage: (message) => {
      if (message.type === "hello") hello = message;
      else if (message.type === "started") starts.push(...message.tasks);
      else if (message.type === "ended") ends.push(...message.tasks);
      else if (message.type === "cleared") cleared.push(...message.tasks);
      else if (message.type === "pong") pongs.push(message.n);
      else if (message.type === "note") notes.push(message.text);
    },
    onClose: () => {},
  });

  let count = 0;
  const find = <Entry extends { task: string }>(entries: readonly Entry[], { task }: TaskSpec): Promise<Entry> =>
    vi.waitFor(
      () => {
        const entry = entries.find((candidate) => candidate.task === task);
        if (!entry) throw new Error(`nothing yet of task ${task}; notes: ${notes.join("; ")}; log: ${logs.join("; ")}`);
        return entry;
      },
      { timeout: 30_000, interval: 5 },
    );
  const hub: PlayedHub = {
    root,
    channel,
    starts,
    ends,
    notes,
    pongs,
    cleared,
    logs,
    gone,
    process: child,
    hello: () =>
      vi.waitFor(() => {
        if (!hello) throw new Error(`no hello; log: ${logs.join("; ")}`);
        return hello;
      }, 30_000),
    start(task) {
      const name = task.task ?? `${++count}.1`;
      const spec: TaskSpec = { ...plainTask, task: name, workdir: join(root, `w${name}`), ...task };
      channel.send({ type: "start", tasks: [spec] });
      return spec;
    },
    started: (task) => find(starts, task),
    ended: (task) => find(ends, task),
    run: (task) => hub.ended(hub.start(task)),
    read: ({ workdir }, name = "job.out") => readFileSync(join(workdir, name), "utf8"),
    async [Symbol.asyncDispose]() {
      channel.send({ type: "shutdown", graceSec: 0 });
      await gone.catch(() => {});
      if (options.root === undefined) await rm(root, { recursive: true, force: true });
    },
  };
  return hub;
}

const plainTask: Omit<TaskSpec, "task" | "workdir" | "command"> = {
  attempt: 1,
  preamble: null,
  stdout: "job.out",
  stderr: "job.err",
  environment: {},
  cores: null,
  gpus: [],
  threadsPerRank: 1,
  limitSec: null,
  graceSec: 5,
  inputs: [],
  outputs: [],
  steering: null,
  jobFile: null,
};
