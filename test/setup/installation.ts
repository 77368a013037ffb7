/**
 * A whole installation for fault tests: a server, a site with its agent, pilots got through the agent. Each is a process of
 * its own, as for a user, and each can be killed without a word and started again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { AppDefinitionInput } from "../../src/app/definition.ts";
import { readServerDirectory } from "../../src/client/access.ts";
import { type Access, type Client, openClient } from "../../src/client/client.ts";
import type { Job, JobCreate, JobEvent } from "../../src/client/wire/entities.ts";
import type { BodyInput } from "../../src/client/wire/operations.ts";
import { isFinal, type JobState } from "../../src/model/states.ts";
import { allGone, endMarked, findMarked, signal } from "../../src/platform/processes/marked.ts";
import { initSite, siteStatus, startSite, stopSite } from "../../src/site/index.ts";
import { type FreshPlace, freshPlace } from "./databases.ts";

/** In the environment of everything that runs here, jobs included, so that nothing outlives the test. */
const MARK = "INSTALLATION_OF_TEST";
const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const LONGEST_WAIT_MS = 60_000;

export type InstallationOptions = {
  /** Default 600. */
  readonly leaseSec?: number;
  /** Sections of settings.yml, over ones that suit a test. */
  readonly settings?: Readonly<Record<string, object>>;
  readonly apps?: readonly AppDefinitionInput[];
  /** Files of the site, such as apps/x.ts. */
  readonly files?: Readonly<Record<string, string>>;
};

