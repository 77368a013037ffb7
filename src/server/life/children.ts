import type { Queryable } from "../database/index.ts";
import { chunksOf } from "./chunks.ts";
import { blockedBy, type DependencyCondition, type Parent, type ParentNews, verdictOf } from "./dependencies.ts";

type Edge = { readonly child: number; readonly parent: number; readonly condition: DependencyCondition };

/** What the end of these parents means for their children, by child; dependencies that now hold are marked. */
export async function tellChildren(tx: Queryable, parents: readonly Parent[]): Promise<Map<number, ParentNews>> {
  const states = new Map(parents.map((parent) => [parent.id, parent.state]));
  const { rows } = await tx.query<Edge>(
    `SELECT child_id AS child, parent_id AS parent, condition FROM job_dependencies WHERE parent_id = ANY ($1::bigint[]) AND NOT met`,
    [[...states.keys()]],
  );
  return judge(
    tx,
    rows.map((edge) => ({ ...edge, state: states.get(edge.parent) ?? null })),
  );
}

/** What their parents' present states mean for these children: for jobs that begin to wait again. */
export async function askParents(tx: Queryable, children: readonly number[]): Promise<Map<number, ParentNews>> {
  const { rows } = await tx.query<Edge & { state: Parent["state"] }>(
    `SELECT d.child_id AS child, d.parent_id AS parent, d.condition, p.state
     FROM job_dependencies d LEFT JOIN job_life p ON p.id = d.parent_id WHERE d.child_id = ANY ($1::bigint[]) AND NOT d.met`,
    [children],
  );
  return judge(tx, rows);
}

async function judge(
  tx: Queryable,
  edges: readonly (Edge & { state: Parent["state"] })[],
): Promise<Map<number, ParentNews>> {
  const news = new Map<number, { met: number; blocked: string | null }>();
  const met: Edge[] = [];
  for (const edge of edges) {
    const verdict = verdictOf(edge.condition, edge.state);
    if (verdict === "waiting") continue;
    const known = news.get(edge.child) ?? { met: 0, blocked: null };
    news.set(edge.child, known);
    if (verdict === "never") known.blocked ??= blockedBy({ id: edge.parent, state: edge.state }, edge.condition);
    else {
      known.met += 1;
      met.push(edge);
    }
  }
  await markMet(tx, met);
  return news;
}

/** By pairs and not by parent: one statement of 5,000 children of one parent is as quick, and no condition is decided twice. */
async function markMet(tx: Queryable, edges: readonly Edge[]): Promise<void> {
  if (edges.length === 0) return;
  for (const chunk of chunksOf(edges))
    await tx.query(
      `UPDATE job_dependencies d SET met = true FROM unnest($1::bigint[], $2::bigint[]) AS e(child, parent) WHERE d.child_id = e.child AND d.parent_id = e.parent`,
      [chunk.map(({ child }) => child), chunk.map(({ parent }) => parent)],
    );
}
