/** A server and a site with its agent, each a process of its own, as the command line starts them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import { stringify } from "yaml";
import { readServerDirectory } from "../../src/client/access.ts";
import { type Access, type Client, openClient } from "../../src/client/client.ts";
import type { BatchJob, Job, JobCreate } from "../../src/client/wire/entities.ts";
import { endMarked } from "../../src/platform/processes/marked.ts";
import { initSite, type SiteReport, siteStatus, startSite, stopSite } from "../../src/site/index.ts";
import { type FreshPlace, freshPlace } from "../setup/databases.ts";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
/** In the environment of every process of a lab, so that none outlives it. */
const MARK = "CONIFER_LAB";
/** Also where Conifer's own variables are removed, as for jobs. */
const JOB_MARK = "LAB_OF_TEST";

const WAIT = { timeout: 40_000, interval: 50 };

/** A server of its own, which several labs may share. */
export class LabServer implements AsyncDisposable {
  readonly directory: string;
  access: Access = { address: "", token: "", fingerprint: null };
  client: Client = openClient({ address: "http://127.0.0.1:1", token: "", fingerprint: null });
  process: ChildProcess;
  sites = 0;
  readonly #place: FreshPlace;

  private constructor(directory: string, place: FreshPlace) {
    this.directory = directory;
    this.#place = place;
    process.env[MARK] = directory;
    process.env[JOB_MARK] = directory;
    this.process = this.#spawn();
  }

  static async open(): Promise<LabServer> {
    const directory = await mkdtemp(join(tmpdir(), "conifer-site-lab-"));
    const place = await freshPlace();
    const { options } = place;
    if (options.kind === "pglite") await cp(options.directory, join(directory, "server/pgdata"), { recursive: true });
    const server = new LabServer(directory, place);
    await server.#connect();
    return server;
  }

  /** Starts it again, where it was before. */
  async start(): Promise<void> {
    this.process = this.#spawn();
    await this.#connect();
  }

  async kill(): Promise<void> {
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }

  /** Ends everything that was started for it, agents and jobs included. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await endMarked(`${MARK}=${this.directory}`, 0);
    await endMarked(`${JOB_MARK}=${this.directory}`, 0);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
    await this.#place[Symbol.asyncDispose]();
  }

  #spawn(): ChildProcess {
    const program = join(dist, "server.js");
    const { url } = this.#place;
    const database = url === undefined ? [] : ["--database", url];
    const args = [program, "--directory", join(this.directory, "server"), ...database];
    return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  }

  async #connect(): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await vi.waitFor(async () => {
      this.access = (await readServerDirectory(join(this.directory, "server"))) ?? this.access;
      await using client = openClient(this.access, { retries: 0 });
      await client.call("status", { timeoutSec: 2 });
    }, WAIT);
    this.client = openClient(this.access, { retries: 8 });
  }
}

export class SiteLab implements AsyncDisposable {
  readonly server: LabServer;
  readonly name: string;
  readonly site: string;
  siteId = 0;
  readonly #ownsServer: boolean;

  private constructor(server: LabServer, ownsServer: boolean) {
    server.sites += 1;
    this.server = server;
    this.#ownsServer = ownsServer;
    this.name = `site${server.sites}`;
    this.site = join(server.directory, this.name);
  }

  /** A site without an agent, at a server of its own unless one is given; `settings` over ones that suit a test. */
  static async open(settings: Readonly<Record<string, object>> = {}, server?: LabServer): Promise<SiteLab> {
    const lab = new SiteLab(server ?? (await LabServer.open()), server === undefined);
    const { access, client } = lab.server;
    lab.siteId = (await initSite({ directory: lab.site, name: lab.name, access, client })).siteId;
    await lab.settings(settings);
    return lab;
  }

  get client(): Client {
    return this.server.client;
  }

  get access(): Access {
    return this.server.access;
  }

  async settings(settings: Readonly<Record<string, object>>): Promise<void> {
    const base = { scheduler: { syncSec: 1 }, pilot: { idleSec: 2, graceSec: 1 } };
    const sections = [...new Set([...Object.keys(base), ...Object.keys(settings)])];
    const merged = sections.map((name) => [name, { ...Reflect.get(base, name), ...settings[name] }]);
    await writeFile(join(this.site, "settings.yml"), stringify(Object.fromEntries(merged)), { mode: 0o600 });
  }

  /** Writes a file of the site. */
  async write(path: string, text: string): Promise<void> {
    const file = join(this.site, path);
    mkdirSync(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.site, path), "utf8");
  }

  /** Starts the agent; answers its pid. */
  async start(): Promise<number> {
    return (await startSite({ directory: this.site })).agent.pid;
  }

  async stop(options: { pilots?: boolean } = {}): Promise<boolean> {
    return stopSite({ directory: this.site, ...options });
  }

  /** Kills the agent as the machine would: without a word. */
  async killAgent(): Promise<void> {
    const { agent } = await siteStatus({ directory: this.site });
    if (agent === null) throw new Error("no agent runs");
    process.kill(agent.pid, "SIGKILL");
    await vi.waitFor(async () => expect((await siteStatus({ directory: this.site })).agent).toBeNull(), WAIT);
  }

  async create(...jobs: JobCreate[]): Promise<number[]> {
    const here = jobs.map((job) => ({ site: this.siteId, ...job }));
    return (await this.client.call("jobCreate", { body: { jobs: here } })).ids;
  }

  job(id: number): Promise<Job> {
    return this.client.call("jobGet", { params: { id } });
  }

  async path(id: number): Promise<string[]> {
    const { items } = await this.client.call("jobHistory", { params: { id } });
    return items.filter(({ stale }) => !stale).flatMap(({ path }) => path);
  }

  async submit(change: { nodes?: number; wallTimeMin?: number } = {}): Promise<number> {
    return (await this.client.call("batchJobCreate", { body: { site: this.siteId, wallTimeMin: 10, ...change } })).id;
  }

  batchJob(id: number): Promise<BatchJob> {
    return this.client.call("batchJobGet", { params: { id } });
  }

  async report(): Promise<SiteReport | null> {
    return (await siteStatus({ directory: this.site })).report;
  }

  /** Waits until the server knows so many apps. */
  async untilApps(count: number): Promise<void> {
    const query = { site: this.name };
    await vi.waitFor(
      async () => expect((await this.client.call("appList", { query })).items).toHaveLength(count),
      WAIT,
    );
  }

  /** Waits until all the jobs are in the state. */
  async until(ids: readonly number[], state: string): Promise<void> {
    const states = async () => {
      const jobs = await Promise.all(ids.map((id) => this.job(id)));
      return [...new Set(jobs.map((job) => (job.state === state ? state : `${job.id} ${job.state}: ${job.reason}`)))];
    };
    await vi.waitFor(async () => expect(await states()).toEqual([state]), WAIT);
  }

  async untilBatchJob(id: number, ...states: string[]): Promise<BatchJob> {
    await vi.waitFor(async () => expect(states).toContain((await this.batchJob(id)).state), WAIT);
    return this.batchJob(id);
  }

  /** Ends what runs at the site. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsServer) await this.server[Symbol.asyncDispose]();
    else await this.stop({ pilots: true }).catch(() => undefined);
  }
}
