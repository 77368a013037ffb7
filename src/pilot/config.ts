/**
 * What a pilot is told when it starts. Read by hand: a schema library would double the time a pilot takes to start from a
 * parallel file system, and the site agent, which writes the file, is checked against the type.
 */
import { readFileSync } from "node:fs";
import { ConiferError, messageOf } from "../model/errors.ts";
import type { MpiChoice } from "../platform/launchers/find-mpi.ts";
import { mpiFamilies } from "../platform/launchers/mpi-arguments.ts";
import type { RankBinding } from "../platform/launchers/rank-script.ts";
import { type AgentLauncher, agentLaunchers } from "../platform/nodes/start-agents.ts";
import type { PromiseSettings } from "./hub/nodes/promise.ts";

export interface PilotConfig {
  readonly access: { readonly address: string; readonly token: string; readonly fingerprint: string | null };
  /** Workdirs of jobs are `<directory>/data/<workdir>`. */
  readonly site: { readonly id: number; readonly name: string; readonly directory: string };
  /** The batch job it runs in. Default null. */
  readonly batchJobId: number | null;
  /** It takes only jobs with all these tags. Default none. */
  readonly tags: Readonly<Record<string, string>>;
  /** It takes only jobs of these apps; empty (default) = any. */
  readonly apps: readonly string[];
  /** Minutes from its start to the end of its allocation; null (default) = no end. */
  readonly wallTimeMin: number | null;
  /** Everything is stopped this long before the end. Default 20. */
  readonly endMarginSec: number;
  /** It leaves after so long with nothing to do; null = never. Default 60. */
  readonly idleSec: number | null;
  /** Its own: log, journal, socket. */
  readonly directory: string;
  /** Between SIGTERM and SIGKILL of a task. Default 10. */
  readonly graceSec: number;
  /** What the node promises; null (default) = what it has. */
  readonly node: PromiseSettings;
  /** Which nodes, and how agents get there. */
  readonly nodes: NodesConfig;
  /** How ranks are started. */
  readonly mpi: MpiConfig;
  /** Whether running jobs reach the server through the pilot. Default true. */
  readonly relay: boolean;
}

export interface NodesConfig {
  /** `this` (default) is this machine alone, `auto` what the scheduler gave, else host lists such as `n[1-4]`. */
  readonly hosts: "auto" | "this" | readonly string[];
  /** Default auto: the way that goes with the scheduler. */
  readonly launcher: "auto" | AgentLauncher;
  /** Further arguments of that launcher. Default none. */
  readonly launchOptions: readonly string[];
  /** What nodes reach the hub by: an interface, a CIDR, an address or a name; auto (default) = whatever works. */
  readonly network: string;
  /** Whether what hub and agents say is encrypted. Default false. */
  readonly tls: boolean;
  /** A node that says nothing for so long is lost, and ends its tasks. Default 10. */
  readonly silenceSec: number;
  /** Agents that have not come by then are missed. Default 120. */
  readonly startWithinSec: number;
}

export interface MpiConfig {
  /** Default auto: the mpiexec on PATH. */
  readonly launcher: MpiChoice;
  /** As the launcher is called; null (default) = by its usual name. */
  readonly program: string | null;
  /** The words of a custom launcher, with `{{ranks}}`, `{{ranks_per_node}}`, `{{nodes}}`, `{{hosts}}` and so on in them. Default none. */
  readonly template: readonly string[];
  /** What `srun --mpi` is given; null (default) = the best that it lists. */
  readonly pmi: string | null;
  /** Where the launcher works; null (default) = where launchers of its kind do. */
  readonly startsOn: "first-node" | "batch-host" | null;
  /** Further arguments of the launcher, in front of those of a job. Default none. */
  readonly options: readonly string[];
  /** Whether each rank is pinned to its own part of the task's cores on its node. Default task: it may use them all. */
  readonly binding: RankBinding;
  /** Whether each rank sees its own part of the task's GPUs on its node. Default task: it sees them all. */
  readonly gpuBinding: RankBinding;
}

/** What the file must hold; the rest has defaults. */
export type PilotConfigInput = Pick<PilotConfig, "access" | "site" | "directory"> &
  Partial<Omit<PilotConfig, "nodes" | "mpi">> & {
    readonly nodes?: Partial<NodesConfig>;
    readonly mpi?: Partial<MpiConfig>;
  };

/** Reads a pilot's config from its file; throws BAD_SETTINGS naming the field. */
export function readPilotConfig(file: string): PilotConfig {
  const fail = (problem: string, cause?: unknown): never => {
    throw new ConiferError("BAD_SETTINGS", { file, line: 1, problem }, { cause });
  };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    fail(messageOf(cause), cause);
  }
  try {
    return resolvePilotConfig(content);
  } catch (cause) {
    return fail(messageOf(cause), cause);
  }
}

