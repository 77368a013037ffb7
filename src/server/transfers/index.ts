/** Transfers: rows and states. The job follows once all of its stage are done, or fails with the first that does. */
import type { Transfer } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { JobState } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { announce, lockLives, moveJobs, type Step } from "../life/index.ts";
import { resolveSite } from "../sites/resolve.ts";

export const transferHandlers = {
  async transferList({ db, user }, { query }) {
    const site = query.site === undefined ? null : await resolveSite(db, user.id, query.site);
    const { rows } = await db.query<Transfer>(LIST, [
      user.id,
      query.job ?? null,
      query.state ?? null,
      site?.id ?? null,
      query.after ?? 0,
      query.limit,
    ]);
    return { items: rows };
  },
  async transferUpdate({ db, user, changes, clock }, { body }) {
    const now = clock.now();
    const outcome = await db.transaction(async (tx) => {
      const known = await ownTransfers(
        tx,
        user.id,
        body.items.map((item) => item.id),
      );
      const missing = body.items.findIndex((item) => !known.has(item.id));
      if (missing >= 0)
        throw new ConiferError("NOT_FOUND", { kind: "transfer", name: body.items[missing]?.id, list: "transfer" });
      const jobs = [...new Set(known.values())];
      await lockLives(tx, jobs);
      const { rowCount } = await tx.query(UPDATE, [JSON.stringify(body.items)]);
      const { changes: moved } = await moveJobs(tx, await stepsOf(tx, jobs, now), now);
      return { changed: rowCount, moved };
    });
    announce(changes, outcome.moved, now);
    return { changed: outcome.changed };
  },
} satisfies Partial<Handlers>;

async function ownTransfers(tx: Transaction, userId: number, ids: readonly number[]): Promise<Map<number, number>> {
  const { rows } = await tx.query<{ id: number; job: number }>(OWN, [userId, ids]);
  return new Map(rows.map(({ id, job }) => [id, job]));
}

type Stage = { readonly job: number; readonly state: JobState; readonly failed: string | null; readonly open: number };

async function stepsOf(tx: Transaction, jobs: readonly number[], now: number): Promise<Step[]> {
  const { rows } = await tx.query<Stage>(STAGES, [jobs]);
  return rows.flatMap(({ job, state, failed, open }): Step[] => {
    if (failed !== null) return [{ id: job, path: ["FAILED"], actor: "transfer", at: now, reason: failed }];
    const path = open > 0 ? [] : [state === "READY" ? ("STAGED_IN" as const) : ("STAGED_OUT" as const)];
    return path.length === 0 ? [] : [{ id: job, path, actor: "transfer", at: now }];
  });
}

const LIST = `
SELECT t.id, t.job_id AS "jobId", t.direction, t.location, t.remote_path AS "remotePath", t.local_path AS "localPath",
  t.recursive, t.state, t.reason
FROM transfers t JOIN job_life l ON l.id = t.job_id JOIN sites s ON s.id = l.site_id
WHERE s.owner_id = $1 AND s.deleted IS NULL AND ($2::bigint IS NULL OR t.job_id = $2) AND ($3::text IS NULL OR t.state = $3)
  AND ($4::bigint IS NULL OR s.id = $4) AND t.id > $5
ORDER BY t.id LIMIT $6`;

const OWN = `
SELECT t.id, t.job_id AS job FROM transfers t JOIN job_life l ON l.id = t.job_id JOIN sites s ON s.id = l.site_id
WHERE s.owner_id = $1 AND s.deleted IS NULL AND t.id = ANY($2::bigint[])`;

/** A word on a transfer whose job is not in that stage (any more) comes too late and changes nothing. */
const UPDATE = `
UPDATE transfers t SET state = u.state, reason = u.reason
FROM json_to_recordset($1::json) AS u(id bigint, state text, reason text), job_life l
WHERE t.id = u.id AND l.id = t.job_id AND t.state IN ('pending', 'active')
  AND l.state = (CASE t.direction WHEN 'in' THEN 'READY' ELSE 'POSTPROCESSED' END)::job_state`;

/** For jobs in a stage: the first failed transfer in words, and how many are not done. */
const STAGES = `
SELECT l.id AS job, l.state, count(*) FILTER (WHERE t.state <> 'done') AS open,
  min('transfer ' || t.id || ' (' || t.direction || ' ' || t.location || ':' || t.remote_path || ') failed: ' || t.reason)
    FILTER (WHERE t.state = 'error') AS failed
FROM job_life l JOIN transfers t ON t.job_id = l.id
  AND t.direction = CASE l.state WHEN 'READY' THEN 'in' WHEN 'POSTPROCESSED' THEN 'out' END
WHERE l.id = ANY($1::bigint[]) GROUP BY l.id, l.state ORDER BY l.id`;
