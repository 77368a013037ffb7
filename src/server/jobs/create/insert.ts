/**
 * Stores drafts. Campaigns are many jobs that differ little, so what they share goes once a request as a template, and each
 * row names its template: for 1,000 jobs the database parses a few objects instead of a thousand.
 */
import { ConiferError } from "../../../model/errors.ts";
import { formatSize } from "../../../model/sizes.ts";
import type { Transaction } from "../../database/index.ts";
import { needsOf } from "../../life/index.ts";
import { type Draft, type ParentRef, reasonOf } from "./draft.ts";
import { defaultWorkdir } from "./workdir.ts";

/** Rows of one statement: what the database must hold of it at once stays small, however large the request. */
const ROWS_AT_ONCE = 5_000;

/** Inserts drafts under the given ids (as many, in order); `now` is milliseconds since 1970. */
export async function insertJobs(
  tx: Transaction,
  drafts: readonly Draft[],
  { ids, now }: { ids: readonly number[]; now: number },
): Promise<void> {
  const idOf = (ref: ParentRef): number => ("item" in ref ? (ids[ref.item] ?? 0) : ref.id);
  for (let first = 0; first < drafts.length; first += ROWS_AT_ONCE) {
    const slice = drafts.slice(first, first + ROWS_AT_ONCE);
    await insertSlice(tx, slice, { ids: ids.slice(first, first + ROWS_AT_ONCE), first, idOf, at: new Date(now) });
  }
}

type Slice = {
  readonly ids: readonly number[];
  /** Number of the slice's first item in the request. */
  readonly first: number;
  readonly idOf: (ref: ParentRef) => number;
  readonly at: Date;
};

async function insertSlice(tx: Transaction, drafts: readonly Draft[], { ids, first, idOf, at }: Slice): Promise<void> {
  const jobs = new Templates((draft: Draft) => jobTemplate(draft));
  const rows = drafts.map((draft, index) => jobRow(draft, { id: ids[index] ?? 0, t: jobs.of(draft), idOf }));
  const text = JSON.stringify(rows);
  if (text.length > MOST_JOB_BYTES) refuseHuge(rows, first);
  // The database works on this one while the next is written here.
  const jobsDone = tx.query(INSERT_JOBS, [text, jobs.toJson(), at]);
  const lives = new Templates((draft: Draft, reason: string) => lifeTemplate(draft, reason));
  const life = drafts.map((draft) => lives.of(draft, reasonOf(draft, idOf)));
  await jobsDone;
  await tx.query(INSERT_LIVES, [ids, life, lives.toJson(), at]);
  await insertDependencies(tx, drafts, { ids, idOf });
  await insertTransfers(tx, drafts, ids);
}

/** What one job may be at most, as JSON: lists show whole jobs. */
const MOST_JOB_BYTES = 2 * 1024 * 1024;

function refuseHuge(rows: readonly object[], first: number): void {
  for (const [index, row] of rows.entries()) {
    const size = JSON.stringify(row).length;
    if (size > MOST_JOB_BYTES)
      throw new ConiferError("TOO_LARGE", {
        where: `jobs[${first + index}]`,
        size: formatSize(size),
        limit: formatSize(MOST_JOB_BYTES),
      });
  }
}

async function insertDependencies(
  tx: Transaction,
  drafts: readonly Draft[],
  { ids, idOf }: { ids: readonly number[]; idOf: (ref: ParentRef) => number },
): Promise<void> {
  const child: number[] = [];
  const parent: number[] = [];
  const when: string[] = [];
  const met: boolean[] = [];
  for (const [index, draft] of drafts.entries())
    for (const dependency of draft.dependencies) {
      child.push(ids[index] ?? 0);
      parent.push(idOf(dependency.parent));
      when.push(dependency.when);
      met.push(dependency.met);
    }
  if (child.length > 0) await tx.query(INSERT_DEPENDENCIES, [child, parent, when, met]);
}

async function insertTransfers(tx: Transaction, drafts: readonly Draft[], ids: readonly number[]): Promise<void> {
  const rows = drafts.flatMap((draft, index) =>
    (draft.item.transfers ?? []).map((transfer) => ({
      j: ids[index],
      d: transfer.direction,
      l: transfer.location,
      r: transfer.remotePath,
      p: transfer.localPath,
      c: transfer.recursive,
      // A child's files are brought only once its parents have ended.
      s: transfer.direction === "in" && draft.path.at(-1) === "READY" ? "pending" : "awaiting_job",
    })),
  );
  if (rows.length > 0) await tx.query(INSERT_TRANSFERS, [JSON.stringify(rows)]);
}

/** Numbers distinct templates as they come. */
class Templates<A extends unknown[]> {
  readonly #make: (...args: A) => object;
  readonly #known = new Map<string, number>();

  constructor(make: (...args: A) => object) {
    this.#make = make;
  }

