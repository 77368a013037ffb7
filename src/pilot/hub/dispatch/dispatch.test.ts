import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { type AppDefinition, readAppDefinition } from "../../../app/definition.ts";
import type { Offer } from "../../../client/wire/sessions.ts";
import { DEFAULT_RESOURCES } from "../../../model/resources.ts";
import { type DispatchContext, toHubTask } from "./offer.ts";

const place = { hostname: "nid01", cores: [4, 5], gpus: [{ kind: "cuda" as const, id: "1" }] };
const context: DispatchContext = {
  site: { name: "here", directory: "/site" },
  graceSec: 7,
  mpi: () => ({ launcher: { family: "openmpi", program: "mpiexec", version: "4" } }),
  ranks: { binding: "task", gpuBinding: "task", options: [] },
  forwarded: ["PATH"],
  asRoot: false,
  grant: null,
};
const app = (definition: Partial<AppDefinition>): AppDefinition =>
  readAppDefinition({ name: "greet", command: "echo {{who}}", ...definition }, "greet");
const offer = (part: Partial<Offer> = {}): Offer => ({
  job: 12,
  attempt: 2,
  appId: 1,
  appVersion: 1,
  name: "first",
  workflow: "",
  workdir: "greet/first_12",
  parameters: { who: "you" },
  environment: {},
  priority: 3,
  limitSec: null,
  launchOptions: [],
  ...DEFAULT_RESOURCES,
  inputs: [],
  wide: false,
  ...part,
});
const specOf = (part: Partial<Offer> = {}, definition: Partial<AppDefinition> = {}, places = [place]) =>
  toHubTask(offer(part), app(definition), context).makeSpec(places);

test("a job becomes a task with its files in its workdir under the site", () => {
  expect(specOf()).toMatchObject({
    task: "12.2",
    attempt: 2,
    command: "echo you",
    preamble: null,
    workdir: "/site/data/greet/first_12",
    stdout: "job.out",
    stderr: "job.err",
    cores: [4, 5],
    gpus: [{ kind: "cuda", id: "1" }],
    graceSec: 7,
    steering: null,
    jobFile: null,
  });
});

test("shell metacharacters in every parameter stay text, also through container and launcher", () => {
  const nasty = `'; touch /tmp/x; $(id) "\`id\`" \\ | & > * {{who}}\n`;
  const plain = specOf({ parameters: { who: nasty } }).command;
  expect(execFileSync("sh", ["-c", plain], { encoding: "utf8" })).toBe(`${nasty}\n`);
  // A launcher and a container that only show their last argument, which is the command for a shell inside.
  const wrapped = specOf(
    { parameters: { who: nasty }, ranksPerNode: 2 },
    { container: { engine: "podman", image: "busybox", options: ["--tz=local zone"] } },
  ).command;
  const script = `mpiexec() { while [ $# -gt 1 ]; do shift; done; sh -c "$1"; }; ${wrapped}`;
  expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(`${nasty}\n`);
});

test("the environment of the job goes over that of the app", () => {
  const { environment } = specOf({ environment: { A: "job" } }, { environment: { A: "app", B: "app" } });
  expect(environment).toEqual({ A: "job", B: "app" });
});

test("the tighter of the two run time limits holds", () => {
  expect(specOf({ limitSec: 50 }, { limitSec: 20 }).limitSec).toBe(20);
  expect(specOf({ limitSec: 5 }, { limitSec: 20 }).limitSec).toBe(5);
  expect(specOf({ limitSec: null }, { limitSec: 20 }).limitSec).toBe(20);
  expect(specOf().limitSec).toBeNull();
});

test("the preamble is filled like the command and stays outside of the launcher", () => {
  const spec = specOf({ ranksPerNode: 2 }, { preamble: "module load {{who}}" });
  expect(spec.preamble).toBe("module load you");
  expect(spec.command).toBe(
    "mpiexec -n 2 --host localhost:2 --map-by ppr:2:node:oversubscribe --bind-to none sh -c 'echo you'",
  );
});

test("several ranks without a launcher are an error that says what is missing", () => {
  const withoutMpi = { ...context, mpi: () => ({ missing: "mpiexec is not on PATH" }) };
  const task = toHubTask(offer({ ranksPerNode: 2 }), app({}), withoutMpi);
  expect(() => task.makeSpec([place])).toThrow("App greet asks for 2 ranks, but there is no MPI launcher here");
});

