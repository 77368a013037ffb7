/** Sites: registered by their users, told alive by their agents. */
import type { Site } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import { constraintOf } from "../database/index.ts";
import type { Handlers, RequestContext } from "../http/context.ts";
import { resolveSite } from "./resolve.ts";

export type { SiteRef } from "./resolve.ts";

/** A heartbeat waits no longer than this for a busy database; it is written once that has time. */
const HEARTBEAT_PATIENCE_MS = 30;

export const siteHandlers = {
  async siteList({ db, user }) {
    const { rows } = await db.query<Site>(`${SELECT} WHERE owner_id = $1 AND deleted IS NULL ORDER BY id`, [user.id]);
    return { items: rows };
  },
  async siteCreate({ once, user, changes, clock }, { body }) {
    const site = await uniqueName(body.name, () =>
      once(async (tx) => {
        const { rows } = await tx.query<Site>(
          `INSERT INTO sites (owner_id, name, path, hostname) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
          [user.id, body.name, body.path, body.hostname],
        );
        return found(rows[0], body.name);
      }),
    );
    changes.publish({ kind: "site", siteId: site.id, at: new Date(clock.now()).toISOString() });
    return site;
  },
  async siteGet({ db, user }, { params }) {
    const { rows } = await db.query<Site>(`${SELECT} WHERE id = $1 AND owner_id = $2 AND deleted IS NULL`, [
      params.id,
      user.id,
    ]);
    return found(rows[0], params.id);
  },
  async siteUpdate({ db, user, changes, clock }, { params, body }) {
    const { rows } = await uniqueName(body.name, () =>
      db.query<Site>(
        `UPDATE sites SET name = coalesce($3, name), path = coalesce($4, path), hostname = coalesce($5, hostname)
         WHERE id = $1 AND owner_id = $2 AND deleted IS NULL RETURNING ${COLUMNS}`,
        [params.id, user.id, body.name ?? null, body.path ?? null, body.hostname ?? null],
      ),
    );
    const site = found(rows[0], params.id);
    changes.publish({ kind: "site", siteId: site.id, at: new Date(clock.now()).toISOString() });
    return site;
  },
  async siteDelete(context, { params }) {
    await deleteSite(context, params.id);
    return null;
  },
  async siteHeartbeat(context, { params, body }) {
    const written = writeHeartbeat(context, params.id, body);
    written.catch((error: unknown) => context.log.warn({ err: error, site: params.id }, "a heartbeat was not written"));
    await Promise.race([written, pause(HEARTBEAT_PATIENCE_MS)]);
    return { ok: true };
  },
} satisfies Partial<Handlers>;

/** Hides the site, its apps and jobs at once and ends its sessions; housekeeping clears the rows away. */
async function deleteSite({ db, user, changes, clock, sessions }: RequestContext, id: number): Promise<void> {
  const ended = await db.transaction(async (tx) => {
    const { id: siteId } = await resolveSite(tx, user.id, id);
    // Conflicts with the lock of whoever creates jobs here at this moment.
    await tx.query("SELECT 1 FROM sites WHERE id = $1 FOR UPDATE", [siteId]);
    await tx.query("UPDATE sites SET deleted = now() WHERE id = $1", [siteId]);
    await tx.query("UPDATE apps SET deleted = now() WHERE site_id = $1 AND deleted IS NULL", [siteId]);
    const { rows } = await tx.query<{ id: number }>(
      "UPDATE sessions SET ended = now(), end_reason = 'its site was removed' WHERE site_id = $1 AND ended IS NULL RETURNING id",
      [siteId],
    );
    return rows;
  });
  for (const session of ended) {
    sessions.forget(session.id);
    changes.command(session.id);
  }
  changes.publish({ kind: "site", siteId: id, at: new Date(clock.now()).toISOString() });
}

async function writeHeartbeat(
  { db, user, changes, clock }: RequestContext,
  id: number,
  body: { report: Record<string, unknown>; hostname?: string | undefined },
): Promise<void> {
  const now = new Date(clock.now());
  const { rows } = await db.query<{ changed: boolean }>(HEARTBEAT, [
    id,
    user.id,
    JSON.stringify(body.report),
    body.hostname ?? null,
    now,
  ]);
  if (found(rows[0], id).changed) changes.publish({ kind: "site", siteId: id, at: now.toISOString() });
}

const HEARTBEAT = `
WITH old AS (SELECT id, report FROM sites WHERE id = $1 AND owner_id = $2 AND deleted IS NULL FOR NO KEY UPDATE)
UPDATE sites SET report = $3::text::jsonb, hostname = coalesce($4, hostname), last_seen = $5
FROM old WHERE sites.id = old.id RETURNING old.report IS DISTINCT FROM sites.report AS changed`;

const COLUMNS = `id, name, path, hostname, report, last_seen AS "lastSeen", created`;
const SELECT = `SELECT ${COLUMNS} FROM sites`;

async function uniqueName<T>(name: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (constraintOf(error) === "sites_name") throw new ConiferError("ALREADY_EXISTS", { kind: "site", name });
    throw error;
  }
}

function found<T>(row: T | undefined, name: string | number): T {
  if (row === undefined) throw new ConiferError("NOT_FOUND", { kind: "site", name, list: "site" });
  return row;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
