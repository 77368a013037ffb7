/**
 * Which hosts an allocation has, from what its scheduler left in the environment. Pure but for the reading of the files
 * it names, which is passed in. Each scheduler says it in a way of its own; none of them is asked by a command, except Flux,
 * which tells nowhere else.
 */
import { ConiferError, messageOf } from "../../model/errors.ts";
import { expandHostList } from "./expand.ts";

/** Whose word was taken. */
export type HostSource = "settings" | "flux" | "slurm" | "pbs" | "lsf" | "cobalt" | "sge" | "none";

export interface AllocationHosts {
  readonly source: HostSource;
  /** In the scheduler's order and by its names, each once. */
  readonly hosts: readonly string[];
}

export interface HostSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  /** This machine's name. */
  readonly hostname: string;
  /** What `flux getattr hostlist` printed, where it was asked. */
  readonly fluxHosts?: string | null;
}

/**
 * The hosts of this allocation: `auto` takes the scheduler's word, `this` is this machine alone, a list is taken as it is.
 * Throws BAD_NODE_LIST where what the scheduler left cannot be read or contradicts itself.
 */
export function findHosts(choice: "auto" | "this" | readonly string[], sources: HostSources): AllocationHosts {
  const { environment, hostname } = sources;
  if (choice === "this") return { source: "none", hosts: [hostname] };
  if (choice !== "auto")
    return { source: "settings", hosts: once(choice.flatMap((list) => expandHostList(list, "nodes.hosts"))) };
  for (const { source, find } of finders) {
    const hosts = find(environment, sources);
    if (hosts !== null) return { source, hosts: once(hosts) };
  }
  return { source: "none", hosts: [hostname] };
}

type Environment = HostSources["environment"];
type Find = (environment: Environment, sources: HostSources) => readonly string[] | null;

/** The innermost first: a Flux instance may run inside of a Slurm job. */
const finders: readonly { source: HostSource; find: Find }[] = [
  {
    source: "flux",
    find: (_, { fluxHosts }) => (fluxHosts ? expandHostList(fluxHosts, "flux getattr hostlist") : null),
  },
  { source: "slurm", find: slurm },
  { source: "pbs", find: nodeFile("PBS_NODEFILE") },
  { source: "lsf", find: lsf },
  { source: "cobalt", find: cobalt },
  { source: "sge", find: sge },
];

function slurm(environment: Environment): readonly string[] | null {
  const name = environment.SLURM_JOB_NODELIST ? "SLURM_JOB_NODELIST" : "SLURM_NODELIST";
  const list = environment[name];
  if (!list || !(environment.SLURM_JOB_ID ?? environment.SLURM_JOBID)) return null;
  const hosts = expandHostList(list, name);
  const count = Number(environment.SLURM_JOB_NUM_NODES ?? hosts.length);
  if (count !== hosts.length)
    throw badList(name, `${list} are ${hosts.length} hosts, but SLURM_JOB_NUM_NODES says ${count}`);
  return hosts;
}

/** One host a line, repeated for each of its slots. */
function nodeFile(variable: string): Find {
  return (environment, { readFile }) => {
    const path = environment[variable];
    return path ? linesOf(variable, path, readFile).map((line) => nameOf(variable, line)) : null;
  };
}

/** The first of a job started by a launch node is that node, with one slot: nothing else runs there. */
function lsf(environment: Environment, sources: HostSources): readonly string[] | null {
  if (!environment.LSB_JOBID) return null;
  const { LSB_MCPU_HOSTS: counted, LSB_HOSTS: listed } = environment;
  const slots = new Map<string, number>();
  const add = (host: string, count: number): void => void slots.set(host, (slots.get(host) ?? 0) + count);
  const fromFile = nodeFile("LSB_DJOB_HOSTFILE")(environment, sources);
  if (fromFile) for (const host of fromFile) add(host, 1);
  else if (counted) {
    const words = counted.trim().split(/\s+/);
    for (let at = 0; at < words.length; at += 2) {
      const count = Number(words[at + 1]);
      if (!Number.isInteger(count)) throw badList("LSB_MCPU_HOSTS", `no number behind ${words[at]}: ${counted}`);
      add(nameOf("LSB_MCPU_HOSTS", words[at] ?? ""), count);
    }
  } else if (listed) for (const host of listed.trim().split(/\s+/)) add(nameOf("LSB_HOSTS", host), 1);
  const [first, ...others] = [...slots.keys()];
  if (first === undefined) return null;
  const isLaunchNode =
    slots.get(first) === 1 && others.length > 0 && others.every((host) => (slots.get(host) ?? 0) > 1);
  return isLaunchNode ? others : [first, ...others];
}

/** A file where the machine has one, else the numbers of the nodes. */
function cobalt(environment: Environment, sources: HostSources): readonly string[] | null {
  const fromFile = nodeFile("COBALT_NODEFILE")(environment, sources);
  const { COBALT_PARTNAME: part } = environment;
  if (fromFile || !environment.COBALT_JOBID || !part) return fromFile;
  if (!/^[\d,-]+$/.test(part)) return expandHostList(part, "COBALT_PARTNAME");
  return expandHostList(`[${part}]`, "COBALT_PARTNAME").map((number) => `nid${number.padStart(5, "0")}`);
}

/** Lines of host, slots, queue, processors; a job without a parallel environment has its one host. */
function sge(environment: Environment, { readFile, hostname }: HostSources): readonly string[] | null {
  const { PE_HOSTFILE: path } = environment;
  if (path)
    return linesOf("PE_HOSTFILE", path, readFile).map((line) => nameOf("PE_HOSTFILE", line.split(/\s+/)[0] ?? ""));
  return environment.SGE_ROOT && environment.JOB_ID ? [hostname] : null;
}

function linesOf(variable: string, path: string, readFile: HostSources["readFile"]): string[] {
  let content: string;
  try {
    content = readFile(path);
  } catch (cause) {
    throw badList(variable, `${path} cannot be read: ${messageOf(cause)}`, cause);
  }
  const lines = content.split("\n").flatMap((line) => line.trim() || []);
  if (lines.length === 0) throw badList(variable, `${path} is empty`);
  return lines;
}

function nameOf(where: string, text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]*$/.test(text))
    throw badList(where, `${JSON.stringify(text.slice(0, 80))} is no host's name`);
  return text;
}

const badList = (where: string, problem: string, cause?: unknown): ConiferError =>
  new ConiferError("BAD_NODE_LIST", { where, problem }, { cause });

const once = (hosts: readonly string[]): string[] => [...new Set(hosts)];
