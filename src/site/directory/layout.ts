import { join } from "node:path";

/** Where things are in a site's directory. */
export type SiteLayout = {
  readonly directory: string;
  readonly settings: string;
  readonly apps: string;
  /** Workdirs of jobs. */
  readonly data: string;
  readonly log: string;
  readonly marker: string;
  /** Private to the user (0700): tokens, what runs. */
  readonly run: string;
  readonly access: string;
  readonly agent: string;
  readonly report: string;
  /** Says to an agent that is asked to stop whether its allocations end too. */
  readonly stopOrder: string;
  readonly pilots: string;
  readonly localScheduler: string;
  /** What batch schedulers leave there of their own accord. */
  readonly schedulerLogs: string;
  /** Where the agent relayed last. */
  readonly relay: string;
  /** Bundled app modules, named by the hash of their content. */
  readonly bundles: string;
  /** Where the hooks of each app are. */
  readonly appCode: string;
  /** How far cleaning has come. */
  readonly cleaned: string;
};

export function siteLayout(directory: string): SiteLayout {
  const run = join(directory, "run");
  return {
    directory,
    settings: join(directory, "settings.yml"),
    apps: join(directory, "apps"),
    data: join(directory, "data"),
    log: join(directory, "log"),
    marker: join(directory, ".conifer-site.json"),
    run,
    access: join(run, "access.json"),
    agent: join(run, "agent.json"),
    report: join(run, "report.json"),
    stopOrder: join(run, "stop.json"),
    pilots: join(run, "pilots"),
    localScheduler: join(run, "local-scheduler"),
    schedulerLogs: join(run, "scheduler"),
    relay: join(run, "relay.json"),
    bundles: join(run, "bundles"),
    appCode: join(run, "apps.json"),
    cleaned: join(run, "cleaned.json"),
  };
}
