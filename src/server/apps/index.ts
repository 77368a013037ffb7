/** Apps: what a site's jobs run. A definition is stored whole; its version grows at each change. */
import { type AppDefinition, readAppDefinition } from "../../app/definition.ts";
import type { App } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Queryable, Transaction } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { resolveSite, type SiteRef } from "../sites/resolve.ts";

export const appHandlers = {
  async appList({ db, user }, { query }) {
    const site = query.site === undefined ? null : await resolveSite(db, user.id, query.site);
    const { rows } = await db.query<StoredApp>(
      `${SELECT} AND ($2::bigint IS NULL OR s.id = $2) AND ($3::text IS NULL OR a.name = $3) ORDER BY s.id, a.name`,
      [user.id, site?.id ?? null, query.name ?? null],
    );
    return { items: rows.map(toApp) };
  },
  async appGet({ db, user }, { params }) {
    return getApp(db, user.id, params.id);
  },
  async appSync({ db, user, changes, clock }, { body }) {
    const definitions = body.apps.map((app, index) => readAppDefinition(app, `apps[${index}]`));
    refuseTwins(definitions);
    const { siteId, ...answer } = await db.transaction(async (tx) => {
      const site = await resolveSite(tx, user.id, body.site);
      const counts = await storeApps(tx, site, definitions);
      const removed = body.prune
        ? await pruneApps(
            tx,
            site,
            definitions.map((app) => app.name),
          )
        : 0;
      const { rows } = await tx.query<StoredApp>(`${SELECT} AND s.id = $2 ORDER BY a.name`, [user.id, site.id]);
      return { siteId: site.id, items: rows.map(toApp), ...counts, removed };
    });
    changes.publish({ kind: "site", siteId, at: new Date(clock.now()).toISOString() });
    return answer;
  },
  async appDelete({ db, user, changes, clock }, { params }) {
    const app = await db.transaction(async (tx) => {
      const found = await getApp(tx, user.id, params.id);
      // Conflicts with the lock of whoever creates jobs of it at this moment.
      await tx.query("SELECT 1 FROM apps WHERE id = $1 FOR UPDATE", [params.id]);
      const { rows } = await tx.query<{ n: number }>(
        "SELECT count(*) AS n FROM job_life WHERE app_id = $1 AND session_id IS NOT NULL",
        [params.id],
      );
      const held = rows[0]?.n ?? 0;
      if (held > 0)
        throw new ConiferError("CONFLICT", {
          what: `App ${found.name}`,
          problem: `pilots hold ${held} of its jobs; kill them first`,
        });
      await tx.query("UPDATE apps SET deleted = now() WHERE id = $1", [params.id]);
      return found;
    });
    changes.publish({ kind: "site", siteId: app.siteId, at: new Date(clock.now()).toISOString() });
    return null;
  },
} satisfies Partial<Handlers>;

type StoredApp = {
  readonly id: number;
  readonly siteId: number;
  readonly site: string;
  readonly version: number;
  readonly updated: string;
  readonly definition: AppDefinition;
};

const SELECT = `
SELECT a.id, s.id AS "siteId", s.name AS site, a.version, a.updated, a.definition
FROM apps a JOIN sites s ON s.id = a.site_id
WHERE s.owner_id = $1 AND s.deleted IS NULL AND a.deleted IS NULL`;

function toApp({ definition, ...row }: StoredApp): App {
  return { ...definition, ...row };
}

async function getApp(db: Queryable, userId: number, id: number): Promise<App> {
  const { rows } = await db.query<StoredApp>(`${SELECT} AND a.id = $2`, [userId, id]);
  if (!rows[0]) throw new ConiferError("NOT_FOUND", { kind: "app", name: id, list: "app" });
  return toApp(rows[0]);
}

function refuseTwins(definitions: readonly AppDefinition[]): void {
  const first = new Map<string, number>();
  for (const [index, { name }] of definitions.entries()) {
    const before = first.get(name);
    if (before !== undefined)
      throw new ConiferError("BAD_INPUT", {
        where: `apps[${index}].name`,
        problem: `${name} is the name of apps[${before}] too`,
      });
    first.set(name, index);
  }
}

async function storeApps(
  tx: Transaction,
  site: SiteRef,
  definitions: readonly AppDefinition[],
): Promise<{ created: number; updated: number }> {
  const { rows } = await tx.query<{ version: number }>(STORE, [
    site.id,
    JSON.stringify(definitions.map((definition) => ({ name: definition.name, definition }))),
  ]);
  const created = rows.filter(({ version }) => version === 1).length;
  return { created, updated: rows.length - created };
}

/** Touches only what differs: a version stays while the definition does. */
const STORE = `
INSERT INTO apps AS known (site_id, name, definition)
SELECT $1, name, definition FROM json_to_recordset($2::json) AS given(name text, definition jsonb) ORDER BY name
ON CONFLICT (site_id, name) WHERE deleted IS NULL DO UPDATE
SET definition = excluded.definition, version = known.version + 1, updated = now()
WHERE known.definition IS DISTINCT FROM excluded.definition
RETURNING version`;

async function pruneApps(tx: Transaction, site: SiteRef, keep: readonly string[]): Promise<number> {
  // Conflicts with the lock of whoever creates jobs of them at this moment; what they made is seen below.
  await tx.query("SELECT 1 FROM apps WHERE site_id = $1 AND deleted IS NULL AND name <> ALL($2::text[]) FOR UPDATE", [
    site.id,
    keep,
  ]);
  const { rowCount } = await tx.query(
    `UPDATE apps SET deleted = now() WHERE site_id = $1 AND deleted IS NULL AND name <> ALL($2::text[])
     AND NOT EXISTS (SELECT 1 FROM job_tally t WHERE t.app_id = apps.id AND t.site_id = $1 GROUP BY t.app_id HAVING sum(n) > 0)`,
    [site.id, keep],
  );
  return rowCount;
}
