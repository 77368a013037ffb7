import { tagsSchema } from "../../client/wire/entities.ts";
import type { AnswerOf } from "../../client/wire/operations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Database } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { keepToIndexes, UNLIMITED } from "../life/index.ts";
import { resolveSite } from "../sites/resolve.ts";

/** Runnable jobs looked at: more than any site's queue can be filled with. */
const MOST_JOBS = 200_000;
/** Shapes answered, the most frequent first. */
const MOST_SHAPES = 1_000;

export const demandHandlers = {
  async siteDemand({ db, user }, { params, query }) {
    const site = await resolveSite(db, user.id, params.id);
    return readDemand(db, site.id, readTags(query.tags));
  },
} satisfies Partial<Handlers>;

/**
 * What a site's runnable jobs need, grouped in SQL, and what its sessions hold. The first 200,000 in order are counted, in
 * the index alone. Measured: see bench/life. Tags are those asked for: nothing else of a job's tags matters to a queue.
 */
async function readDemand(db: Database, siteId: number, tags: Record<string, string>): Promise<AnswerOf<"siteDemand">> {
  const wanted = Object.keys(tags).length === 0 ? null : JSON.stringify(tags);
  return db.transaction(async (tx) => {
    await keepToIndexes(tx, "in order");
    const { rows } = await tx.query<Shape>(
      `SELECT count(*) AS count, nodes, cores, gpus_milli AS "gpusMilli", memory_mib AS "memoryMib", most_per_node AS "mostPerNode", ceil(wall_sec / 60.0)::int AS "wallTimeMin"
       FROM (
         SELECT id, nodes, cores, gpus_milli, memory_mib, most_per_node, wall_sec FROM job_life
         WHERE site_id = $1 AND state IN ('PREPROCESSED', 'RESTART_READY') AND session_id IS NULL ORDER BY -priority, id LIMIT ${MOST_JOBS}
       ) AS runnable
       WHERE $2::jsonb IS NULL OR EXISTS (SELECT FROM jobs j WHERE j.id = runnable.id AND j.tags @> $2::jsonb)
       GROUP BY 2, 3, 4, 5, 6, 7 ORDER BY 1 DESC LIMIT ${MOST_SHAPES}`,
      [siteId, wanted],
    );
    const held = await tx.query<{ jobs: number; cores: number | null }>(
      `SELECT count(*) AS jobs, sum(l.nodes * l.cores::bigint)::bigint AS cores FROM sessions s JOIN job_life l ON l.session_id = s.id WHERE s.site_id = $1 AND s.ended IS NULL`,
      [siteId],
    );
    return {
      shapes: rows.map(({ count, nodes, cores, wallTimeMin, ...shape }) => ({
        count,
        nodes,
        coresPerNode: cores,
        gpusPerNode: shape.gpusMilli / 1000,
        memoryPerNodeBytes: shape.memoryMib * 2 ** 20,
        nodePackingCount: shape.mostPerNode === UNLIMITED ? 0 : shape.mostPerNode,
        wallTimeMin,
        tags,
      })),
      running: { jobs: held.rows[0]?.jobs ?? 0, cores: held.rows[0]?.cores ?? 0 },
    };
  });
}

type Shape = {
  readonly count: number;
  readonly nodes: number;
  readonly cores: number;
  readonly gpusMilli: number;
  readonly memoryMib: number;
  readonly mostPerNode: number;
  readonly wallTimeMin: number;
};

function readTags(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const read = tagsSchema.safeParse(parse(text));
  if (read.success) return read.data;
  throw new ConiferError("BAD_INPUT", { where: "query.tags", problem: "expected a JSON object of texts" });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
