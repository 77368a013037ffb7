import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BatchJob } from "../../client/wire/entities.ts";
import type { PilotConfigInput } from "../../pilot/config.ts";
import { writeJsonFile } from "../../platform/files/json-file.ts";
import { programPath } from "../../platform/programs.ts";
import type { AllocationRequest } from "../../platform/schedulers/scheduler.ts";
import type { AgentContext } from "../agent/context.ts";

/** A pilot's own directory: config, log, what it and its node agent print, journal, socket. */
export function pilotDirectory(context: Pick<AgentContext, "layout">, batchJobId: number): string {
  return join(context.layout.pilots, String(batchJobId));
}

/**
 * Writes the pilot's config (0600, it holds the site's token) and answers what the scheduler is asked for. The pilot is
 * told its batch job's id here, so its session is linked to the batch job from the first call on.
 */
export async function preparePilot(batchJob: BatchJob, context: AgentContext): Promise<AllocationRequest> {
  const { layout, identity, settings } = context;
  const directory = pilotDirectory(context, batchJob.id);
  const { node, kind } = settings.scheduler;
  const config: PilotConfigInput = {
    access: context.access(),
    site: { id: identity.siteId, name: identity.name, directory: layout.directory },
    batchJobId: batchJob.id,
    tags: batchJob.filterTags,
    wallTimeMin: batchJob.wallTimeMin,
    endMarginSec: Math.min(settings.pilot.endMarginSec, batchJob.wallTimeMin * 6),
    idleSec: settings.pilot.idleSec,
    graceSec: settings.pilot.graceSec,
    directory,
    node,
    nodes: { hosts: kind === "local" ? "this" : "auto", ...settings.pilot.nodes },
    mpi: { launcher: settings.pilot.mpi, ...settings.pilot.ranks },
  };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "pilot.json");
  await writeJsonFile(file, config);
  return {
    key: String(batchJob.id),
    name: `conifer-${identity.name}-${batchJob.id}`,
    command: [process.execPath, programPath("pilot"), "--config", file],
    environment: {
      CONIFER_BATCH_JOB: `${identity.siteId}:${batchJob.id}`,
      // Where a batch script leaves the environment that tasks start from.
      CONIFER_PILOT_DIRECTORY: directory,
    },
    directory: layout.directory,
    output: join(directory, "pilot.out"),
    nodes: batchJob.nodes,
    wallTimeMin: batchJob.wallTimeMin,
    queue: batchJob.queue,
    project: batchJob.project,
    options: batchJob.options,
  };
}
