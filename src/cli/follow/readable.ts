import { access, constants } from "node:fs/promises";
import { hostname } from "node:os";
import type { Site } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";

/** Throws where a file of a site cannot be read from here, saying on which machine it would be. */
export async function readableFile(file: string, { site, what }: { site: Site; what: string }): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (cause) {
    const elsewhere = site.hostname !== "" && site.hostname !== hostname() ? ` on ${site.hostname}` : "";
    throw new ConiferError("NO_OUTPUT", { what, file: `${file}${elsewhere}` }, { cause });
  }
}
