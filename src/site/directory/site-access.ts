import { z } from "zod";
import type { Access } from "../../client/client.ts";
import { ConiferError } from "../../model/errors.ts";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { siteLayout } from "./layout.ts";

const accessSchema = z.object({
  address: z.string(),
  token: z.string(),
  fingerprint: z.string().nullable(),
  tokenId: z.int().nullable().default(null),
});

/** The site's own way to its server: a token of its own, so that a user's expired login stops nothing. */
export type SiteAccess = Access & {
  /** Id of the token, to revoke it by. */
  readonly tokenId: number | null;
};

export async function readSiteAccess(directory: string): Promise<SiteAccess> {
  const file = siteLayout(directory).access;
  const found = await readJsonFile(file, accessSchema);
  if (found === null)
    throw new ConiferError("BAD_INPUT", {
      where: file,
      problem: "the site's own token is missing; `conifer site init` in this directory writes a new one",
    });
  return found;
}

export async function writeSiteAccess(directory: string, access: SiteAccess): Promise<void> {
  await writeJsonFile(siteLayout(directory).access, access);
}
