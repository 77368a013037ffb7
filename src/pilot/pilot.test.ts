import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { FakeClock, settle } from "../../test/setup/fake-clock.ts";
import { offerOf, PlayedServer } from "../../test/setup/played-server.ts";
import { SimulatedNode, type SimulatedRun } from "../../test/setup/simulated-node.ts";
import { ConiferError } from "../model/errors.ts";
import { type PilotConfig, resolvePilotConfig } from "./config.ts";
import type { Hub, HubNode } from "./hub/hub.ts";
import { readJournal } from "./hub/report/journal.ts";
import type { TaskSpec } from "./link/messages.ts";
import { Pilot, type PilotEnd } from "./pilot.ts";

const running: { stop: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const { stop } of running.splice(0)) await stop();
});

interface Options {
  readonly cores?: number;
  readonly config?: Partial<PilotConfig>;
  readonly run?: (spec: TaskSpec) => SimulatedRun;
  readonly prepare?: (server: PlayedServer) => void;
}

/** A pilot with a simulated node and a played server, on a clock that the test moves. */
async function play({ cores = 2, config = {}, run, prepare }: Options = {}) {
  const clock = new FakeClock();
  const server = new PlayedServer(clock);
  prepare?.(server);
  const directory = mkdtempSync(join(tmpdir(), "conifer-pilot-"));
  const logged: string[] = [];
  const resolved = resolvePilotConfig({
    access: { address: "http://x", token: "t", fingerprint: null },
    site: { id: 1, name: "here", directory: "/site" },
    directory,
    relay: false,
    idleSec: null,
    ...config,
  });
  const state: {
    hub: Hub | null;
    node: HubNode | null;
    sim: SimulatedNode;
    hopeless: (why: string) => void;
    /** Whether the server still knew the session when the nodes were told to end. */
    closed: "before the session" | "after it" | null;
  } = {
    closed: null,
    hub: null,
    node: null,
    sim: new SimulatedNode(clock, run),
    hopeless: () => {},
  };
  const connect = (): void => {
    const { hub, sim } = state;
    if (!hub) return;
    const capacity = { cores, gpus: 0, memoryBytes: 0 };
    const promise = { capacity, cores: Array.from({ length: cores }, (_, core) => core), gpus: [] };
    const send = sim.connect((message) => state.node && hub.receive(state.node, message));
    state.node = hub.addNode({ hostname: "sim", agent: "sim", promise, send });
  };
  const pilot = new Pilot(resolved, {
    client: server.client,
    clock,
    random: () => 0.5,
    log: (_level, message, about) => logged.push(`${message} ${JSON.stringify(about ?? {})}`),
    nodes: {
      async open(hub, hopeless) {
        Object.assign(state, { hub, hopeless });
        connect();
        return { capacity: { cores, gpus: 0, memoryBytes: 0 }, nodes: 1 };
      },
      keepNoLonger() {},
      async close() {
        state.closed ??= server.ended.length === 0 ? "before the session" : "after it";
      },
    },
  });
  let end: PilotEnd | null = null;
  const ended = pilot.run().then((how) => {
    end = how;
  });
  await settle();
  running.push({
    stop: async () => {
      server.isDown = false;
      pilot.end("the test is over");
      for (let round = 0; round < 50 && end === null; round += 1) await clock.advance(1000);
      await ended;
    },
  });
  /** Moves the clock in steps until something holds; fails after an hour of it. */
  const until = async (holds: () => boolean, stepMs = 100) => {
    for (let step = 0; step < 3_600_000 / stepMs && !holds(); step += 1) await clock.advance(stepMs);
    expect(holds()).toBe(true);
  };
  const killNode = (why: string): void => {
    const { hub, node } = state;
    state.sim.isDead = true;
    if (hub && node) hub.nodeLost(node, why);
    state.sim = new SimulatedNode(clock, run);
    // Its successor takes a moment to start.
    clock.after(300, connect);
  };
  return { clock, server, pilot, logged, directory, state, until, killNode, end: () => end };
}

