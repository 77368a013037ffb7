import type { AppDefinition } from "../../app/definition.ts";
import { checkParameters } from "../../app/definition.ts";
import type { ParameterValue } from "../../app/template.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Transaction } from "../database/index.ts";
import { type CreatedJobs, createJobs } from "../jobs/create/index.ts";
import { ownJobs } from "../jobs/own.ts";
import {
  type Killed,
  keepToIndexes,
  killJobs,
  type LifeRow,
  lockLives,
  moveLocked,
  readPolicies,
} from "../life/index.ts";
import { isAwaited, type Outcome, stepOf, whyRejected } from "./judge.ts";

export type Completed = {
  readonly applied: number;
  readonly repeated: number;
  readonly rejected: readonly { readonly job: number; readonly why: string }[];
  readonly changes: Awaited<ReturnType<typeof moveLocked>>["changes"];
  readonly created: readonly CreatedJobs[];
  readonly killed: readonly Killed[];
};

type Context = { readonly siteId: number; readonly userId: number; readonly now: number };

/**
 * Commits what hooks decided: states, data, the jobs they make and kill, all under (job, attempt, hook), so that a repeat
 * changes nothing. Throws where a job to be made is wrong, or a value too large; then nothing of all is stored.
 */
export async function completeHooks(
  tx: Transaction,
  outcomes: readonly Outcome[],
  context: Context,
): Promise<Completed> {
  const { siteId, now } = context;
  await keepToIndexes(tx);
  const rows = await lockLives(tx, [...new Set(outcomes.map(({ job }) => job))]);
  const byId = new Map(rows.filter((row) => row.siteId === siteId).map((row) => [row.id, row]));
  const done = await findDone(tx, outcomes);
  const repeats = outcomes.filter((outcome) => done.has(keyOf(outcome)));
  const fresh = unique(outcomes.filter((outcome) => !done.has(keyOf(outcome))));
  const awaited = fresh.flatMap((outcome) => {
    const row = byId.get(outcome.job);
    return isAwaited(row, outcome) ? [{ row, outcome }] : [];
  });
  const rejected = fresh
    .filter((outcome) => !isAwaited(byId.get(outcome.job), outcome))
    .map((outcome) => ({ job: outcome.job, why: whyRejected(byId.get(outcome.job), outcome) }));
  const policies = await readPolicies(
    tx,
    awaited.map(({ row }) => row.id),
  );
  const steps = awaited.map(({ row, outcome }) => stepOf(row, outcome, { policy: policies.get(row.id), now }));
  await mergeValues(tx, awaited);
  const created: CreatedJobs[] = [];
  const killed: Killed[] = [];
  for (const { row, outcome } of awaited) {
    if (outcome.create.length > 0) created.push(await createFor(tx, row, outcome, context));
    if (outcome.kill.length > 0) killed.push(await killFor(tx, outcome, context));
  }
  // Those they killed may be among those they move.
  const present =
    killed.length === 0
      ? awaited.map(({ row }) => row)
      : await lockLives(
          tx,
          awaited.map(({ row }) => row.id),
        );
  const moved = await moveLocked(tx, { rows: present, steps, now });
  const refused = new Set(moved.refused.map(({ id }) => id));
  await remember(
    tx,
    awaited.filter(({ row }) => !refused.has(row.id)).map(({ outcome }) => outcome),
    now,
  );
  return {
    applied: steps.length - refused.size,
    repeated: repeats.length,
    rejected: [...rejected, ...moved.refused.map(({ id, why }) => ({ job: id, why }))],
    changes: moved.changes,
    created,
    killed,
  };
}

const keyOf = ({ job, attempt, hook }: Outcome): string => `${job}.${attempt}.${hook}`;

function unique(outcomes: readonly Outcome[]): Outcome[] {
  return [...new Map(outcomes.map((outcome) => [keyOf(outcome), outcome])).values()];
}

