import type { Client } from "../../client/client.ts";
import { readSiteIdentity } from "../directory/identity.ts";
import { badAppFile } from "./app-file.ts";
import { loadAppFiles } from "./load.ts";

export type SyncApps = {
  readonly directory: string;
  readonly client: Client;
  /** Also remove apps of the site that have neither file nor jobs. */
  readonly prune?: boolean;
};
export type SyncedApps = {
  readonly created: number;
  readonly updated: number;
  readonly removed: number;
  readonly names: readonly string[];
};

/** Reads the app files and tells the server; throws where one does not read (then nothing is changed). */
export async function syncApps({ directory, client, prune = false }: SyncApps): Promise<SyncedApps> {
  const { siteId } = await readSiteIdentity(directory);
  const { apps, problems } = await loadAppFiles(directory);
  if (problems.length > 0)
    throw badAppFile(
      problems.map((error) => ({ file: String(error.values.file), problem: String(error.values.problem) })),
    );
  const body = { site: siteId, apps: apps.map(({ definition }) => definition), prune };
  const { created, updated, removed } = await client.call("appSync", { body });
  return { created, updated, removed, names: apps.map(({ name }) => name) };
}
