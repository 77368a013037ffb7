import type { GpuId, GpuKind, TaskSpec } from "../../link/messages.ts";
import { maskName } from "../machine/gpus.ts";

/** What a task's environment adds to the agent's base. */
export interface EnvironmentSource {
  readonly spec: TaskSpec;
  readonly jobFile: string | null;
  /** Kinds of GPU this node has: hidden from tasks that were given none. */
  readonly gpuKinds: readonly GpuKind[];
}

/** The names and values to set for a task; throws naming the variable that cannot be set. */
export function taskEnvironment({ spec, jobFile, gpuKinds }: EnvironmentSource): Map<string, string> {
  const environment = new Map<string, string>([["OMP_NUM_THREADS", String(spec.threadsPerRank)]]);
  // An empty mask hides all GPUs from CUDA and ROCr; Level Zero reads it as no mask.
  for (const kind of gpuKinds) if (kind !== "ze") environment.set(maskName[kind], "");
  for (const [name, value] of Object.entries(spec.environment))
    if (!setByShell.has(name)) environment.set(checkedName(name), checkedValue(name, value));
  for (const [name, value] of gpuMasks(spec.gpus)) environment.set(name, value);
  environment.set(taskMarker, spec.task);
  if (jobFile !== null) environment.set("CONIFER_JOB_FILE", jobFile);
  return environment;
}

/** Set in each process of a task to the task's name; with `agentMarker` it tells whose a stray process is. */
export const taskMarker = "CONIFER_TASK";
/** Set in each process an agent started, to a name no other agent has. */
export const agentMarker = "CONIFER_NODE_AGENT";

/**
 * The environment tasks start from, made of the agent's own: without Conifer's variables, which belong to whoever
 * started the agent (a token file among them when a pilot runs inside of a job), and without names a shell cannot set.
 */
export function baseEnvironment(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(own))
    if (value !== undefined && !name.startsWith("CONIFER_") && validName.test(name)) base[name] = value;
  return base;
}

/** Shell functions exported by bash (`module` of environment modules): dash does not hand them on, so they are defined again. */
export function exportedFunctions(own: Readonly<Record<string, string | undefined>>): string {
  let text = "";
  for (const [variable, body] of Object.entries(own)) {
    const name = /^BASH_FUNC_([A-Za-z_][\w.:-]*)(?:%%|\(\))$/.exec(variable)?.[1];
    if (name !== undefined && body?.startsWith("() {")) text += `${name} ${body}\nexport -f ${name}\n`;
  }
  return text;
}

const validName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Passed over: whoever copies a whole environment copies these too, and the shell knows better. */
const setByShell = new Set(["PWD", "OLDPWD", "_"]);

/** Names that mean something to the task shell itself or that shells refuse to set. */
const shellsOwn = new Set(["PPID", "UID", "EUID", "LINENO", "OPTIND", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO"]);

function gpuMasks(gpus: readonly GpuId[]): Map<string, string> {
  const masks = new Map<string, string>();
  for (const { kind, id } of gpus) {
    const name = maskName[kind];
    const before = masks.get(name);
    masks.set(name, before === undefined ? id : `${before},${id}`);
    // The numbers are those of the bus, as tools that list GPUs have them; CUDA's own order puts the fastest first.
    if (kind === "cuda") masks.set("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
  }
  return masks;
}

function checkedName(name: string): string {
  if (!validName.test(name))
    throw new Error(`environment variable ${JSON.stringify(name)}: not a name a shell can set`);
  if (shellsOwn.has(name) || name === taskMarker || name === agentMarker)
    throw new Error(`environment variable ${name}: reserved, a job cannot set it`);
  return name;
}

function checkedValue(name: string, value: string): string {
  if (typeof value !== "string") throw new Error(`environment variable ${name}: the value is not a text`);
  if (value.includes("\0")) throw new Error(`environment variable ${name}: the value holds a NUL byte`);
  if (/\p{Cs}/u.test(value)) throw new Error(`environment variable ${name}: the value is not valid Unicode`);
  // Linux refuses to start a process with a longer entry, without saying which.
  if (value.length * 3 > longestValue && Buffer.byteLength(value) > longestValue)
    throw new Error(`environment variable ${name}: longer than the ${longestValue} bytes a process can be given`);
  return value;
}

const longestValue = 128 * 1024 - 512;