test("jobs are taken, run and told of", async () => {
  const { server, until } = await play();
  server.add(offerOf(1), offerOf(2), offerOf(3, { parameters: { x: "a b" } }));
  await until(() => server.states(3).length === 2);
  for (const job of [1, 2, 3]) expect(server.states(job)).toEqual(["RUNNING", "RUN_DONE"]);
  expect(server.reported[0]).toMatchObject({ node: "sim", cores: [0] });
});

test("[B20] a freed core has its next task at once, without asking the server", async () => {
  const { server, until, state, clock } = await play({ cores: 1, run: () => ({ lastsMs: 10 }) });
  server.add(...Array.from({ length: 300 }, (_, job) => offerOf(job + 1)));
  await until(() => state.sim.started.length > 20, 1);
  server.isDown = true;
  const before = state.sim.started.length;
  await clock.advance(500);
  expect(state.sim.started.length - before).toBe(50);
});

test("[B21] of long jobs a pilot takes no more than it can start", async () => {
  const { server, clock, state } = await play({ cores: 4, run: () => ({ lastsMs: 600_000 }) });
  server.add(...Array.from({ length: 100 }, (_, job) => offerOf(job + 1)));
  await clock.advance(1_500_000);
  expect(state.sim.running.size).toBe(4);
  expect(server.held.size).toBeLessThanOrEqual(5);
});

test("of short jobs it takes a second or two ahead, in large requests", async () => {
  const { server, clock } = await play({ cores: 10, run: () => ({ lastsMs: 100 }) });
  server.add(...Array.from({ length: 5000 }, (_, job) => offerOf(job + 1)));
  let most = 0;
  for (let step = 0; step < 1000; step += 1) {
    await clock.advance(10);
    most = Math.max(most, server.held.size);
  }
  expect(server.reported.filter(({ state }) => state === "RUN_DONE").length).toBeGreaterThan(900);
  expect(most).toBeLessThan(250);
  expect(server.count("sessionAcquire")).toBeLessThan(30);
});

test("a pilot that waits for work hears of a new job at once", async () => {
  const { server, clock, state } = await play();
  await clock.advance(10_000);
  expect(server.count("sessionAcquire")).toBe(1);
  server.add(offerOf(1));
  await settle();
  expect(state.sim.running.size).toBe(1);
});

test("an idle pilot asks rarely and renews its lease", async () => {
  const { server, clock } = await play();
  await clock.advance(600_000);
  expect(server.count("sessionAcquire")).toBeLessThan(25);
  expect(server.count("sessionHeartbeat")).toBe(20);
});

test("what another pilot asks for goes back, started or not as the case is", async () => {
  const { server, clock, until, state } = await play({ cores: 1, run: () => ({ lastsMs: 50 }) });
  server.add(...Array.from({ length: 200 }, (_, job) => offerOf(job + 1)));
  await until(() => server.held.size > 20, 10);
  const held = [...server.held.keys()];
  server.say({ giveBack: 5 });
  await settle();
  expect(server.released).toEqual(held.slice(-5).reverse());
  server.say({ giveBack: 10_000 });
  await settle();
  expect(state.sim.running.size).toBe(1);
  await clock.advance(10);
  expect(server.released.length).toBeGreaterThan(10);
});

test("a job that no node can hold goes back with the reason, and the server hears that it never fits", async () => {
  const { server, until } = await play({ cores: 1 });
  server.add(offerOf(1, { ranksPerNode: 2 }));
  await until(() => server.released.length > 0);
  const release = server.calls.find(({ name }) => name === "sessionRelease");
  expect(release?.body).toEqual({ jobs: [1], never: [{ job: 1, why: "no node of this pilot can hold it" }] });
});

test("a killed job that runs is ended and told, one that waits is forgotten", async () => {
  const { server, until, state, clock } = await play({ cores: 1, run: () => ({ lastsMs: null }) });
  server.add(offerOf(1), offerOf(2, { threadsPerRank: 1 }));
  await until(() => state.sim.running.size === 1);
  server.say({ kill: [1] });
  await until(() => server.states(1).includes("USER_KILLED"));
  await until(() => state.sim.running.has("2.1"));
  server.commands = { ...server.commands, kill: [2] };
  await clock.advance(60_000);
  expect(server.states(2)).toEqual(["RUNNING", "USER_KILLED"]);
});

