import { access, constants, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { stop as stopEsbuild } from "esbuild";
import { bundleModule } from "../../app/bundle/bundle.ts";
import { messageOf } from "../../model/errors.ts";
import { FunctionWorkers } from "../../pilot/worker/pool.ts";
import { identityOf } from "../../platform/processes/identity.ts";
import { libraryUrl, programPath } from "../../platform/programs.ts";
import { type DoctorLine, fail, ok, warn } from "./line.ts";

/** What the machine must have, and what is done without where it lacks it. */
export async function checkMachine(): Promise<DoctorLine[]> {
  return [
    checkNode(process.versions.node),
    await checkProc(),
    checkPrograms(),
    await checkCommand("bash", "sh runs commands instead; apps that use bash's own syntax fail", "Install bash."),
    await checkCommand("taskset", "jobs run unpinned", "Install util-linux."),
    await checkCommand(
      "mpiexec",
      "jobs of more than one rank cannot run",
      "Install Open MPI or MPICH, or load its module, where such jobs are to run.",
    ),
    await checkContainers(),
    await checkFunctions(),
  ];
}

/** Node 20.19 is the oldest that runs everything. */
export function checkNode(version: string): DoctorLine {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > 20 || (major === 20 && minor >= 19);
  return isNew
    ? ok("node", `version ${version}`)
    : fail("node", `version ${version} is too old`, "Use Node 20.19 or later.");
}

async function checkProc(): Promise<DoctorLine> {
  const isThere = (await identityOf(process.pid)) !== null;
  return isThere
    ? ok("processes", "/proc can be read")
    : fail(
        "processes",
        "/proc cannot be read",
        "Sites and pilots need Linux with /proc; server and command line run here.",
      );
}

function checkPrograms(): DoctorLine {
  try {
    for (const name of ["pilot", "functionWorker", "siteAgent", "library"] as const) programPath(name);
    return ok("programs", "agent, pilot and function worker are built");
  } catch (error) {
    return fail("programs", messageOf(error), "Run `npm run build` in Conifer's directory, or install it again.");
  }
}

async function checkCommand(name: string, without: string, fix: string): Promise<DoctorLine> {
  const path = await findCommand(name);
  return path === null ? warn(name, `not found: ${without}`, fix) : ok(name, path);
}

async function checkContainers(): Promise<DoctorLine> {
  const found = [];
  for (const name of ["apptainer", "podman"]) if ((await findCommand(name)) !== null) found.push(name);
  return found.length > 0
    ? ok("containers", found.join(", "))
    : ok("containers", "neither apptainer nor podman; apps without a container run");
}

/** Bundles a module and runs it in a function worker: what hooks need. */
async function checkFunctions(): Promise<DoctorLine> {
  const directory = await mkdtemp(join(tmpdir(), "conifer-doctor-"));
  const workers = new FunctionWorkers({ program: programPath("functionWorker") });
  try {
    const entry = join(directory, "probe.ts");
    await writeFile(entry, 'export const probe: object = { coniferApp: true, name: "probe", command: "true" };\n');
    const { file } = await bundleModule(entry, { directory, coniferUrl: libraryUrl() });
    const end = await workers.call({ kind: "describe", module: file }, { limitSec: 20 });
    if (end.kind === "returned" && end.value.length === 1) return ok("hooks", "TypeScript modules are bundled and run");
    return fail(
      "hooks",
      `a function worker ended: ${end.kind}`,
      "Look at the machine's memory and process limits (ulimit -a).",
    );
  } catch (error) {
    return fail(
      "hooks",
      `modules cannot be bundled: ${messageOf(error)}`,
      "Install Conifer again for this kind of machine (esbuild has a part for each).",
    );
  } finally {
    await workers[Symbol.asyncDispose]();
    await stopEsbuild();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Where a command is on PATH; null where it is not. */
export async function findCommand(name: string, path = process.env.PATH ?? ""): Promise<string | null> {
  for (const directory of path.split(delimiter).filter((one) => one !== "")) {
    const file = join(directory, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return null;
}
