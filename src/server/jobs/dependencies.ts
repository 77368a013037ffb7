/**
 * New parents for a job that has not started. It waits for them from now on; a parent that has ended already counts at
 * once, and one that ended the wrong way fails the job as it would have later.
 */
import { ConiferError } from "../../model/errors.ts";
import type { JobState } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import {
  announce,
  blockedBy,
  type DependencyCondition,
  type LifeRow,
  lockLives,
  type Moved,
  moveJobs,
  verdictOf,
} from "../life/index.ts";
import { type KnownParent, lockParents } from "./create/resolve.ts";
import { getJob } from "./lists.ts";
import { mustOwnJob } from "./own.ts";

export const jobDependencies = {
  async jobDependencies({ db, user, changes, clock }, { params, body }) {
    const now = clock.now();
    const moved = await db.transaction(async (tx) => {
      await mustOwnJob(tx, user.id, params.id);
      // Two calls at once could each add one half of a cycle.
      await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('conifer dependencies ' || $1::text, 0))", [
        user.id,
      ]);
      const ids = body.parents.map((parent) => parent.job);
      const parents = await lockParents(tx, user.id, ids);
      const [child] = await lockLives(tx, [params.id]);
      if (!child) throw new ConiferError("NOT_FOUND", { kind: "job", name: params.id, list: "job" });
      mustWait(child);
      for (const [index, id] of ids.entries())
        if (!parents.has(id))
          throw new ConiferError("PARENT_NOT_FOUND", { where: `parents[${index}].job`, parent: id });
      await refuseCycle(tx, child.id, ids);
      return addParents(tx, child, { wanted: body.parents, parents, now });
    });
    announce(changes, moved.changes, now);
    return getJob(db, user.id, params.id);
  },
} satisfies Partial<Handlers>;

/** A runnable job goes back to waiting only where nothing was done for it: no files brought, no hook run, no attempt begun. */
function mustWait(child: LifeRow): void {
  const untouched = child.state === "PREPROCESSED" && !child.stages.stageIn && !child.stages.preprocess;
  if (child.state === "AWAITING_PARENTS" || (untouched && child.sessionId === null && child.attempt === 0)) return;
  const state = child.sessionId !== null ? `${child.state} and held by a pilot` : child.state;
  throw new ConiferError("WRONG_STATE", { job: child.id, state, action: "given parents" });
}

type Wanted = { readonly job: number; readonly when: DependencyCondition };
type Adding = {
  readonly wanted: readonly Wanted[];
  readonly parents: ReadonlyMap<number, KnownParent>;
  readonly now: number;
};

async function addParents(tx: Transaction, child: LifeRow, { wanted, parents, now }: Adding): Promise<Moved> {
  const fresh = await withoutKnown(tx, child.id, wanted);
  const edges = fresh.map(({ job, when }) => {
    const state: JobState | null = parents.get(job)?.state ?? null;
    return { job, when, state, verdict: verdictOf(when, state) };
  });
  const met = edges.map(({ verdict }) => verdict === "met");
  await tx.query(INSERT, [child.id, edges.map(({ job }) => job), edges.map(({ when }) => when), met]);
  const waiting = met.filter((isMet) => !isMet).length;
  await tx.query("UPDATE job_life SET waiting_for = waiting_for + $2, updated = $3 WHERE id = $1", [
    child.id,
    waiting,
    new Date(now),
  ]);
  const back =
    waiting > 0 && child.state === "PREPROCESSED"
      ? await moveJobs(
          tx,
          [{ id: child.id, path: ["AWAITING_PARENTS"], actor: "user", at: now, reason: "given parents" }],
          now,
        )
      : NOTHING;
  const blocker = edges.find(({ verdict }) => verdict === "never");
  if (!blocker) return back;
  const reason = blockedBy({ id: blocker.job, state: blocker.state }, blocker.when);
  const failed = await moveJobs(tx, [{ id: child.id, path: ["FAILED"], actor: "server", at: now, reason }], now);
  return { changes: [...back.changes, ...failed.changes], refused: failed.refused };
}

const NOTHING: Moved = { changes: [], refused: [] };

/** The same parent under another condition is refused; under the same one it is there already. */
async function withoutKnown(tx: Transaction, child: number, wanted: readonly Wanted[]): Promise<Wanted[]> {
  const { rows } = await tx.query<Wanted>(
    `SELECT parent_id AS job, condition AS "when" FROM job_dependencies WHERE child_id = $1`,
    [child],
  );
  const known = new Map(rows.map(({ job, when }) => [job, when]));
  const fresh: Wanted[] = [];
  for (const parent of wanted) {
    const before = known.get(parent.job);
    if (before !== undefined && before !== parent.when)
      throw new ConiferError("CONFLICT", {
        what: `Job ${child}`,
        problem: `it depends on job ${parent.job} already, with condition ${before}`,
      });
    if (before === undefined) fresh.push(parent);
    known.set(parent.job, parent.when);
  }
  return fresh;
}

/** Walks up from the new parents; meeting the child closes a cycle, which is told from child to child. */
async function refuseCycle(tx: Transaction, child: number, parents: readonly number[]): Promise<void> {
  const below = new Map<number, number>(parents.map((parent) => [parent, child]));
  let level: readonly number[] = [...below.keys()];
  while (level.length > 0 && !level.includes(child)) {
    const { rows } = await tx.query<{ child: number; parent: number }>(PARENTS_OF, [level]);
    const next = new Set<number>();
    for (const edge of rows) {
      if (below.has(edge.parent)) continue;
      below.set(edge.parent, edge.child);
      next.add(edge.parent);
    }
    level = [...next];
  }
  if (level.length === 0) return;
  const cycle = [child];
  for (let at = below.get(child) ?? child; at !== child; at = below.get(at) ?? child) cycle.push(at);
  throw new ConiferError("DEPENDENCY_CYCLE", { where: "parents", cycle: [...cycle, child].join(" → ") });
}

const PARENTS_OF = `
SELECT child_id AS child, parent_id AS parent FROM job_dependencies WHERE child_id = ANY($1::bigint[])`;

const INSERT = `
INSERT INTO job_dependencies (child_id, parent_id, condition, met)
SELECT $1, * FROM unnest($2::bigint[], $3::dependency_condition[], $4::boolean[])`;