async function findDone(tx: Transaction, outcomes: readonly Outcome[]): Promise<Set<string>> {
  const { rows } = await tx.query<Pick<Outcome, "job" | "attempt" | "hook">>(
    "SELECT job_id AS job, attempt, hook FROM hook_runs WHERE job_id = ANY ($1::bigint[])",
    [outcomes.map(({ job }) => job)],
  );
  return new Set(rows.map((row) => `${row.job}.${row.attempt}.${row.hook}`));
}

async function remember(tx: Transaction, outcomes: readonly Outcome[], now: number): Promise<void> {
  if (outcomes.length === 0) return;
  await tx.query(
    "INSERT INTO hook_runs (job_id, attempt, hook, at) SELECT job, attempt, hook, $4 FROM unnest($1::bigint[], $2::int[], $3::text[]) AS h(job, attempt, hook)",
    [
      outcomes.map(({ job }) => job),
      outcomes.map(({ attempt }) => attempt),
      outcomes.map(({ hook }) => hook),
      new Date(now),
    ],
  );
}

/** A job made by a hook stands at the hook's site where it names its app without one. */
function createFor(tx: Transaction, row: LifeRow, outcome: Outcome, { userId, now }: Context): Promise<CreatedJobs> {
  const items = outcome.create.map((item) =>
    typeof item.app === "string" && item.site === undefined ? { ...item, site: row.siteId } : item,
  );
  return createJobs(tx, { userId, items, now, where: `create of job ${row.id}` });
}

async function killFor(tx: Transaction, outcome: Outcome, { userId, now }: Context): Promise<Killed> {
  const ids = await ownJobs(tx, userId, outcome.kill);
  return killJobs(tx, ids, { reason: `killed by ${outcome.hook} of job ${outcome.job}`, actor: "hook", now });
}

type Answered = { readonly row: LifeRow; readonly outcome: Outcome };

/** The most that what a job carries may come to, bytes of JSON. */
const MOST_BYTES = 2 * 1024 * 1024;

async function mergeValues(tx: Transaction, awaited: readonly Answered[]): Promise<void> {
  const changed = awaited.filter(({ outcome: { data, tags, parameters } }) =>
    [data, tags, parameters ?? {}].some((entries) => Object.keys(entries).length > 0),
  );
  if (changed.length === 0) return;
  await checkMerged(tx, changed);
  const values = changed.map(({ outcome: { job, data, tags, parameters } }) => ({
    id: job,
    data,
    tags,
    parameters: parameters ?? {},
  }));
  const { rows } = await tx.query<{ id: number; size: number }>(
    `UPDATE jobs SET data = jobs.data || u.data, tags = jobs.tags || u.tags, parameters = jobs.parameters || u.parameters
     FROM json_to_recordset($1::json) AS u(id bigint, data jsonb, tags jsonb, parameters jsonb) WHERE jobs.id = u.id
     RETURNING jobs.id, octet_length(jobs.data::text) + octet_length(jobs.tags::text) + octet_length(jobs.parameters::text) AS size`,
    [JSON.stringify(values)],
  );
  const large = rows.find(({ size }) => size > MOST_BYTES);
  if (large)
    throw new ConiferError("TOO_LARGE", {
      where: `job ${large.id}`,
      size: `${large.size} bytes`,
      limit: `${MOST_BYTES} bytes`,
    });
}

/** The parameters as they will be, against each job's app. */
async function checkMerged(tx: Transaction, changed: readonly Answered[]): Promise<void> {
  const set = new Map(changed.map(({ row, outcome }) => [row.id, outcome.parameters ?? {}]));
  const ids = [...set].filter(([, parameters]) => Object.keys(parameters).length > 0).map(([id]) => id);
  if (ids.length === 0) return;
  const { rows } = await tx.query<{
    id: number;
    parameters: Record<string, ParameterValue>;
    definition: AppDefinition;
  }>(
    "SELECT j.id, j.parameters, a.definition FROM jobs j JOIN apps a ON a.id = j.app_id WHERE j.id = ANY ($1::bigint[])",
    [ids],
  );
  for (const { id, parameters, definition } of rows)
    checkParameters(definition, { ...parameters, ...set.get(id) }, `job ${id}`);
}