  of(...args: A): number {
    const text = JSON.stringify(this.#make(...args));
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#known.size);
    return this.#known.size - 1;
  }

  /** All templates as a JSON list, each with its number as `t`. */
  toJson(): string {
    return `[${[...this.#known.keys()].map((text, index) => `{"t":${index},${text.slice(1)}`).join(",")}]`;
  }
}

type RowContext = { id: number; t: number; idOf: (ref: ParentRef) => number };

/** Left out where it is the column's default. */
function jobRow(draft: Draft, { id, t, idOf }: RowContext): object {
  const { item, name, workflow, app } = draft;
  const row: Record<string, unknown> = {
    i: id,
    t,
    n: name,
    w: item.workdir ?? defaultWorkdir({ workflow, app: app.name, name, id }),
  };
  if (item.tags) row.g = item.tags;
  if (item.parameters) row.p = item.parameters;
  if (item.data) row.d = item.data;
  if (draft.inputs.length > 0) row.f = draft.inputs.map((input) => ({ ...input, from: idOf(input.from) }));
  return row;
}

function jobTemplate({ app, item, workflow, resources, limitSec, policy }: Draft): object {
  return {
    site: app.siteId,
    app: app.id,
    workflow,
    env: item.environment ?? {},
    launch: item.launchOptions ?? [],
    nodes: resources.nodes,
    ranks: resources.ranksPerNode,
    threads: resources.threadsPerRank,
    tpc: resources.threadsPerCore,
    gpus: resources.gpusPerRank,
    memory: resources.memoryPerNodeBytes,
    packing: resources.nodePackingCount,
    wall: resources.wallTimeMin,
    limit: limitSec,
    attempts: policy.maxAttempts,
    losses: policy.maxLosses,
    retry: policy.retryOn,
  };
}

function lifeTemplate(draft: Draft, reason: string): object {
  const { app, item, stages, path, waitingFor, resources } = draft;
  const needs = needsOf(resources);
  return {
    site: app.siteId,
    app: app.id,
    state: path.at(-1),
    path,
    priority: item.priority ?? 0,
    waiting: waitingFor,
    reason,
    data: reason === "" ? null : { reason },
    nodes: needs.nodes,
    cores: needs.cores,
    gpus: needs.gpusMilli,
    memory: needs.memoryMib,
    most: needs.mostPerNode,
    wall: needs.wallSec,
    si: stages.stageIn,
    pre: stages.preprocess,
    post: stages.postprocess,
    so: stages.stageOut,
    err: stages.onError,
    tmo: stages.onTimeout,
  };
}

const INSERT_JOBS = `
INSERT INTO jobs (id, site_id, app_id, name, workflow, workdir, tags, parameters, data, environment, inputs, launch_options,
  nodes, ranks_per_node, threads_per_rank, threads_per_core, gpus_per_rank, memory_per_node_bytes, node_packing_count,
  wall_time_min, limit_sec, max_attempts, max_losses, retry_on, created)
SELECT r.i, t.site, t.app, r.n, t.workflow, r.w, coalesce(r.g, '{}'), coalesce(r.p, '{}'), coalesce(r.d, '{}'), t.env,
  coalesce(r.f, '[]'), t.launch, t.nodes, t.ranks, t.threads, t.tpc, t.gpus, t.memory, t.packing,
  t.wall, t."limit", t.attempts, t.losses, t.retry, $3
FROM json_to_recordset($1::json) AS r(i bigint, t int, n text, w text, g jsonb, p jsonb, d jsonb, f jsonb)
JOIN json_to_recordset($2::json) AS t(t int, site bigint, app bigint, workflow text, env jsonb, launch jsonb, nodes int,
  ranks int, threads int, tpc int, gpus float8, memory bigint, packing int, wall float8, "limit" float8, attempts int,
  losses int, retry text[]) USING (t)`;

/** The row of the life and the first event, which holds the states passed through at creation. */
const INSERT_LIVES = `
WITH t AS MATERIALIZED (
  SELECT * FROM json_to_recordset($3::json) AS t(t int, site bigint, app bigint, state job_state, path job_state[], priority int,
    waiting int, reason text, data jsonb, nodes int, cores int, gpus int, memory int, most int, wall int,
    si boolean, pre boolean, post boolean, so boolean, err boolean, tmo boolean)
), life AS (
  INSERT INTO job_life (id, site_id, app_id, state, priority, nodes, cores, gpus_milli, memory_mib, most_per_node, wall_sec,
    waiting_for, has_stage_in, has_preprocess, has_postprocess, has_stage_out, has_on_error, has_on_timeout, reason, updated)
  SELECT r.id, t.site, t.app, t.state, t.priority, t.nodes, t.cores, t.gpus, t.memory, t.most, t.wall,
    t.waiting, t.si, t.pre, t.post, t.so, t.err, t.tmo, t.reason, $4
  FROM unnest($1::bigint[], $2::int[]) AS r(id, t) JOIN t USING (t)
)
INSERT INTO job_events (job_id, at, from_state, path, data)
SELECT r.id, $4, 'CREATED', t.path, t.data FROM unnest($1::bigint[], $2::int[]) AS r(id, t) JOIN t USING (t)`;

const INSERT_DEPENDENCIES = `
INSERT INTO job_dependencies (child_id, parent_id, condition, met)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::dependency_condition[], $4::boolean[])`;

const INSERT_TRANSFERS = `
INSERT INTO transfers (job_id, direction, location, remote_path, local_path, recursive, state)
SELECT j, d, l, r, p, c, s FROM json_to_recordset($1::json) AS r(j bigint, d text, l text, r text, p text, c boolean, s text)`;
