import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** The site whose directory somebody is in. */
export type SiteHere = { readonly id: number; readonly name: string; readonly directory: string };

/** Looks for a site's directory from `from` upward; null where there is none. */
export async function findHere(from: string): Promise<SiteHere | null> {
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    const site = await readSite(directory);
    if (site !== null || directory === dirname(directory)) return site;
  }
}

async function readSite(directory: string): Promise<SiteHere | null> {
  try {
    const { siteId, name } = JSON.parse(await readFile(join(directory, ".conifer-site.json"), "utf8"));
    return { id: Number(siteId), name: String(name), directory };
  } catch {
    return null;
  }
}
