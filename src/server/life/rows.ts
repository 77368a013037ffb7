import type { FailureKind } from "../../model/attempts.ts";
import type { Stages } from "../../model/life.ts";
import type { JobState } from "../../model/states.ts";
import type { Queryable } from "../database/index.ts";

/** A row of `job_life`: what the model decides on. */
export type LifeRow = {
  readonly id: number;
  readonly siteId: number;
  readonly appId: number;
  readonly state: JobState;
  readonly waitingFor: number;
  readonly attempt: number;
  readonly losses: number;
  readonly sessionId: number | null;
  readonly batchJobId: number | null;
  readonly failure: FailureKind | null;
  readonly killRequested: boolean;
  /** Why its user wants it dead; empty where nobody does. */
  readonly killReason: string;
  readonly stages: Stages;
};

type StoredRow = Omit<LifeRow, "stages"> & { readonly stages: number };

/**
 * Reads rows and locks them until the transaction ends. Always in the order of ids, so that two transactions over the
 * same jobs wait for each other instead of deadlocking. Ids that are not there are left out.
 */
export async function lockLives(tx: Queryable, ids: readonly number[]): Promise<LifeRow[]> {
  const { rows } = await tx.query<StoredRow>(
    `SELECT id, site_id AS "siteId", app_id AS "appId", state, waiting_for AS "waitingFor", attempt, losses, session_id AS "sessionId",
       batch_job_id AS "batchJobId", failure, kill_requested AS "killRequested", CASE WHEN kill_requested THEN reason ELSE '' END AS "killReason",
       has_stage_in::int + has_preprocess::int * 2 + has_postprocess::int * 4 + has_stage_out::int * 8 + has_on_error::int * 16 + has_on_timeout::int * 32 AS stages
     FROM job_life WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE`,
    [ids],
  );
  return rows.map((row) => ({ ...row, stages: stagesOf(row.stages) }));
}

/** Stages from their bits; the few that occur are made once. */
function stagesOf(bits: number): Stages {
  const known = STAGES.get(bits);
  if (known) return known;
  const has = (bit: number): boolean => (bits & bit) !== 0;
  const stages = {
    stageIn: has(1),
    preprocess: has(2),
    postprocess: has(4),
    stageOut: has(8),
    onError: has(16),
    onTimeout: has(32),
  };
  STAGES.set(bits, stages);
  return stages;
}

const STAGES = new Map<number, Stages>();
