/** A server, a site and pilots as processes of their own, started as the site agent would start them. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AppDefinitionInput } from "../../src/app/definition.ts";
import { type Access, readServerDirectory } from "../../src/client/access.ts";
import { type Client, openClient } from "../../src/client/client.ts";
import type { Job, JobCreate, JobEvent } from "../../src/client/wire/entities.ts";
import type { PilotConfigInput } from "../../src/pilot/config.ts";

const dist = process.env.CONIFER_TEST_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url));

/** A process with what it wrote. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  output = "";

  constructor(file: string, args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [join(dist, file), ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    this.exited = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve({ code, signal })));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }> {
    if (this.isRunning) this.child.kill(signal);
    return this.exited;
  }
}

export class PilotProgram extends Program {
  readonly directory: string;

  constructor(directory: string, env: Record<string, string>) {
    super("pilot.js", ["--config", join(directory, "pilot.json")], env);
    this.directory = directory;
  }

  /** What it logged, parsed. */
  get log(): { msg: string; [about: string]: unknown }[] {
    const file = join(this.directory, "pilot.log");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  /** The process id of its node agent, the last one started. */
  get agentPid(): number {
    return Number(this.log.findLast(({ msg }) => msg === "node agent started")?.agent ?? 0);
  }
}

export class Lab implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "conifer-lab-"));
  readonly site = join(this.directory, "site");
  readonly #serverArgs: readonly string[];
  readonly #programs: Program[] = [];
  server: Program;
  client: Client;
  access: Access = { address: "", token: "", fingerprint: null };
  siteId = 0;
  #pilots = 0;

  private constructor(serverArgs: readonly string[]) {
    this.#serverArgs = serverArgs;
    this.server = this.#spawnServer();
    this.client = openClient({ address: "http://127.0.0.1:1", token: "", fingerprint: null });
  }

  /** Starts a server and makes a site with the app `sh`, which runs its parameter `do`. */
  static async open(...serverArgs: string[]): Promise<Lab> {
    const lab = new Lab(serverArgs);
    await lab.#connect();
    mkdirSync(join(lab.site, "data"), { recursive: true });
    lab.siteId = (await lab.client.call("siteCreate", { body: { name: "here", path: lab.site } })).id;
    await lab.app({ name: "sh", command: "{{do|raw}}" });
    return lab;
  }

  async startServer(): Promise<void> {
    this.server = this.#spawnServer();
    await this.#connect();
  }

  async app(definition: AppDefinitionInput): Promise<void> {
    await this.client.call("appSync", { body: { site: this.siteId, apps: [definition as never] } });
  }

  /** Jobs of the app `sh`, or of the one they name; answers their ids. */
  async create(...jobs: (Partial<JobCreate> & { do?: string })[]): Promise<number[]> {
    const body = {
      jobs: jobs.map(({ do: command, ...job }) => ({
        app: "sh",
        ...(command === undefined ? {} : { parameters: { do: command } }),
        ...job,
      })),
    };
    return (await this.client.call("jobCreate", { body })).ids;
  }

  async job(id: number): Promise<Job> {
    return this.client.call("jobGet", { params: { id } });
  }

  async history(id: number): Promise<JobEvent[]> {
    return (await this.client.call("jobHistory", { params: { id } })).items;
  }

  /** Every state a job went through, with the attempt of each step. */
  async states(id: number): Promise<string[]> {
    return (await this.history(id)).filter(({ stale }) => !stale).flatMap(({ path }) => path);
  }

  /** Waits until jobs are in one of these states; throws after a minute with where they are. */
  async until(ids: readonly number[], ...states: string[]): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const jobs = await Promise.all(ids.map((id) => this.job(id)));
      if (jobs.every(({ state }) => states.includes(state))) return;
      if (Date.now() > deadline) {
        const shown = jobs.map(({ id, state, reason }) => `${id} ${state} ${reason}`).join("; ");
        throw new Error(`not ${states.join(" or ")} within a minute: ${shown}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  startPilot(config: Partial<PilotConfigInput> = {}, env: Record<string, string> = {}): PilotProgram {
    this.#pilots += 1;
    const directory = join(this.site, "run", "pilots", String(this.#pilots));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const site = { id: this.siteId, name: "here", directory: this.site };
    const whole: PilotConfigInput = { access: this.access, site, directory, idleSec: null, graceSec: 1, ...config };
    writeFileSync(join(directory, "pilot.json"), JSON.stringify(whole), { mode: 0o600 });
    const pilot = new PilotProgram(directory, env);
    this.#programs.push(pilot);
    return pilot;
  }

  /** The file a job wrote in its workdir, or null. */
  async file(id: number, name: string): Promise<string | null> {
    const path = join(this.site, "data", (await this.job(id)).workdir, name);
    return existsSync(path) ? readFileSync(path, "utf8") : null;
  }

  /** Ends all pilots and jobs, so that the next test finds none. */
  async clear(): Promise<void> {
    await this.#endPilots();
    const { items } = await this.client.call("sessionList", { query: {} });
    for (const { id } of items) await this.client.call("sessionEnd", { params: { id }, query: {} });
    await this.client.call("jobKill", { body: { where: ["id>=1"] } });
  }

  async #endPilots(): Promise<void> {
    for (const program of this.#programs.splice(0)) {
      if (program.isRunning) program.child.kill("SIGTERM");
      const late = setTimeout(() => program.child.kill("SIGKILL"), 20_000);
      await program.exited;
      clearTimeout(late);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endPilots();
    await this.client[Symbol.asyncDispose]();
    await this.server.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  #spawnServer(): Program {
    return new Program("server.js", ["--directory", join(this.directory, "server"), ...this.#serverArgs]);
  }

  async #connect(): Promise<void> {
    const directory = join(this.directory, "server");
    for (let tries = 0; ; tries += 1) {
      const access = await readServerDirectory(directory).catch(() => null);
      if (access) {
        const client = openClient(access, { retries: 0 });
        const isUp = await client.call("status", { timeoutSec: 5 }).then(
          () => true,
          () => false,
        );
        if (isUp) {
          await this.client?.[Symbol.asyncDispose]();
          Object.assign(this, { access, client: openClient(access, { retries: 8 }) });
          await client[Symbol.asyncDispose]();
          return;
        }
        await client[Symbol.asyncDispose]();
      }
      if (!this.server.isRunning || tries > 1500) throw new Error(`the server did not start: ${this.server.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Process ids whose environment holds an entry. */
export function marked(entry: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || pid === process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(entry);
      } catch {
        return false;
      }
    });
}
