import { randomBytes } from "node:crypto";
import { access } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { ConiferError } from "../../model/errors.ts";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { siteLayout } from "./layout.ts";

const identitySchema = z.object({
  siteId: z.int().min(1),
  name: z.string(),
  address: z.string(),
  mark: z.string().regex(/^[a-z0-9]{8}$/),
});

/** Who a site is at its server. */
export type SiteIdentity = {
  readonly siteId: number;
  readonly name: string;
  /** The server's address. */
  readonly address: string;
  /** Eight letters and digits that no other site has: batch schedulers know its allocations by them. */
  readonly mark: string;
};

/** A mark for a new site. */
export function newMark(): string {
  return randomBytes(4).toString("hex");
}

/** The site directory that holds `from` (default: the working directory) or is it; null where none does. */
export async function findSiteDirectory(from: string = process.cwd()): Promise<string | null> {
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    const isSite = await access(siteLayout(directory).marker).then(
      () => true,
      () => false,
    );
    if (isSite) return directory;
    if (dirname(directory) === directory) return null;
  }
}

/** Who a site directory is; throws NO_SITE_HERE. */
export async function readSiteIdentity(directory: string): Promise<SiteIdentity> {
  const identity = await readJsonFile(siteLayout(directory).marker, identitySchema);
  if (identity === null) throw new ConiferError("NO_SITE_HERE", { directory });
  return identity;
}

export async function writeSiteIdentity(directory: string, identity: SiteIdentity): Promise<void> {
  await writeJsonFile(join(siteLayout(directory).marker), identity, { mode: 0o644 });
}
