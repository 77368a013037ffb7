import { ConiferError } from "../../model/errors.ts";
import type { Queryable } from "../database/index.ts";
import { toMib, toMilli } from "../life/index.ts";

/** What a session is as long as it lives. */
export type LiveSession = {
  readonly id: number;
  readonly ownerId: number;
  readonly siteId: number;
  readonly batchJobId: number | null;
  readonly nodes: number;
  /** What each node has; `memoryMib` is 0 where it is unknown, and then not counted. */
  readonly node: { readonly cores: number; readonly gpusMilli: number; readonly memoryMib: number };
  /** Jobs that its pilot said it can never run. */
  readonly never?: ReadonlySet<number>;
};

type Stored = Omit<LiveSession, "node"> & {
  readonly capacity: { cores: number; gpus: number; memoryBytes: number };
  readonly ended: string | null;
  readonly endReason: string;
};

/** A session from the database. Throws NOT_FOUND where there is none and SESSION_GONE where it has ended. */
export async function readSession(db: Queryable, id: number): Promise<LiveSession> {
  const { rows } = await db.query<Stored>(
    `SELECT s.id, w.owner_id AS "ownerId", s.site_id AS "siteId", s.batch_job_id AS "batchJobId", s.nodes, s.capacity, s.ended, s.end_reason AS "endReason"
     FROM sessions s JOIN sites w ON w.id = s.site_id WHERE s.id = $1 AND w.deleted IS NULL`,
    [id],
  );
  const [row] = rows;
  if (!row) throw new ConiferError("NOT_FOUND", { kind: "session", name: id, list: "session" });
  const { capacity, ended, endReason, ...session } = row;
  if (ended !== null) throw new ConiferError("SESSION_GONE", { session: id, reason: endReason });
  const { cores, gpus, memoryBytes } = capacity;
  return { ...session, node: { cores, gpusMilli: toMilli(gpus), memoryMib: toMib(memoryBytes) } };
}
