/**
 * What a cluster's scheduler must be like for a site. Nothing is submitted; what can be seen only from a compute node is
 * asked from one (from-node.ts).
 */
import { ConiferError, isConiferError, messageOf } from "../../model/errors.ts";
import type { BatchScheduler } from "../../platform/schedulers/batch/batch-scheduler.ts";
import { type BatchKind, schedulerCommands } from "../../platform/schedulers/open-scheduler.ts";
import type { QueueView } from "../../platform/schedulers/scheduler.ts";
import type { Settings } from "../settings/schema.ts";
import { closest } from "../yaml/closest.ts";
import { type DoctorLine, fail, ok, warn } from "./line.ts";
import { findCommand } from "./machine.ts";

export type ClusterCheck = {
  readonly settings: Pick<Settings, "scheduler">;
  readonly kind: BatchKind;
  readonly scheduler: Pick<BatchScheduler, "queues" | "projects" | "checkTemplate">;
};

/** Its commands, its answer, its queue, the submit script, and what is known of its nodes. */
export async function checkCluster({ settings, kind, scheduler }: ClusterCheck): Promise<DoctorLine[]> {
  const commands = await checkCommands(kind, settings.scheduler.commandDirectory);
  const isAnswering = commands.level === "fail" ? [] : await checkQueues(settings, scheduler);
  return [commands, ...isAnswering, await checkScript(scheduler), checkNode(settings)];
}

async function checkCommands(kind: BatchKind, directory: string | null): Promise<DoctorLine> {
  const names = schedulerCommands(kind);
  const found = await Promise.all(names.map((name) => findCommand(name, directory ?? process.env.PATH)));
  const missing = names.filter((_, index) => found[index] === null);
  if (missing.length === 0) return ok("scheduler commands", names.join(", "));
  const where = directory ?? "PATH";
  return fail(
    "scheduler commands",
    `${missing.join(", ")} not found on ${where}`,
    "Load the scheduler's module, name its directory in scheduler.commandDirectory, or correct scheduler.kind.",
  );
}

async function checkQueues(
  settings: Pick<Settings, "scheduler">,
  scheduler: Pick<BatchScheduler, "queues" | "projects">,
): Promise<DoctorLine[]> {
  const startedAt = performance.now();
  try {
    const queues = await scheduler.queues();
    const ms = Math.round(performance.now() - startedAt);
    const { kind, queue, project } = settings.scheduler;
    // An accounting that is away is no reason to doubt the scheduler.
    const projects = await scheduler.projects().catch(() => null);
    return [
      ok("scheduler", `${kind} answers in ${ms} ms, ${queues.length} queues`),
      checkQueue(queue, queues),
      ...checkProject(project, projects),
    ];
  } catch (error) {
    if (!isConiferError(error)) throw error;
    return [
      fail(
        "scheduler",
        error.message,
        "Run the command by hand; if the scheduler is down, the site waits for it by itself.",
      ),
    ];
  }
}

/** Whether allocations have a queue that takes them. */
export function checkQueue(name: string, queues: readonly QueueView[]): DoctorLine {
  const names = queues.map((queue) => queue.name);
  const choice = `Name one in scheduler.queue: ${names.slice(0, 20).join(", ")}`;
  if (queues.length === 0) return warn("queue", "the scheduler tells of none", "Look whether you may use any.");
  const found = name === "" ? queues.find(({ isDefault }) => isDefault) : queues.find((queue) => queue.name === name);
  if (found === undefined && name === "") return warn("queue", "the scheduler has no default queue", choice);
  if (found === undefined) {
    const near = closest(name, names);
    return fail("queue", `there is no ${name}${near === null ? "" : `; did you mean ${near}?`}`, choice);
  }
  if (!found.isOpen) return fail("queue", `${found.name} takes or starts nothing now`, choice);
  return ok("queue", `${found.name}${describeLimits(found)}`);
}

/** Whether the account that pays is one of the user's, where that can be told. */
export function checkProject(name: string, projects: readonly string[] | null): DoctorLine[] {
  if (projects === null) return [];
  const known = projects.slice(0, 20).join(", ");
  if (name === "") return [ok("project", `the scheduler's default; you may charge ${known}`)];
  if (projects.includes(name)) return [ok("project", name)];
  const near = closest(name, projects);
  const text = `${name} is none of yours${near === null ? "" : `; did you mean ${near}?`}`;
  return [warn("project", text, `Name one in scheduler.project: ${known}`)];
}

function describeLimits({ limits, idleNodes, totalNodes }: QueueView): string {
  const { minNodes, maxNodes, maxWallTimeMin } = limits;
  const parts = [
    maxNodes === null ? null : `${minNodes ?? 1} to ${maxNodes} nodes`,
    maxWallTimeMin === null ? null : `at most ${maxWallTimeMin} minutes`,
    idleNodes === null ? null : `${idleNodes}${totalNodes === null ? "" : ` of ${totalNodes}`} nodes idle`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "" : `: ${parts.join(", ")}`;
}

async function checkScript(scheduler: Pick<BatchScheduler, "checkTemplate">): Promise<DoctorLine> {
  try {
    await scheduler.checkTemplate();
    return ok("submit script", "its template can be filled in");
  } catch (error) {
    const hint = error instanceof ConiferError ? error.hint : "See docs/clusters/templates.md.";
    return fail("submit script", messageOf(error), hint);
  }
}

/** A login node's cores are not a compute node's. */
function checkNode({ scheduler }: Pick<Settings, "scheduler">): DoctorLine {
  const { cores, gpus } = scheduler.node;
  if (cores !== null) {
    const known = gpus === null ? "its GPUs are found when a pilot starts" : `${countOf(gpus)} GPUs`;
    return ok("node", `${cores} cores, ${known}`);
  }
  return warn(
    "node",
    "the cores of a compute node are not known, so those of this machine are taken for planning",
    "Set scheduler.node.cores, gpus and memoryBytes to what a compute node has; conifer site doctor --from-node looks.",
  );
}

const countOf = (gpus: number | readonly string[]): number => (typeof gpus === "number" ? gpus : gpus.length);
