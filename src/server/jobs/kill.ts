import type { Queryable } from "../database/index.ts";
import type { Handlers, RequestContext } from "../http/context.ts";
import { announce, killJobs } from "../life/index.ts";
import { BATCH_JOBS, type BatchOutcome, type Changed, changeInBatches, countReasons, findBatches } from "./batches.ts";
import { ownJobs } from "./own.ts";
import { readSelection } from "./query/index.ts";

export const jobKill = {
  async jobKill(context, { body }) {
    const { reason, recursive, ...selection } = body;
    const named = recursive ? { ids: await withDescendants(context, selection) } : selection;
    if (recursive && named.ids?.length === 0) return { matched: 0, changed: 0, left: [] };
    return kill(context, named, reason);
  },
} satisfies Partial<Handlers>;

function kill(
  context: RequestContext,
  selection: Parameters<typeof changeInBatches>[1],
  reason: string,
): Promise<Changed> {
  const now = context.clock.now();
  return changeInBatches(context, selection, async (tx, ids): Promise<BatchOutcome> => {
    const killed = await killJobs(tx, ids, { reason, actor: "user", now });
    const asked = new Set(ids);
    const moved = killed.moved.changes.filter(({ after, path }) => asked.has(after.id) && path.length > 0);
    return {
      changed: moved.length + killed.requested.length,
      left: [
        ...countReasons(killed.ended.map(() => "ended already")),
        ...countReasons(killed.moved.refused.map(({ state }) => `${state} cannot be killed`)),
      ],
      announce: () => {
        announce(context.changes, killed.moved.changes, now);
        for (const session of killed.sessions) context.changes.command(session);
      },
    };
  });
}

/** The selected jobs and all that depend on them, deepest first: a child is killed before the end of its parent could fail it. */
async function withDescendants(
  context: RequestContext,
  selection: Parameters<typeof changeInBatches>[1],
): Promise<number[]> {
  const { db, user, clock } = context;
  const read = readSelection(selection, clock.now());
  const depths = new Map<number, number>();
  const batches = "query" in read ? findBatches(context, read.query) : inBatches(read.ids);
  for await (const ids of batches)
    for (const { id, depth } of await descendants(db, await ownJobs(db, user.id, ids)))
      depths.set(id, Math.max(depth, depths.get(id) ?? 0));
  if ("ids" in read) for (const id of read.ids) if (!depths.has(id)) depths.set(id, 0);
  return [...depths].sort(([, a], [, b]) => b - a).map(([id]) => id);
}

function* inBatches(ids: readonly number[]): Generator<readonly number[]> {
  for (let at = 0; at < ids.length; at += BATCH_JOBS) yield ids.slice(at, at + BATCH_JOBS);
}

/** All that depend on these jobs, themselves included, level by level: each job is read once a level, so a diamond of any height stays small. */
async function descendants(db: Queryable, roots: readonly number[]): Promise<{ id: number; depth: number }[]> {
  const depths = new Map<number, number>();
  let level = roots;
  for (let depth = 0; level.length > 0; depth += 1) {
    for (const id of level) depths.set(id, depth);
    const { rows } = await db.query<{ id: number }>(CHILDREN, [level]);
    level = rows.map((row) => row.id);
  }
  return [...depths].map(([id, depth]) => ({ id, depth }));
}

const CHILDREN = "SELECT DISTINCT child_id AS id FROM job_dependencies WHERE parent_id = ANY($1::bigint[])";
