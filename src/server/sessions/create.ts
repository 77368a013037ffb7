import type { z } from "zod";
import type { Session, sessionCreateSchema } from "../../client/wire/sessions.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Queryable, Transaction } from "../database/index.ts";
import { resolveSite } from "../sites/resolve.ts";

/** Makes a session at a site of the user. Its batch job must be of that site and not over. */
export async function createSession(
  tx: Transaction,
  body: z.output<typeof sessionCreateSchema>,
  { userId, now, leaseSec }: { userId: number; now: number; leaseSec: number },
): Promise<Session> {
  const { id: siteId } = await resolveSite(tx, userId, body.site);
  if (body.batchJob !== null) await checkBatchJob(tx, body.batchJob, siteId);
  const { rows } = await tx.query<{ id: number }>(
    `INSERT INTO sessions (site_id, batch_job_id, label, nodes, capacity, created, last_seen, expires)
     VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $6, $7) RETURNING id`,
    [
      siteId,
      body.batchJob,
      body.label,
      body.nodes,
      JSON.stringify(body.capacity),
      new Date(now),
      new Date(now + leaseSec * 1000),
    ],
  );
  const [session] = await listSessions(tx, { ids: rows.map(({ id }) => id), leaseSec });
  if (!session) throw new ConiferError("INTERNAL", { problem: "a new session is not there" });
  return session;
}

/** Sessions by id, ended ones too. */
export async function listSessions(
  db: Queryable,
  { ids, leaseSec }: { ids: readonly number[]; leaseSec: number },
): Promise<Session[]> {
  const { rows } = await db.query<Omit<Session, "leaseSec">>(
    `SELECT id, site_id AS "siteId", batch_job_id AS "batchJobId", label, created, last_seen AS "lastSeen", ended, end_reason AS "endReason"
     FROM sessions WHERE id = ANY ($1::bigint[]) ORDER BY id`,
    [ids],
  );
  return rows.map((row) => ({ ...row, leaseSec }));
}

/** Ids of the sessions of a user that live, at one site or all. */
export async function findLive(db: Queryable, userId: number, site: string | undefined): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>(
    `SELECT s.id FROM sessions s JOIN sites w ON w.id = s.site_id
     WHERE w.owner_id = $1 AND w.deleted IS NULL AND s.ended IS NULL AND ($2::text IS NULL OR w.name = $2 OR w.id::text = $2) ORDER BY s.id`,
    [userId, site ?? null],
  );
  return rows.map(({ id }) => id);
}

async function checkBatchJob(tx: Transaction, id: number, siteId: number): Promise<void> {
  const { rows } = await tx.query<{ state: string }>(
    "SELECT state FROM batch_jobs WHERE id = $1 AND site_id = $2 FOR SHARE",
    [id, siteId],
  );
  const state = rows[0]?.state;
  if (state === undefined)
    throw new ConiferError("BAD_INPUT", { where: "batchJob", problem: `the site has no batch job ${id}` });
  if (!["pending_submission", "queued", "running"].includes(state))
    throw new ConiferError("CONFLICT", {
      what: `batch job ${id}`,
      problem: `it is ${state}: no pilot may start in it`,
    });
}
