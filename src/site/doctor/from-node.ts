/**
 * The doctor on a compute node: a small allocation through the site's own scheduler, template and settings, in which a
 * probe looks at all that a pilot will need there. The allocation is given up when the doctor is interrupted or has waited
 * long enough.
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { z } from "zod";
import packageJson from "../../../package.json" with { type: "json" };
import { isConiferError, messageOf } from "../../model/errors.ts";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { programPath } from "../../platform/programs.ts";
import { lastLines } from "../../platform/schedulers/local/tail.ts";
import type { AllocationRequest, AllocationStatus, Scheduler } from "../../platform/schedulers/scheduler.ts";
import { openSiteBatchScheduler, openSiteScheduler } from "../batch/scheduler.ts";
import { readSiteIdentity } from "../directory/identity.ts";
import { type SiteLayout, siteLayout } from "../directory/layout.ts";
import { readSiteAccess } from "../directory/site-access.ts";
import { FINDINGS, type ProbeConfig, TRACE } from "../probe/config.ts";
import { needsRelay, relayAccess } from "../relay/relay.ts";
import { readSettings } from "../settings/read-settings.ts";
import type { Settings } from "../settings/schema.ts";
import { type DoctorLine, fail, ok, warn } from "./line.ts";

export type FromNode = {
  readonly directory: string;
  /** Empty = as the settings say. */
  readonly queue: string;
  readonly project: string;
  readonly signal: AbortSignal;
  /** How long to wait for the allocation and its findings, seconds. */
  readonly withinSec: number;
  /** Told what the allocation does, in words. */
  readonly onProgress: (text: string) => void;
};

const WALL_TIME_MIN = 5;
const LOOK_MS = 1000;
/** What a node wrote may take so long to be seen here. */
const LAG_MS = 20_000;

/** Submits the probe, waits for it, and answers what it found. Throws the signal's reason where it was interrupted. */
export async function doctorFromNode(options: FromNode): Promise<readonly DoctorLine[]> {
  const { directory } = options;
  const layout = siteLayout(directory);
  const settings = await readSettings(layout.settings);
  const { mark } = await readSiteIdentity(directory);
  const key = `probe-${Date.now().toString(36)}`;
  const place = join(layout.run, "doctor", key);
  await mkdir(place, { recursive: true, mode: 0o700 });
  const file = join(place, "probe.json");
  try {
    await writeJsonFile(file, await probeConfig(place, { layout, settings }));
    await using scheduler = await openProbeScheduler(settings, { layout, mark, place });
    const lines = await runProbe(scheduler, {
      ...options,
      place,
      request: requestFor(key, { ...options, place, file }),
    });
    if (lines.every(({ level }) => level !== "fail")) await rm(place, { recursive: true, force: true });
    return lines;
  } finally {
    // It holds the site's token.
    await rm(file, { force: true });
  }
}

/** Of an owner of its own: the agent takes its jobs for nobody's. */
async function openProbeScheduler(
  settings: Settings,
  { layout, mark, place }: { layout: SiteLayout; mark: string; place: string },
): Promise<Scheduler> {
  const { kind } = settings.scheduler;
  if (kind !== "local")
    return openSiteBatchScheduler(settings, { kind, layout, owner: `conifer-${mark}-doctor`, log: null });
  return openSiteScheduler(settings, {
    layout: { ...layout, localScheduler: join(place, "scheduler") },
    mark,
    log: pino({ enabled: false }),
    onChange: () => undefined,
  });
}

async function probeConfig(
  place: string,
  { layout, settings }: { layout: SiteLayout; settings: Settings },
): Promise<ProbeConfig> {
  const own = await readSiteAccess(layout.directory);
  const access = { ...own, address: settings.server.address ?? own.address };
  const relay = needsRelay(settings, access.address) ? await relayAccess({ layout, settings }) : null;
  const { node } = settings.scheduler;
  const { binding: _, gpuBinding: __, startsOn: ___, ...ranks } = settings.pilot.ranks;
  return {
    directory: place,
    access: { address: access.address, fingerprint: access.fingerprint, token: access.token, ...relay },
    isRelayed: relay !== null,
    version: packageJson.version,
    node: {
      cores: node.cores,
      gpus: Array.isArray(node.gpus) ? node.gpus.length : node.gpus,
      mustBeTold: settings.scheduler.kind !== "local",
    },
    mpi: { launcher: settings.pilot.mpi, ...ranks },
  };
}

