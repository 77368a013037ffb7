/** The real binary against a real server, each lab in a home of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readServerDirectory } from "../../src/client/access.ts";
import { type Conifer, connect } from "../../src/client/connect.ts";

export const program = process.env.CONIFER_TEST_PROGRAM ?? join(process.cwd(), "bin/conifer.js");

export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type RunOptions = { readonly cwd?: string; readonly env?: Record<string, string>; readonly input?: string };

export type CliLab = AsyncDisposable & {
  readonly home: string;
  readonly env: Record<string, string>;
  /** Runs the binary to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Runs it and answers stdout; throws where the exit code is not 0. */
  out(...args: string[]): Promise<string>;
  /** The same, with --json read. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  /** Runs it on a terminal of its own, `columns` wide; what it shows is stdout. */
  onTerminal(args: readonly string[], options?: RunOptions & { columns?: number }): Promise<Outcome>;
  /** Starts it; whoever does, ends it. */
  start(args: readonly string[], options?: RunOptions): Started;
  connect(): Promise<Conifer>;
};
export type Started = {
  readonly child: ChildProcess;
  readonly seen: { stdout: string; stderr: string };
  readonly ended: Promise<Outcome>;
};

/** A home without a server. */
export function openCliLab(): CliLab {
  const home = mkdtempSync(join(tmpdir(), "conifer-cli-"));
  const env = {
    ...withoutConifer(),
    CONIFER_HOME: join(home, "conifer"),
    CONIFER_MACHINE: "laptop",
    TERM: "xterm-256color",
  };
  const start: CliLab["start"] = (args, options = {}) =>
    launch(process.execPath, [program, ...args], { cwd: home, ...options, env: { ...env, ...options.env } });
  const run: CliLab["run"] = async (args, options) => start(args, options).ended;
  const out: CliLab["out"] = async (...args) => {
    const { code, stdout, stderr } = await run(args);
    if (code !== 0) throw new Error(`conifer ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  };
  return {
    home,
    env,
    run,
    out,
    json: async (...args) => JSON.parse(await out(...args, "--json")),
    async onTerminal(args, { columns = 80, ...options } = {}) {
      const words = [process.execPath, program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
      const command = `stty cols ${columns} rows 30; ${words}`;
      const child = launch("script", ["-qec", command, "/dev/null"], {
        cwd: home,
        ...options,
        env: { ...env, ...options.env },
      });
      return child.ended;
    },
    start,
    async connect() {
      const access = await readServerDirectory(join(env.CONIFER_HOME, "server"));
      if (!access) throw new Error("the lab has no server");
      return connect({ access, env: {} });
    },
    async [Symbol.asyncDispose]() {
      await run(["server", "stop"]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A home with a server, a site `here` and apps `sim` and `other` (nothing runs there). */
export async function openServedLab(): Promise<CliLab> {
  const lab = openCliLab();
  await lab.out("server", "start");
  await using conifer = await lab.connect();
  await conifer.client.call("siteCreate", { body: { name: "here", path: join(lab.home, "here") } });
  await conifer.apps.sync("here", [
    {
      name: "sim",
      description: "Simulates",
      command: "sim --steps {{steps}} --case {{case}}",
      parameters: { steps: { type: "integer", default: 10, help: "how far" }, case: { type: "string", help: "which" } },
    },
    { name: "other", command: "true" },
  ]);
  return lab;
}

/** Times and paths that differ from run to run, replaced. */
export function settled(text: string, lab: CliLab): string {
  return text
    .replaceAll(lab.home, "HOME")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME")
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "ADDRESS")
    .replace(/just now {0,3}|\d+(\.\d+)?[smh] ago {0,3}/g, "AGO ")
    .replace(/ +$/gm, "");
}

function withoutConifer(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(CONIFER_(?!TEST)|NO_COLOR|FORCE_COLOR|CI$)/.test(name),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? ""]));
}

function launch(command: string, args: readonly string[], options: RunOptions): Started {
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: options.env ?? {},
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const seen = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    seen.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    seen.stderr += chunk;
  });
  if (options.input !== undefined) child.stdin?.end(options.input);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...seen }));
  });
  return { child, seen, ended };
}
