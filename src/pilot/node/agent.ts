import { randomBytes } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import { assertNever } from "../../model/errors.ts";
import { type Channel, openChannel } from "../link/channel.ts";
import type { GpuId, HubMessage, NodeMessage } from "../link/messages.ts";
import { readHubMessage } from "../link/read-message.ts";
import { describeNotStarted } from "./finish/task-end.ts";
import { createCorePins } from "./machine/core-pins.ts";
import { ownCores } from "./machine/cores.ts";
import { findGpus, listDirectory, withoutEchoes } from "./machine/gpus.ts";
import { describeMachine } from "./machine/hello.ts";
import { createOutbox } from "./outbox.ts";
import { agentMarker, baseEnvironment, exportedFunctions } from "./prepare/environment.ts";
import { openPrivateFiles } from "./prepare/private-files.ts";
import { openWorkdirRoot } from "./prepare/workdir.ts";
import { createTaskRunner } from "./run-tasks.ts";
import { findProgram } from "./shell/script.ts";
import { createTaskShellPool } from "./shell/task-shell-pool.ts";
import { startReaper } from "./sweep/reaper.ts";
import { createShares } from "./sweep/shares.ts";
import { createSweeper } from "./sweep/sweeper.ts";

export interface NodeAgentOptions {
  /** The link to the hub. */
  readonly input: Readable;
  readonly output: Writable;
  /** Absolute; workdirs and inputs outside of it are refused. */
  readonly root: string;
  /** What tasks' environments start from; Conifer's own variables in it are left out. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Overrides what is found on this machine. */
  readonly gpus?: readonly GpuId[] | undefined;
  /** For tasks whose hub is gone or whose agent is told to stop; default 5. */
  readonly graceSec?: number | undefined;
  /** Shell for the task shells; default dash, else sh. */
  readonly shell?: string | undefined;
  /** Task shells kept while idle; default 64, or one a core where there are more. */
  readonly maxIdleShells?: number | undefined;
  /** A hub that says nothing for so long is gone, milliseconds, and so is an agent that hangs; null (default) = only a closed link tells. */
  readonly silenceMs?: number | null | undefined;
  /** Ends the agent as if the link were gone. */
  readonly stop?: AbortSignal | undefined;
  readonly log: (line: string) => void;
}

/**
 * Runs a node agent until its hub says `shutdown` or goes away; its tasks have ended when the promise resolves. Throws when the root cannot
 * be made or no shell is found.
 */
export async function runNodeAgent(options: NodeAgentOptions): Promise<void> {
  const { graceSec = 5, silenceMs = null, log } = options;
  const agent = randomBytes(8).toString("hex");
  const gpus = options.gpus ?? findGpus({ environment: options.environment, list: listDirectory });
  const base = baseEnvironment(withoutEchoes(options.environment, gpus));
  const path = base.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  const shell = options.shell ?? findProgram("dash", `/usr/bin:/bin:${path}`) ?? "/bin/sh";
  const bash = findProgram("bash", path) ?? findProgram("bash", "/usr/bin:/bin");
  const cores = ownCores();

  const root = openWorkdirRoot(options.root);
  const privateFiles = openPrivateFiles();
  const outbox = createOutbox(() => channel);
  const pins = createCorePins({ own: cores, canPin: findProgram("taskset", path) !== null, note: outbox.note });
  const reaper = startReaper({
    shell,
    environment: base,
    agent,
    watch: silenceMs === null || bash === null ? null : { bash, silenceSec: silenceMs / 1000 },
    privateDirectory: privateFiles.directory,
    onRestart: () => log("the reaper was killed; another one was started"),
  });
  const pool = createTaskShellPool({
    shell,
    environment: { ...base, [agentMarker]: agent },
    allCores: pins.all,
    maxIdle: options.maxIdleShells ?? Math.max(64, cores.length),
    onPinFailed: pins.pinFailed,
    onGroup: (change, group) => (change === "begins" ? reaper.groupBegins(group) : reaper.groupEnds(group)),
  });
  const sweeper = createSweeper({
    agent,
    isRunning: (task) => runner.isRunning(task),
    onStuck: (task, pids) => outbox.note(`processes ${pids.join(", ")} of task ${task} cannot be killed`),
  });
  const shares = createShares({
    onCleared: (tasks) => channel.send({ type: "cleared", tasks }),
    onChange: (change, task) => (change === "begins" ? reaper.shareBegins(task) : reaper.shareEnds(task)),
  });
  const runner = createTaskRunner({
    pool,
    pins,
    root,
    sweeper,
    lines: {
      privateFiles,
      gpuKinds: [...new Set(gpus.map((gpu) => gpu.kind))],
      path,
      bash: bash ?? shell,
      functions: bash === null ? "" : exportedFunctions(options.environment),
    },
    now: Date.now,
    report: outbox,
  });

  let channel: Channel<NodeMessage>;
  await new Promise<void>((resolve) => {
    let isStopping = false;
    let isEmpty = false;
    /** Asked again, it can only become quicker: the link may break while the hub's own grace runs. */
    const stop = async (why: string, withinSec: number): Promise<void> => {
      isStopping = true;
      log(`ending: ${why}`);
      await runner.endAll("allocation-end", withinSec);
      await shares.endAll();
      if (isEmpty) return;
      isEmpty = true;
      outbox.flush();
      if (channel.isClosed) resolve();
      else channel.close();
      // A hub that does not read any more must not keep the agent.
      setTimeout(resolve, 5000).unref();
    };
    let heardAt = performance.now();
    const receive = (message: HubMessage): void => {
      heardAt = performance.now();
      switch (message.type) {
        case "start":
          for (const task of message.tasks)
            if (isStopping) outbox.ended(describeNotStarted(task, Date.now(), "the node agent is ending"), true);
            else runner.start(task);
          return;
        case "end":
          for (const task of message.tasks) runner.end(task);
          return;
        case "share":
          shares.begin(message.begin);
          shares.end(message.end);
          return;
        case "ping":
          channel.send({ type: "pong", n: message.n });
          return;
        case "shutdown":
          void stop("the hub says so", message.graceSec);
          return;
        default:
          assertNever(message);
      }
    };
    channel = openChannel<HubMessage, NodeMessage>({
      readable: options.input,
      writable: options.output,
      peer: "the hub",
      read: readHubMessage,
      onMessage: receive,
      onClose: (error) => {
        if (isEmpty) resolve();
        else void stop(error?.message ?? "the link to the hub was closed", graceSec);
      },
    });
    const listening = silenceMs === null ? null : setInterval(() => listen(silenceMs), silenceMs / 4).unref();
    /** What waits to be read counts as heard: this process may have been the one that was away. */
    const listen = (most: number): void =>
      void setImmediate(() => {
        if (performance.now() - heardAt < most || channel.isClosed) return;
        if (listening) clearInterval(listening);
        channel.abort(`it said nothing for ${most / 1000} s`);
      });
    options.stop?.addEventListener("abort", () => void stop("told to stop", graceSec), { once: true });
    channel.send(describeMachine(agent, cores, gpus));
  });
  sweeper.close();
  pool.close();
  reaper.close();
  privateFiles.close();
}
