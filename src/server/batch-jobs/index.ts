/** Batch jobs: allocations that users and the elastic queue ask for, and what the site's agent tells of them. */
import type { BatchJob } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Queryable } from "../database/index.ts";
import type { Handlers, RequestContext } from "../http/context.ts";
import { announceEnded } from "../sessions/index.ts";
import { resolveSite } from "../sites/resolve.ts";
import { applyAgentWords, type ChangedBatchJobs, cancelBatchJob } from "./change.ts";
import { checkLimits } from "./limits.ts";
import { findBatchJob, listBatchJobs } from "./list.ts";

/** An agent that was silent for longer is said to be down. */
const AGENT_SILENT_MS = 120_000;

export const batchJobHandlers = {
  async batchJobList({ db, user, clock }, { query }) {
    return listBatchJobs(db, { userId: user.id, query, now: clock.now() });
  },
  async batchJobGet({ db, user }, { params }) {
    return mustFind(db, user.id, params.id);
  },
  async batchJobCreate(context, { body }) {
    const { once, user, changes, clock } = context;
    const created = await once(async (tx) => {
      const site = await resolveSite(tx, user.id, body.site);
      const { rows } = await tx.query<{ report: unknown; lastSeen: string | null }>(
        `SELECT report, last_seen AS "lastSeen" FROM sites WHERE id = $1 FOR KEY SHARE`,
        [site.id],
      );
      checkLimits(rows[0]?.report, body, site.name);
      const { rows: stored } = await tx.query<{ id: number }>(
        `INSERT INTO batch_jobs (site_id, queue, project, nodes, wall_time_min, filter_tags, options, origin, reason, created)
         VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb, $8, $9, $10) RETURNING id`,
        [
          site.id,
          body.queue,
          body.project,
          body.nodes,
          body.wallTimeMin,
          JSON.stringify(body.filterTags),
          JSON.stringify(body.options),
          body.origin,
          silence(site.name, rows[0]?.lastSeen ?? null, clock.now()),
          new Date(clock.now()),
        ],
      );
      return mustFind(tx, user.id, stored[0]?.id ?? 0);
    });
    tell({ changes, clock }, created);
    return created;
  },
  async batchJobCancel(context, { params, body }) {
    const { db, user, clock } = context;
    const now = clock.now();
    announceAll(
      context,
      await db.transaction((tx) => cancelBatchJob(tx, params.id, { userId: user.id, reason: body.reason, now })),
      now,
    );
    return mustFind(db, user.id, params.id);
  },
  async batchJobUpdate(context, { body }) {
    const { db, user, clock } = context;
    const now = clock.now();
    const outcome = await db.transaction((tx) => applyAgentWords(tx, body.items, { userId: user.id, now }));
    announceAll(context, outcome, now);
    return { changed: outcome.changed.length };
  },
} satisfies Partial<Handlers>;

async function mustFind(db: Queryable, userId: number, id: number): Promise<BatchJob> {
  const found = await findBatchJob(db, userId, id);
  if (!found) throw new ConiferError("NOT_FOUND", { kind: "batch job", name: id, list: "batch" });
  return found;
}

/** Why nothing will happen for now; empty where the agent lives. */
function silence(site: string, lastSeen: string | null, now: number): string {
  if (lastSeen === null) return `the agent of site ${site} never ran: start it with \`conifer site start\``;
  if (now - Date.parse(lastSeen) < AGENT_SILENT_MS) return "";
  return `the agent of site ${site} was last heard at ${lastSeen.slice(0, 19)}Z: start it with \`conifer site start\``;
}

function announceAll(context: RequestContext, { changed, ended, retired }: ChangedBatchJobs, now: number): void {
  for (const batchJob of changed) tell(context, batchJob);
  for (const session of ended) announceEnded(context, session, now);
  for (const session of retired) context.changes.command(session);
}

function tell(
  { changes, clock }: Pick<RequestContext, "changes" | "clock">,
  { id, siteId, state }: Pick<BatchJob, "id" | "siteId" | "state">,
): void {
  changes.publish({ kind: "batchJob", siteId, id, state, at: new Date(clock.now()).toISOString() });
}
