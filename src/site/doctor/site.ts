import { access, constants, stat, statfs } from "node:fs/promises";
import { isConiferError, messageOf } from "../../model/errors.ts";
import { formatSize } from "../../model/sizes.ts";
import { loadAllocations } from "../../platform/schedulers/local/allocation-file.ts";
import { findAgent, isHere } from "../agent/lock.ts";
import { loadAppFiles } from "../apps/load.ts";
import { openSiteBatchScheduler } from "../batch/scheduler.ts";
import { readSiteIdentity } from "../directory/identity.ts";
import { type SiteLayout, siteLayout } from "../directory/layout.ts";
import { nodeCapacity } from "../elastic/node-capacity.ts";
import { readSettings } from "../settings/read-settings.ts";
import { siteStatus } from "../status.ts";
import { checkCluster } from "./cluster.ts";
import { type DoctorLine, fail, ok, warn } from "./line.ts";

const LEAST_BYTES = 64 * 2 ** 20;
const FEW_BYTES = 2 ** 30;
/** tmpfs, ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
/** The agent writes its report every half minute. */
const SILENT_MS = 120_000;

/** What a site's directory must be like, and its agent. */
export async function checkSite(directory: string): Promise<DoctorLine[]> {
  const layout = siteLayout(directory);
  return [
    await checkSettings(layout),
    await checkDirectory(layout),
    await checkSecrets(layout),
    await checkDisk(layout),
    ...(await checkScheduler(layout)),
    await checkApps(directory),
    ...(await checkAgent(layout)),
  ];
}

async function checkSettings(layout: SiteLayout): Promise<DoctorLine> {
  try {
    const settings = await readSettings(layout.settings);
    const { cores, gpus } = nodeCapacity(settings);
    return ok(
      "settings",
      `scheduler ${settings.scheduler.kind}, a node has ${cores} cores and ${gpus} GPUs, elastic queue ${settings.elastic.enabled ? "on" : "off"}`,
    );
  } catch (error) {
    return fail(
      "settings",
      messageOf(error),
      "Correct settings.yml; `conifer site sample-settings` shows every setting.",
    );
  }
}

async function checkDirectory(layout: SiteLayout): Promise<DoctorLine> {
  for (const path of [layout.directory, layout.data, layout.log, layout.run, layout.apps]) {
    const problem = await access(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
      () => null,
      (error: unknown) => messageOf(error),
    );
    if (problem !== null)
      return fail("directory", problem, "Make it again (mkdir), or give yourself the right to write there.");
  }
  return ok("directory", `${layout.directory} can be written`);
}

async function checkSecrets(layout: SiteLayout): Promise<DoctorLine> {
  for (const path of [layout.run, layout.access]) {
    const found = await stat(path).catch(() => null);
    if (found === null)
      return fail(
        "secrets",
        `${path} is missing`,
        `Run conifer site init ${layout.directory} to renew the site's token.`,
      );
    if ((found.mode & 0o077) !== 0) return warn("secrets", `others can read ${path}`, `chmod go= ${path}`);
  }
  return ok("secrets", "only you can read the site's token");
}

async function checkDisk(layout: SiteLayout): Promise<DoctorLine> {
  const { bavail, bsize } = await statfs(layout.data).catch(() => ({ bavail: 0, bsize: 0 }));
  const free = bavail * bsize;
  const text = `${formatSize(free)} free under ${layout.data}`;
  const fix = "Free some space, or move the site with conifer site mv.";
  if (free < LEAST_BYTES) return fail("disk", text, fix);
  return free < FEW_BYTES ? warn("disk", text, fix) : ok("disk", text);
}

async function checkScheduler(layout: SiteLayout): Promise<DoctorLine[]> {
  const settings = await readSettings(layout.settings).catch(() => null);
  if (settings === null) return [];
  const { kind } = settings.scheduler;
  if (kind === "local") return [await checkLocalScheduler(layout)];
  try {
    const { mark } = await readSiteIdentity(layout.directory);
    await using scheduler = openSiteBatchScheduler(settings, { kind, layout, owner: `conifer-${mark}`, log: null });
    return [...(await checkCluster({ settings, kind, scheduler })), await checkShared(layout)];
  } catch (error) {
    if (!isConiferError(error)) throw error;
    return [fail("scheduler", error.message, error.hint)];
  }
}

async function checkLocalScheduler(layout: SiteLayout): Promise<DoctorLine> {
  try {
    const isThere = (await stat(layout.localScheduler).catch(() => null)) !== null;
    const open = isThere ? (await loadAllocations(layout.localScheduler)).filter(({ state }) => state !== "ended") : [];
    return ok("scheduler", `local, ${open.length} allocations wait or run`);
  } catch (error) {
    return fail("scheduler", messageOf(error), `Remove that file; its allocation is then forgotten.`);
  }
}

/** Compute nodes read and write the site's directory; what cannot be shared is told, what may be is told by a node. */
async function checkShared({ directory }: SiteLayout): Promise<DoctorLine> {
  const { type } = await statfs(directory);
  const isOwn = IN_MEMORY.has(type) || /^\/(tmp|var\/tmp|dev\/shm)(\/|$)/.test(directory);
  return isOwn
    ? warn(
        "shared directory",
        `${directory} looks like a directory of this machine alone`,
        "Move the site to a file system that compute nodes have too (conifer site mv); conifer site doctor --from-node looks.",
      )
    : ok("shared directory", "conifer site doctor --from-node looks whether compute nodes see it");
}

async function checkApps(directory: string): Promise<DoctorLine> {
  try {
    const { apps, problems } = await loadAppFiles(directory);
    if (problems.length === 0) return ok("apps", `${apps.length} apps read`);
    return fail(
      "apps",
      problems.map(({ message }) => message).join("\n"),
      "Correct these files, then run conifer app sync.",
    );
  } catch (error) {
    return fail("apps", messageOf(error), isConiferError(error) ? error.hint : "See the line before.");
  }
}

async function checkAgent(layout: SiteLayout): Promise<DoctorLine[]> {
  const agent = await findAgent(layout);
  if (agent === null) return [warn("agent", "it does not run", `conifer site start ${layout.directory}`)];
  const where = isHere(agent) ? `process ${agent.pid}` : `process ${agent.pid} on ${agent.host}`;
  const { report } = await siteStatus({ directory: layout.directory });
  const restart = `Look at ${layout.log}/agent.log; conifer site restart ${layout.directory}`;
  const age = report === null ? Number.POSITIVE_INFINITY : Date.now() - Date.parse(report.at);
  if (report === null || age > SILENT_MS)
    return [fail("agent", `${where} has told nothing of itself for long`, restart)];
  const modules = report.modules.map((module): DoctorLine => {
    const check = `agent: ${module.name}`;
    if (module.state === "restarting")
      return fail(check, `it failed ${module.restarts} times, the last: ${module.lastFault}`, restart);
    if (module.state === "waiting") return warn(check, module.text, "It goes on by itself once that is over.");
    return ok(check, module.text || "running");
  });
  return [ok("agent", `${where}, told ${Math.round(age / 1000)} s ago`), ...modules];
}