/** Checks a config and fills in the defaults; throws with the field that is wrong. */
export function resolvePilotConfig(content: unknown): PilotConfig {
  const all = fieldsOf(content, "the config");
  const access = fieldsOf(all.access, "access");
  const site = fieldsOf(all.site, "site");
  const node = fieldsOf(all.node ?? {}, "node");
  const mpi = fieldsOf(all.mpi ?? {}, "mpi");
  const optional = <T>(value: unknown, read: (value: unknown) => T): T | null =>
    value === null || value === undefined ? null : read(value);
  return {
    access: {
      address: textOf(access.address, "access.address"),
      token: textOf(access.token, "access.token"),
      fingerprint: optional(access.fingerprint, (value) => textOf(value, "access.fingerprint")),
    },
    site: {
      id: countOf(site.id, "site.id", 1),
      name: textOf(site.name, "site.name"),
      directory: absoluteOf(site.directory, "site.directory"),
    },
    batchJobId: optional(all.batchJobId, (value) => countOf(value, "batchJobId", 1)),
    tags: Object.fromEntries(
      Object.entries(fieldsOf(all.tags ?? {}, "tags")).map(([key, value]) => [key, textOf(value, `tags.${key}`)]),
    ),
    apps: textsOf(all.apps ?? [], "apps"),
    wallTimeMin: optional(all.wallTimeMin, (value) => amountOf(value, "wallTimeMin")),
    endMarginSec: amountOf(all.endMarginSec ?? 20, "endMarginSec"),
    idleSec: all.idleSec === undefined ? 60 : optional(all.idleSec, (value) => amountOf(value, "idleSec")),
    directory: absoluteOf(all.directory, "directory"),
    graceSec: amountOf(all.graceSec ?? 10, "graceSec"),
    node: {
      cores: optional(node.cores, (value) => countOf(value, "node.cores", 1)),
      gpus: optional(node.gpus, (value) =>
        typeof value === "number" ? countOf(value, "node.gpus", 0) : textsOf(value, "node.gpus"),
      ),
      memoryBytes: optional(node.memoryBytes, (value) => countOf(value, "node.memoryBytes", 0)),
    },
    nodes: nodesOf(fieldsOf(all.nodes ?? {}, "nodes")),
    mpi: mpiOf(mpi),
    relay: all.relay !== false,
  };
}

function nodesOf(nodes: Record<string, unknown>): NodesConfig {
  const { hosts = "this", launcher = "auto", silenceSec = 10 } = nodes;
  const isWord = hosts === "auto" || hosts === "this";
  const least = 1;
  const silence = amountOf(silenceSec, "nodes.silenceSec");
  return {
    hosts: isWord ? hosts : textsOf(hosts, "nodes.hosts"),
    launcher: oneOf(launcher, ["auto", ...agentLaunchers], "nodes.launcher"),
    launchOptions: textsOf(nodes.launchOptions ?? [], "nodes.launchOptions"),
    network: textOf(nodes.network ?? "auto", "nodes.network"),
    tls: nodes.tls === true,
    silenceSec: silence >= least ? silence : wrong("nodes.silenceSec", `at least ${least}`, silence),
    startWithinSec: amountOf(nodes.startWithinSec ?? 120, "nodes.startWithinSec"),
  };
}

const launchers: readonly MpiChoice[] = ["auto", ...mpiFamilies, "none"];

function mpiOf(mpi: Record<string, unknown>): MpiConfig {
  const { program = null, pmi = null, startsOn = null } = mpi;
  const template = textsOf(mpi.template ?? [], "mpi.template");
  const launcher = oneOf(mpi.launcher ?? "auto", launchers, "mpi.launcher");
  if (launcher === "custom" && template.length === 0)
    wrong("mpi.template", "the words of the custom launcher", template);
  return {
    launcher,
    template,
    program: program === null ? null : textOf(program, "mpi.program"),
    pmi: pmi === null ? null : textOf(pmi, "mpi.pmi"),
    startsOn: startsOn === null ? null : oneOf(startsOn, ["first-node", "batch-host"] as const, "mpi.startsOn"),
    options: textsOf(mpi.options ?? [], "mpi.options"),
    binding: oneOf(mpi.binding ?? "task", ["task", "rank"], "mpi.binding"),
    gpuBinding: oneOf(mpi.gpuBinding ?? "task", ["task", "rank"], "mpi.gpuBinding"),
  };
}

function oneOf<Word extends string>(value: unknown, words: readonly Word[], where: string): Word {
  return words.find((word) => word === value) ?? wrong(where, `one of ${words.join(", ")}`, value);
}

function fieldsOf(value: unknown, where: string): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : wrong(where, "an object", value);
}

function textOf(value: unknown, where: string): string {
  return typeof value === "string" ? value : wrong(where, "a text", value);
}

function textsOf(value: unknown, where: string): string[] {
  return Array.isArray(value)
    ? value.map((text, index) => textOf(text, `${where}.${index}`))
    : wrong(where, "a list", value);
}

function absoluteOf(value: unknown, where: string): string {
  return typeof value === "string" && value.startsWith("/") ? value : wrong(where, "an absolute path", value);
}

function amountOf(value: unknown, where: string): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : wrong(where, "a number", value);
}

function countOf(value: unknown, where: string, least: number): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least
    ? value
    : wrong(where, `a whole number of at least ${least}`, value);
}

function wrong(where: string, expected: string, got: unknown): never {
  // What was given may be the token.
  const shown = where.startsWith("access") || got === undefined ? typeof got : JSON.stringify(got).slice(0, 80);
  throw new Error(`${where}: expected ${expected}, got ${shown}`);
}