test("a job over several nodes starts its ranks on all of them", () => {
  const places = ["nid01", "nid02"].map((hostname) => ({ ...place, hostname }));
  expect(specOf({ nodes: 2, ranksPerNode: 2 }, {}, places).command).toContain("--host nid01:2,nid02:2");
});

test("over several nodes each rank finds its node's own cores and GPUs, and the markers it is found by", () => {
  const far = { hostname: "nid02", cores: [8, 9], gpus: [{ kind: "cuda" as const, id: "3" }] };
  const { command } = specOf({ nodes: 2, ranksPerNode: 2 }, {}, [place, far]);
  for (const part of [
    "cores=4,5 cuda=1",
    "nid02|nid02.*) cores=8,9 cuda=3",
    "-x CONIFER_TASK",
    "-x CONIFER_NODE_AGENT",
  ])
    expect(command).toContain(part);
});

test("ranks started by a daemon are pinned by themselves on a single node, too", () => {
  const srun = { ...context, mpi: () => ({ launcher: { family: "srun" as const, program: "srun", version: "22" } }) };
  const [command] = [toHubTask(offer({ ranksPerNode: 2 }), app({}), srun).makeSpec([place]).command];
  expect(command).toContain("srun --overlap --nodes=1 --ntasks=2");
  expect(command).toContain("cores=4,5");
});

test("each rank gets its own cores where the site says so, and the site's options come before the job's", () => {
  const ranks = { binding: "rank" as const, gpuBinding: "task" as const, options: ["--site"] };
  const task = toHubTask(offer({ ranksPerNode: 2, launchOptions: ["--job"] }), app({}), { ...context, ranks });
  const { command } = task.makeSpec([place]);
  expect(command).toContain("--bind-to none --site --job sh -c");
  expect(command).toContain("4 5");
});

test("where launchers work only on the batch host, the task starts there and its cores are the ranks' alone", () => {
  const aprun = { ...context, mpi: () => ({ launcher: { family: "aprun" as const, program: "aprun", version: "1" } }) };
  const task = toHubTask(offer({ ranksPerNode: 2 }), app({}), aprun);
  expect(task.startsOn).toBe("batch-host");
  expect(task.makeSpec([place])).toMatchObject({ cores: null, gpus: [] });
  expect(toHubTask(offer(), app({}), aprun).startsOn).toBe("first-node");
});

test("[B11] a container gets names of variables, never their values", () => {
  const container = { engine: "podman" as const, image: "docker.io/library/busybox", options: [] };
  const { command, environment } = specOf({ environment: { TOKEN: "secret" } }, { container });
  expect(environment.TOKEN).toBe("secret");
  expect(command).toContain("--env=TOKEN ");
  expect(command).not.toContain("secret");
});

test("Apptainer sees the site and the task's GPUs", () => {
  const container = { engine: "apptainer" as const, image: "a b.sif", options: ["--cleanenv"] };
  expect(specOf({}, { container }).command).toMatch(
    /^apptainer exec --nv --bind \/site,\S+ --pwd \/site\/data\/greet\/first_12 --cleanenv 'a b.sif' sh -c 'echo you'$/,
  );
});

test("inputs come from the parents' workdirs", () => {
  const inputs = [{ fromWorkdir: "grid_3", files: ["grid.*"], mode: "copy" as const }];
  expect(specOf({ inputs }).inputs).toEqual([
    { fromDirectory: "/site/data/grid_3", patterns: ["grid.*"], mode: "copy" },
  ]);
});

test("a workdir or an input outside of the site's data is refused", () => {
  for (const workdir of ["../x", "/etc", "a/../../b", ""])
    expect(() => specOf({ workdir }), workdir).toThrow("leaves its directory");
  const inputs = [{ fromWorkdir: "../../etc", files: ["passwd"], mode: "link" as const }];
  expect(() => specOf({ inputs })).toThrow("leaves its directory");
});

test("a job that may steer gets a token of its own attempt, and only once nothing can go wrong any more", () => {
  const granted: string[] = [];
  const grant = (job: number, attempt: number) => {
    granted.push(`${job}.${attempt}`);
    return { address: "unix:/site/run/relay.sock", token: "random" };
  };
  const task = toHubTask(offer(), app({}), { ...context, grant });
  expect(task.makeSpec([place])).toMatchObject({
    steering: { address: "unix:/site/run/relay.sock", token: "random" },
    jobFile: { job: 12, attempt: 2, site: "here" },
  });
  expect(() => toHubTask(offer({ parameters: {} }), app({}), { ...context, grant }).makeSpec([place])).toThrow("who");
  expect(granted).toEqual(["12.2"]);
});
