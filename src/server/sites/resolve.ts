import { ConiferError } from "../../model/errors.ts";
import type { Queryable } from "../database/index.ts";

export type SiteRef = { readonly id: number; readonly name: string };

/** A user's site by id or name (names start with a letter, so digits are an id); NOT_FOUND for one of somebody else too. */
export async function resolveSite(db: Queryable, userId: number, site: number | string): Promise<SiteRef> {
  const { rows } = await db.query<SiteRef>(
    "SELECT id, name FROM sites WHERE owner_id = $1 AND deleted IS NULL AND (name = $2 OR id::text = $2)",
    [userId, String(site)],
  );
  if (!rows[0]) throw new ConiferError("NOT_FOUND", { kind: "site", name: site, list: "site" });
  return rows[0];
}
