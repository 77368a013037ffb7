import type { Database } from "../database/index.ts";

/** Whose a site is; a site never changes hands, so what was found once stays true. */
export class SiteOwners {
  readonly #db: Database;
  readonly #owners = new Map<number, number>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The owner's id, where it is known already. */
  known(siteId: number): number | undefined {
    return this.#owners.get(siteId);
  }

  /** The owner's id; undefined where there is no such site. */
  async find(siteId: number): Promise<number | undefined> {
    const known = this.#owners.get(siteId);
    if (known !== undefined) return known;
    const { rows } = await this.#db.query<{ owner: number }>("SELECT owner_id AS owner FROM sites WHERE id = $1", [
      siteId,
    ]);
    const owner = rows[0]?.owner;
    if (owner !== undefined) this.#owners.set(siteId, owner);
    return owner;
  }
}