test("what the server calls stale is ended without a word", async () => {
  const { server, until, state } = await play({ run: () => ({ lastsMs: null }) });
  server.stale = [{ job: 1, attempt: 1, why: "another session has it" }];
  server.add(offerOf(1));
  await until(() => state.sim.started.length === 1 && state.sim.running.size === 0);
  expect(server.states(1)).toEqual(["RUNNING"]);
});

test("a job whose command cannot be made fails with the reason, and the pilot lives on", async () => {
  const { server, until } = await play();
  server.add(offerOf(1, { workdir: "../../etc" }), offerOf(2));
  await until(() => server.states(2).length === 2);
  expect(server.reported.find(({ job }) => job === 1)).toMatchObject({
    state: "RUN_ERROR",
    failure: "error",
    reason: expect.stringContaining("leaves its directory"),
  });
});

test("an answer that was lost is asked for again, and nothing is taken twice", async () => {
  const { server, until, state } = await play({ cores: 2, run: () => ({ lastsMs: 5000 }) });
  server.losesAnswers = true;
  server.add(offerOf(1), offerOf(2));
  await until(() => server.held.size === 2);
  expect(state.sim.started).toEqual([]);
  server.losesAnswers = false;
  await until(() => server.states(2).includes("RUN_DONE"));
  expect(state.sim.started.map(({ task }) => task)).toEqual(["1.1", "2.1"]);
});

test("a server away for five minutes costs nothing: tasks run on, reports arrive once", async () => {
  const { server, until, clock, state } = await play({ cores: 2, run: () => ({ lastsMs: 100_000 }) });
  server.add(offerOf(1), offerOf(2));
  await until(() => state.sim.running.size === 2);
  server.isDown = true;
  await clock.advance(300_000);
  server.isDown = false;
  await until(() => server.states(2).includes("RUN_DONE"));
  expect(server.states(1)).toEqual(["RUNNING", "RUN_DONE"]);
  expect(server.sessions).toBe(1);
  server.add(offerOf(3));
  await until(() => server.states(3).includes("RUN_DONE"));
});

test("[B13] a pilot that cannot renew its lease ends its tasks before the lease does, and says so if it may", async () => {
  const { server, until, clock, state } = await play({ run: () => ({ lastsMs: null }) });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  server.isDown = true;
  await clock.advance(579_000);
  expect(state.sim.running.size).toBe(1);
  await clock.advance(10_000);
  expect(state.sim.running.size).toBe(0);
  server.isDown = false;
  await until(() => server.states(1).length === 2);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_TIMEOUT timeout"]);
  server.add(offerOf(2));
  await until(() => server.states(2).includes("RUNNING"));
  expect(server.sessions).toBe(1);
});

test("a pilot that was stopped until its lease ended starts nothing more of what it held", async () => {
  const { server, until, clock, state } = await play({
    cores: 1,
    run: ({ task }) => ({ lastsMs: task === "60.1" ? 900_000 : 10 }),
  });
  server.add(...Array.from({ length: 100 }, (_, job) => offerOf(job + 1)));
  await until(() => state.sim.running.has("60.1"), 1);
  await clock.advance(100);
  const held = state.sim.started.length;
  // Nothing of it happens meanwhile: not its timers, not its calls.
  server.isDown = true;
  clock.skip(900_000);
  await clock.advance(1);
  expect(state.sim.running.size).toBe(0);
  expect(state.sim.started.length).toBe(held);
  Object.assign(server, { isDown: false, isGone: true });
  await until(() => server.sessions === 2);
  expect(state.sim.started.length).toBe(held);
});

test("a job that comes again while its last attempt is still ending waits for that, and runs once", async () => {
  const { server, until, state, clock } = await play({
    cores: 2,
    run: ({ task }) => ({ lastsMs: task === "1.1" ? null : 50 }),
  });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  state.sim.isSlowToEnd = true;
  server.stale = [{ job: 1, attempt: 1, why: "no session holds it" }];
  server.held.delete(1);
  server.add(offerOf(2));
  await until(() => server.states(2).includes("RUN_DONE"));
  server.add(offerOf(1, { attempt: 2 }));
  await clock.advance(500);
  expect(state.sim.started.map(({ task }) => task)).toEqual(["1.1", "2.1"]);
  await until(() => server.states(1).includes("RUN_DONE"));
  expect(state.sim.started.map(({ task }) => task)).toEqual(["1.1", "2.1", "1.2"]);
});

