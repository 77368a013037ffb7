import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openClient } from "../../client/client.ts";
import { isConiferError, messageOf } from "../../model/errors.ts";
import { ownCores } from "../../pilot/node/machine/cores.ts";
import { findGpus, listDirectory } from "../../pilot/node/machine/gpus.ts";
import { findMpi } from "../../platform/launchers/find-mpi.ts";
import { mpiArguments } from "../../platform/launchers/mpi-arguments.ts";
import { taskBase } from "../../platform/nodes/environment.ts";
import { findHosts } from "../../platform/nodes/hosts.ts";
import { type DoctorLine, fail, ok, warn } from "../doctor/line.ts";
import { type ProbeConfig, TRACE } from "./config.ts";
import { judgeRanks, rankReport } from "./ranks.ts";

const RANKS = 2;
const RANKS_WITHIN_MS = 60_000;

/** Everything that a compute node needs, looked at from there. */
export async function probe(config: ProbeConfig): Promise<DoctorLine[]> {
  return [
    ok("compute node", `${hostname()}, Node ${process.versions.node} (${process.execPath})`),
    await checkWriting(config.directory),
    checkCapacity(config.node),
    await checkReach(config),
    await checkRanks(config.mpi),
  ];
}

async function checkWriting(directory: string): Promise<DoctorLine> {
  try {
    await writeFile(join(directory, TRACE), `${hostname()}\n`);
    const workdir = join(directory, "workdir");
    await mkdir(workdir, { recursive: true });
    await writeFile(join(workdir, "file"), "x");
    await readFile(join(workdir, "file"));
    await rm(workdir, { recursive: true });
    return ok("directory there", "the site's directory can be read and written from the node");
  } catch (error) {
    return fail("directory there", messageOf(error), "Move the site to a file system that compute nodes may write.");
  }
}

function checkCapacity({ cores, gpus, mustBeTold }: ProbeConfig["node"]): DoctorLine {
  const has = {
    cores: ownCores().length,
    gpus: findGpus({ environment: process.env, list: listDirectory }).length,
  };
  const text = `it has ${has.cores} cores and ${has.gpus} GPUs`;
  const over = (promised: number | null, found: number) => promised !== null && promised > found;
  if (over(cores, has.cores) || over(gpus, has.gpus))
    return warn(
      "capacity",
      `${text}, the settings promise ${cores ?? has.cores} and ${gpus ?? has.gpus}`,
      "Correct scheduler.node, or ask for whole nodes with their GPUs in scheduler.options.",
    );
  if (cores !== null) return ok("capacity", `${text}, the settings promise ${cores} and ${gpus ?? has.gpus}`);
  return mustBeTold
    ? warn("capacity", text, `Set scheduler.node.cores: ${has.cores} and gpus: ${has.gpus} in settings.yml.`)
    : ok("capacity", text);
}

/** The server or the relay, with the certificate that is pinned. */
async function checkReach({ access, isRelayed, version }: ProbeConfig): Promise<DoctorLine> {
  const what = isRelayed ? "the agent's relay" : "the server";
  await using client = openClient(access, { userAgent: "conifer-probe", retries: 1 });
  try {
    const startedAt = performance.now();
    const health = await client.call("health", { timeoutSec: 15 });
    await client.call("whoami", { timeoutSec: 15 });
    const ms = Math.round(performance.now() - startedAt);
    const pin = access.fingerprint === null ? "" : ", its certificate is the pinned one";
    const text = `${what} at ${access.address} answers in ${ms} ms${pin}`;
    if (health.version === version) return ok("way to the server", text);
    return warn(
      "way to the server",
      `${text}; it is version ${health.version}, this is ${version}`,
      "Run the same version everywhere.",
    );
  } catch (error) {
    const advice = isRelayed
      ? "Start the agent (conifer site start); set pilot.relayHost to the name or address by which nodes know its machine."
      : "Set pilot.reach to relay, so that pilots reach the server through the agent.";
    const isRefusal = isConiferError(error) && error.code === "NOT_LOGGED_IN";
    return fail("way to the server", messageOf(error), isRefusal ? error.hint : advice);
  }
}

async function checkRanks({ launcher, program, pmi, template, options }: ProbeConfig["mpi"]): Promise<DoctorLine> {
  const found = await findMpi(launcher, program ?? undefined);
  if ("missing" in found)
    return warn(
      "mpi",
      `jobs of several ranks cannot run: ${found.missing}`,
      "Load an MPI's module in scheduler.preamble, or name its launcher in pilot.mpi.",
    );
  const chosen = { ...found.launcher, ...(pmi === null ? {} : { pmi }), template };
  const { family } = chosen;
  try {
    const environment = taskBase(null, process.env);
    const [host = hostname()] = findHosts("auto", {
      environment: process.env,
      readFile: (path) => readFileSync(path, "utf8"),
      hostname: hostname(),
    }).hosts;
    const [command = family, ...words] = mpiArguments(chosen, {
      ranksPerNode: RANKS,
      threadsPerRank: 1,
      threadsPerCore: 1,
      coresPerNode: RANKS,
      gpusPerRank: 0,
      hosts: [host],
      environment: [],
      options,
      command: rankReport(),
      asRoot: process.getuid?.() === 0,
    });
    const { stdout } = await promisify(execFile)(command, words, { env: environment, timeout: RANKS_WITHIN_MS });
    return judgeRanks(stdout, { ranks: RANKS, family });
  } catch (error) {
    const words = error instanceof Error && "stderr" in error ? String(error.stderr).trim().slice(-300) : "";
    return fail(
      "mpi",
      `${family} failed: ${words === "" ? messageOf(error) : words}`,
      "Try it by hand in an allocation; pilot.mpi and pilot.ranks say what is called.",
    );
  }
}