export class Installation implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "conifer-installation-"));
  readonly serverDirectory = join(this.directory, "home/server");
  readonly site = join(this.directory, "site");
  readonly #place: FreshPlace;
  readonly #leaseSec: number;
  access: Access = { address: "", token: "", fingerprint: null };
  client: Client = openClient({ address: "http://127.0.0.1:1", token: "", fingerprint: null });
  server: ChildProcess | null = null;
  siteId = 0;

  private constructor(place: FreshPlace, leaseSec: number) {
    this.#place = place;
    this.#leaseSec = leaseSec;
  }

  /** A server, and a site without an agent. */
  static async open({ leaseSec = 600, settings = {}, apps = [], files = {} }: InstallationOptions = {}) {
    const made = new Installation(await freshPlace(), leaseSec);
    const { options } = made.#place;
    mkdirSync(made.serverDirectory, { recursive: true, mode: 0o700 });
    if (options.kind === "pglite") cpSync(options.directory, join(made.serverDirectory, "pgdata"), { recursive: true });
    await made.startServer();
    const { client, access, site } = made;
    made.siteId = (await initSite({ directory: site, name: "here", access, client })).siteId;
    await made.writeSettings(settings);
    for (const [path, text] of Object.entries(files)) await made.write(path, text);
    for (const { name, ...app } of apps) await made.write(`apps/${name}.yml`, stringify({ name, ...app }));
    await made.register(apps);
    return made;
  }

  /** Settings that suit a test, with these over them. */
  async writeSettings(settings: Readonly<Record<string, object>>): Promise<void> {
    const base = {
      scheduler: { syncSec: 1, maxRunning: 4 },
      pilot: { idleSec: 120, graceSec: 1, endMarginSec: 2 },
    };
    const names = [...new Set([...Object.keys(base), ...Object.keys(settings)])];
    const merged = names.map((name) => [name, { ...Reflect.get(base, name), ...settings[name] }]);
    await writeFile(join(this.site, "settings.yml"), stringify(Object.fromEntries(merged)), { mode: 0o600 });
  }

  /** Registers apps without waiting for an agent to find their files. */
  async register(apps: readonly AppDefinitionInput[]): Promise<void> {
    if (apps.length > 0)
      await this.client.call("appSync", { body: { site: this.siteId, apps: apps as BodyInput<"appSync">["apps"] } });
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.site, path);
    mkdirSync(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  /** A file of the site; empty where there is none. */
  read(path: string): string {
    const file = join(this.site, path);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Starts the server, at the address it had before. */
  async startServer(): Promise<void> {
    const { url } = this.#place;
    const child = spawn(
      process.execPath,
      [
        join(dist, "server.js"),
        ...["--directory", this.serverDirectory, "--lease-sec", String(this.#leaseSec)],
        ...(url === undefined ? [] : ["--database", url]),
      ],
      { stdio: ["ignore", "ignore", "pipe"], env: this.#environment },
    );
    this.server = child;
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    await this.#until(async () => {
      if (!this.#isUp(child)) throw new Error(`the server did not start: ${said}`);
      const access = await readServerDirectory(this.serverDirectory).catch(() => null);
      if (access === null || this.#serverFilePid() !== child.pid) return "no server.json";
      const client = openClient(access, { retries: 8 });
      const isUp = await client.call("health", { timeoutSec: 2 }).catch(() => null);
      if (!isUp) return client[Symbol.asyncDispose]().then(() => "no answer");
      await this.client[Symbol.asyncDispose]();
      this.access = access;
      this.client = client;
      return null;
    });
  }

  /** Kills the server as a power cut of the process would. */
  async killServer(): Promise<void> {
    const { server } = this;
    if (server === null || !this.#isUp(server)) return;
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }

  /** Starts the agent; answers its pid. */
  async startAgent(): Promise<number> {
    const before = process.env[MARK];
    process.env[MARK] = this.directory;
    try {
      return (await startSite({ directory: this.site })).agent.pid;
    } finally {
      if (before === undefined) delete process.env[MARK];
      else process.env[MARK] = before;
    }
  }

  async killAgent(): Promise<void> {
    const { agent } = await siteStatus({ directory: this.site });
    if (agent === null) return;
    signal(agent.pid, "SIGKILL");
    await allGone([agent], LONGEST_WAIT_MS);
  }

  async stopAgent(): Promise<void> {
    await stopSite({ directory: this.site });
  }

  /** Asks for an allocation with a pilot; answers the batch job's id. */
  async submit(change: Partial<BodyInput<"batchJobCreate">> = {}): Promise<number> {
    const body = { site: this.siteId, wallTimeMin: 10, ...change };
    return (await this.client.call("batchJobCreate", { body })).id;
  }

  /** Pids of the pilots that run now: of one batch job, or all. */
  async pilots(batchJob?: number): Promise<number[]> {
    const config = batchJob === undefined ? "run/pilots/" : `run/pilots/${batchJob}/`;
    const pids: number[] = [];
    for (const { pid } of await findMarked(`${MARK}=${this.directory}`)) {
      const [, program, , file] = commandLine(pid);
      if (program?.endsWith("/pilot.js") && file?.includes(join(this.site, config))) pids.push(pid);
    }
    return pids;
  }

  /** Waits for the pilot of a batch job; answers its pid. */
  async pilotOf(batchJob: number): Promise<number> {
    let pids: number[] = [];
    await this.until(`pilot of batch job ${batchJob}`, async () => {
      pids = await this.pilots(batchJob);
      return pids.length > 0;
    });
    return pids[0] ?? 0;
  }

  /** Pids of the node agents of this installation. */
  async nodeAgents(): Promise<number[]> {
    const marked = await findMarked(`${MARK}=${this.directory}`);
    return marked.map(({ pid }) => pid).filter((pid) => commandLine(pid)[1]?.endsWith("/pilot-node.js"));
  }

  /** Kills every process there is but those of jobs, as the kernel does where memory runs out: nobody is left to tidy up. */
  async killEverything(): Promise<void> {
    const { server } = this;
    const exited = server && this.#isUp(server) ? once(server, "exit") : null;
    for (const { pid } of await findMarked(`${MARK}=${this.directory}`)) if (!isOfJob(pid)) signal(pid, "SIGKILL");
    await exited;
  }

  /** Pids of what still carries the mark of a job's attempt. */
  async processesOf(job: number, attempt = 1): Promise<number[]> {
    return (await findMarked(`CONIFER_TASK=${job}.${attempt}`)).map(({ pid }) => pid);
  }

  async create(...jobs: JobCreate[]): Promise<number[]> {
    return (await this.client.call("jobCreate", { body: { jobs } })).ids;
  }

  job(id: number): Promise<Job> {
    return this.client.call("jobGet", { params: { id } });
  }

  async history(id: number): Promise<JobEvent[]> {
    return (await this.client.call("jobHistory", { params: { id } })).items;
  }

  /** Every state a job went through, in order. */
  async path(id: number): Promise<JobState[]> {
    return (await this.history(id)).filter(({ stale }) => !stale).flatMap(({ path }) => path);
  }

  /** All jobs, by id. */
  async jobs(...where: string[]): Promise<Job[]> {
    const items: Job[] = [];
    for (let after: string | undefined; ; ) {
      const query = { where, limit: 10_000, ...(after === undefined ? {} : { after }) };
      const page = await this.client.call("jobList", { query });
      items.push(...page.items);
      if (page.next === null) return items;
      after = page.next;
    }
  }

  /** Waits until every job has ended, whichever way. */
  async untilAllEnded(withinMs = LONGEST_WAIT_MS): Promise<Job[]> {
    let jobs: Job[] = [];
    const isOver = async () => {
      jobs = await this.jobs();
      const open = jobs.filter(({ state }) => !isFinal(state));
      return open.length === 0 ? null : open.map(({ id, state, reason }) => `${id} ${state} ${reason}`).join("; ");
    };
    await this.#until(isOver, withinMs);
    return jobs;
  }

  /** Waits until a job is in one of these states. */
  async untilState(id: number, ...states: JobState[]): Promise<Job> {
    let job = await this.job(id);
    const look = async () => {
      job = await this.job(id);
      return states.includes(job.state) ? null : `job ${id} is ${job.state} ${job.reason}`;
    };
    await this.#until(look);
    return job;
  }

  /** Waits for a condition; `what` says in the error what did not come. */
  async until(what: string, isSo: () => Promise<boolean> | boolean, withinMs = LONGEST_WAIT_MS): Promise<void> {
    await this.#until(async () => ((await isSo()) ? null : what), withinMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await endMarked(`${MARK}=${this.directory}`, 0);
    await this.#place[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...process.env, CONIFER_HOME: join(this.directory, "home"), [MARK]: this.directory };
  }

  #isUp(child: ChildProcess): boolean {
    return child.exitCode === null && child.signalCode === null;
  }

  #serverFilePid(): number | null {
    try {
      return JSON.parse(readFileSync(join(this.serverDirectory, "server.json"), "utf8")).pid;
    } catch {
      return null;
    }
  }

  async #until(missing: () => Promise<string | null>, withinMs = LONGEST_WAIT_MS): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 100)) {
      const what = await missing();
      if (what === null) return;
      if (performance.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what.slice(0, 2000)}`);
      await delay(waitMs);
    }
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function isOfJob(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .some((entry) => entry.startsWith("CONIFER_TASK="));
  } catch {
    return false;
  }
}