test("a session that is gone takes its tasks along, and another one begins", async () => {
  const { server, until, state } = await play({
    cores: 1,
    run: (spec) => ({ lastsMs: spec.task === "1.1" ? null : 100 }),
  });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  server.isGone = true;
  await until(() => server.sessions === 2);
  expect(state.sim.running.size).toBe(0);
  expect(server.states(1)).toEqual(["RUNNING"]);
  server.add(offerOf(1, { attempt: 2 }));
  await until(() => server.states(1).includes("RUN_DONE"));
});

test("a node agent that dies takes its tasks along: they are lost, and the next ones run on its successor", async () => {
  const { server, until, killNode, state } = await play({
    cores: 1,
    run: (spec) => ({ lastsMs: spec.task === "1.1" ? null : 100 }),
  });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  killNode("killed by the test");
  await until(() => server.states(1).length === 2);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_TIMEOUT lost"]);
  server.add(offerOf(1, { attempt: 2 }));
  await until(() => server.states(1).includes("RUN_DONE"));
  expect(state.sim.started.map(({ task }) => task)).toEqual(["1.2"]);
});

test("[B4] towards its end a pilot takes only what can end, then nothing, then ends what runs", async () => {
  const { server, until, clock, state, end } = await play({
    config: { wallTimeMin: 10, endMarginSec: 60 },
    cores: 3,
    run: () => ({ lastsMs: null }),
  });
  server.add(offerOf(1, { wallTimeMin: 9 }), offerOf(2, { wallTimeMin: 9.5 }), offerOf(3));
  await until(() => state.sim.running.size === 2);
  expect([...state.sim.running.keys()]).toEqual(["1.1", "3.1"]);
  await clock.advance(8.9 * 60_000);
  server.add(offerOf(4, { wallTimeMin: 1 }));
  await clock.advance(60_000);
  expect(state.sim.started.map(({ task }) => task)).toEqual(["1.1", "3.1"]);
  await until(() => end() !== null);
  expect(clock.elapsed()).toBeLessThan(10 * 60_000);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_TIMEOUT timeout"]);
  expect(server.ended).toEqual(["its allocation ends"]);
  expect(end()).toEqual({ reason: "its allocation ends", isFailure: false });
});

test("told to stop, it gives back what has not started, ends the rest and leaves", async () => {
  const { server, until, pilot, end, state } = await play({ cores: 1, run: () => ({ lastsMs: 20 }) });
  server.add(...Array.from({ length: 500 }, (_, job) => offerOf(job + 1)));
  await until(() => server.held.size > 30, 5);
  pilot.end("told to stop by SIGTERM");
  await until(() => end() !== null);
  expect(server.ended).toEqual(["told to stop by SIGTERM"]);
  expect(server.released.length).toBeGreaterThan(20);
  expect(state.sim.running.size).toBe(0);
  const ended = new Set(server.reported.filter(({ state: to }) => to !== "RUNNING").map(({ job }) => job));
  expect(ended.size).toBe(state.sim.started.length);
});

test("a task that dies of the scheduler's signal a moment before the pilot hears it has not failed by itself", async () => {
  const { server, until, pilot, end, clock } = await play({
    run: () => ({ lastsMs: 1000, end: { exitCode: null, signal: "SIGTERM" } }),
  });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  await clock.advance(1500);
  expect(server.states(1)).toEqual(["RUNNING"]);
  pilot.end("told to stop by SIGTERM");
  await until(() => end() !== null);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_TIMEOUT timeout"]);
});

test("a task that dies of the scheduler's signal just as the pilot tells it to end has not failed by itself", async () => {
  const run = () => ({ lastsMs: 1000, end: { exitCode: null, signal: "SIGTERM" } });
  const { server, until, pilot, end, state } = await play({ run });
  // It dies by itself before the node gets to ending it.
  state.sim.isSlowToEnd = true;
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  pilot.end("told to stop by SIGTERM");
  await until(() => end() !== null);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_TIMEOUT timeout"]);
});