function requestFor(
  key: string,
  { directory, queue, project, place, file }: FromNode & { readonly place: string; readonly file: string },
): AllocationRequest {
  return {
    key,
    name: "conifer-doctor",
    command: [process.execPath, programPath("nodeProbe"), file],
    environment: {},
    directory,
    output: join(place, "probe.out"),
    nodes: 1,
    wallTimeMin: WALL_TIME_MIN,
    queue,
    project,
    options: {},
  };
}

type Run = FromNode & { readonly place: string; readonly request: AllocationRequest };

async function runProbe(scheduler: Scheduler, run: Run): Promise<DoctorLine[]> {
  const submitted = await scheduler.submit(run.request).catch(toLine);
  if ("check" in submitted) return [submitted];
  if (submitted.kind !== "submitted")
    return [fail("allocation", `refused: ${submitted.reason}`, "Give --queue or --project, or correct settings.yml.")];
  const { id } = submitted;
  run.onProgress(`allocation ${id} was submitted`);
  const end = await follow(scheduler, id, run);
  const findings = await readFindings(run.place);
  if (findings !== null) return [ok("allocation", `${id} ran`), ...findings, await checkTrace(run.place)];
  if (end === "late") {
    await scheduler.cancel([id]).catch(() => undefined);
    const text = `${id} had not ended after ${run.withinSec} s and was given up`;
    return [fail("allocation", text, "Give it more time with --within, or a queue that starts sooner with --queue.")];
  }
  const output = await lastLines(run.request.output, 5).catch(() => "");
  const said = output === "" ? "it left no output" : `its output ends: ${output}`;
  return [
    fail(
      "allocation",
      `${id} ended without a word from the node (${end}); ${said}`,
      `Look at ${run.place}. Node ${process.execPath} and ${run.directory} must be there on compute nodes.`,
    ),
  ];
}

/** How the allocation ended, in words, or that it has not by then; sooner once there are findings. Gives it up when interrupted. */
async function follow(scheduler: Scheduler, id: string, run: Run): Promise<string> {
  const until = performance.now() + run.withinSec * 1000;
  let endedAt: number | null = null;
  for (let said = ""; ; ) {
    if (run.signal.aborted) {
      run.onProgress(`giving allocation ${id} up`);
      await scheduler.cancel([id]);
      throw run.signal.reason;
    }
    if ((await readFindings(run.place)) !== null) return "with findings";
    const status = await scheduler.status([id]).then((all) => all.get(id), unlessOther);
    if (status !== undefined) run.onProgress(`allocation ${id}: ${describe(status)}`);
    if (status?.state === "ended") {
      said = status.reason === "" ? status.outcome : `${status.outcome}: ${status.reason}`;
      endedAt ??= performance.now();
    }
    if (endedAt !== null && performance.now() - endedAt > LAG_MS) return said;
    if (performance.now() > until) return "late";
    await delay(LOOK_MS, undefined, { signal: run.signal }).catch(() => undefined);
  }
}

function describe(status: AllocationStatus): string {
  if (status.state === "queued") return status.reason === "" ? "it waits" : `it waits: ${status.reason}`;
  if (status.state === "ended") return `it has ended (${status.outcome})`;
  return status.state === "running" ? "it runs" : `nothing is known just now: ${status.reason}`;
}

/** A scheduler that does not answer just now is asked again. */
function unlessOther(error: unknown): undefined {
  if (isConiferError(error) && error.code === "SCHEDULER_SILENT") return undefined;
  throw error;
}

const findingsSchema = z.array(
  z.object({ check: z.string(), level: z.enum(["ok", "warn", "fail"]), text: z.string(), fix: z.string().nullable() }),
);

async function readFindings(place: string): Promise<DoctorLine[] | null> {
  return readJsonFile(join(place, FINDINGS), findingsSchema);
}

/** Whether what the node wrote is here too. */
async function checkTrace(place: string): Promise<DoctorLine> {
  const trace = await readFile(join(place, TRACE), "utf8").catch(() => null);
  return trace !== null
    ? ok("directory here", `what ${trace.trim()} wrote can be read here`)
    : warn(
        "directory here",
        "a file that the node wrote is not to be seen here",
        "Is the site on a shared file system?",
      );
}

function toLine(error: unknown): DoctorLine {
  return fail("allocation", messageOf(error), isConiferError(error) ? error.hint : "This is a fault in Conifer.");
}
