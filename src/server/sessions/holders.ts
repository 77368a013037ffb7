import type { Database } from "../database/index.ts";
import { keepToIndexes } from "../life/index.ts";
import { type Free, fitJobs } from "./fit.ts";
import type { Candidate, Wish } from "./runnable.ts";

/** The most held jobs looked at. */
const MOST = 2_000;

/** Sessions of the site that hold jobs which another pilot could start now, with how many; nearest to their turn last. */
export async function findHolders(
  db: Database,
  wish: Wish,
  { free, most, sessionId }: { free: Free; most: number; sessionId: number },
): Promise<Map<number, number>> {
  const { rows } = await db.transaction(async (tx) => {
    await keepToIndexes(tx);
    return tx.query<Candidate & { holder: number }>(
      `SELECT l.session_id AS holder, l.id, l.attempt, l.nodes, l.cores, l.gpus_milli AS "gpusMilli", l.memory_mib AS "memoryMib", l.most_per_node AS "mostPerNode", l.wall_sec AS "wallSec"
       FROM sessions s JOIN job_life l ON l.session_id = s.id
       WHERE s.site_id = $1 AND s.ended IS NULL AND s.id <> $2 AND l.state IN ('PREPROCESSED', 'RESTART_READY') AND NOT l.kill_requested AND l.wall_sec <= $3
         AND ($4::jsonb IS NULL OR EXISTS (SELECT FROM jobs j WHERE j.id = l.id AND j.tags @> $4::jsonb))
         AND ($5::text[] = '{}' OR l.app_id IN (SELECT a.id FROM apps a WHERE a.name = ANY ($5::text[])))
       ORDER BY l.priority, l.id DESC LIMIT ${MOST}`,
      [wish.siteId, sessionId, wish.wallSec, wish.tags, wish.apps],
    );
  });
  const { taken } = fitJobs(rows, free, { node: wish.node, most });
  const counts = new Map<number, number>();
  for (const { holder } of taken) counts.set(holder, (counts.get(holder) ?? 0) + 1);
  return counts;
}