test("a task that dies of a signal while the pilot goes on has failed, and that is told a moment later", async () => {
  const { server, until, clock } = await play({
    run: () => ({ lastsMs: 1000, end: { exitCode: null, signal: "SIGTERM" } }),
  });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  await clock.advance(4000);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_ERROR error"]);
});

test("[B17] a node that says nothing any more holds its end up no longer than the grace allows", async () => {
  const { server, until, pilot, end, state, clock } = await play({ run: () => ({ lastsMs: null }) });
  server.add(offerOf(1));
  await until(() => server.states(1).length === 1);
  state.sim.isDead = true;
  const toldAt = clock.elapsed();
  pilot.end("told to stop by SIGTERM");
  await until(() => end() !== null);
  expect(clock.elapsed() - toldAt).toBeLessThan(25_000);
  // What runs there is dead before the server may give the job to another pilot.
  expect(state.closed).toBe("before the session");
  expect(server.ended).toHaveLength(1);
});

test("with nothing to do it leaves after its idle time, and not while something runs", async () => {
  const { server, until, clock, end } = await play({ config: { idleSec: 60 }, run: () => ({ lastsMs: 300_000 }) });
  server.add(offerOf(1));
  await clock.advance(290_000);
  expect(end()).toBeNull();
  await until(() => end() !== null);
  expect(server.states(1)).toEqual(["RUNNING", "RUN_DONE"]);
  expect(end()?.reason).toBe("nothing to do for 60 s");
  expect(clock.elapsed()).toBeLessThan(365_000);
});

test("the server can send a pilot home", async () => {
  const { server, until, end } = await play();
  server.say({ retire: "its batch job was cancelled" });
  await until(() => end() !== null);
  expect(end()).toEqual({ reason: "its batch job was cancelled", isFailure: false });
});

test("nodes that cannot be kept end the pilot with the reason", async () => {
  const { state, until, end } = await play();
  state.hopeless("its node agent died 3 times");
  await until(() => end() !== null);
  expect(end()).toEqual({ reason: "its node agent died 3 times", isFailure: true });
});

test("a server that is not there yet is waited for, one that refuses is not", async () => {
  const late = await play({
    prepare: (server) => {
      server.isDown = true;
    },
  });
  await late.clock.advance(120_000);
  expect(late.end()).toBeNull();
  late.server.isDown = false;
  late.server.add(offerOf(1));
  await late.until(() => late.server.states(1).includes("RUN_DONE"));
  const refused = await play({
    prepare: (server) => {
      Object.defineProperty(server, "client", {
        value: { call: () => Promise.reject(new ConiferError("NOT_LOGGED_IN", { address: "x" })) },
      });
    },
  });
  await refused.until(() => refused.end() !== null);
  expect(refused.end()).toMatchObject({
    isFailure: true,
    reason: expect.stringContaining("does not accept this token"),
  });
});

test("a start is in the journal before the node hears of it", async () => {
  const seen: number[][] = [];
  const { server, until, directory } = await play({
    run: () => {
      seen.push([...(readJournal(directory)?.open.keys() ?? [])]);
      return { lastsMs: 100 };
    },
  });
  server.add(offerOf(7));
  await until(() => server.states(7).length === 2);
  expect(seen).toEqual([[7]]);
  expect(readFileSync(join(directory, "journal.ndjson"), "utf8").split("\n")[1]).toMatch(/"start":\[\[7,1,/);
});

test("[B19] a wide job gets its turn although short ones keep coming", async () => {
  const { server, until, state } = await play({ cores: 4, run: () => ({ lastsMs: 200 }) });
  server.add(...Array.from({ length: 200 }, (_, job) => offerOf(job + 1)));
  server.add(offerOf(1000, { threadsPerRank: 4 }));
  server.add(...Array.from({ length: 2000 }, (_, job) => offerOf(job + 2000)));
  await until(() => server.states(1000).includes("RUN_DONE"), 50);
  expect(state.sim.started.length).toBeLessThan(700);
  expect(state.sim.peak).toBe(4);
});
