/**
 * A site: a directory on a machine, its settings and apps, and the agent that serves it. What the CLI does with sites
 * goes through these functions; the agent itself is `main.ts`, a process. Nothing here touches SQL or knows a flow.
 *
 *   directory/  what makes a directory a site; init, move, remove     settings/  settings.yml, its sample and reference
 *   apps/       app files: read, bundled, told to the server          yaml/      YAML with lines for every problem
 *   agent/      the process: modules and their supervision, lock, heartbeat, events
 *   probe/      a program of the doctor's that looks around on a compute node
 *   presets/    what is known of machines, and which one this is
 *   batch/ elastic/ hooks/ clean/   the modules' work                 doctor/    checks of everything a site needs
 */
export type { SiteReport } from "./agent/heartbeat.ts";
export type { AgentIdentity } from "./agent/lock.ts";
export type { ModuleReport } from "./agent/supervise.ts";
export type { LoadedApp, LoadedApps } from "./apps/load.ts";
export { type SyncApps, type SyncedApps, syncApps } from "./apps/sync.ts";
export { moveSite, removeSite } from "./directory/change.ts";
export { findSiteDirectory, readSiteIdentity, type SiteIdentity } from "./directory/identity.ts";
export { type InitSite, initSite, type MadeSite } from "./directory/init.ts";
export { doctor } from "./doctor/doctor.ts";
export { doctorFromNode, type FromNode } from "./doctor/from-node.ts";
export type { DoctorLine } from "./doctor/line.ts";
export type { Guess } from "./presets/guess.ts";
export { guessHere } from "./presets/here.ts";
export { findPreset, listPresets } from "./presets/list.ts";
export type { MachinePreset } from "./presets/preset.ts";
export { sampleSettings } from "./settings/sample.ts";
export { startSite } from "./start.ts";
export { type SiteStatus, siteStatus } from "./status.ts";
export { stopSite } from "./stop.ts";
