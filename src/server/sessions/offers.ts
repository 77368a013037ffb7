import type { z } from "zod";
import type { App, inputSchema } from "../../client/wire/entities.ts";
import type { Offer } from "../../client/wire/sessions.ts";
import type { Transaction } from "../database/index.ts";

type StoredOffer = Omit<Offer, "inputs" | "wide"> & { readonly inputs: readonly Input[] };
type Input = Omit<z.output<typeof inputSchema>, "from"> & { readonly from: number };

/** Takes jobs, locked and runnable, for a session. Their attempt is only counted once they run. */
export async function takeJobs(
  tx: Transaction,
  ids: readonly number[],
  { sessionId, batchJobId, now }: { sessionId: number; batchJobId: number | null; now: number },
): Promise<void> {
  if (ids.length === 0) return;
  await tx.query("UPDATE job_life SET session_id = $2, batch_job_id = $3, updated = $4 WHERE id = ANY ($1::bigint[])", [
    ids,
    sessionId,
    batchJobId,
    new Date(now),
  ]);
}

/** What a pilot must know to run jobs, in the order of their ids in `ids`. */
export async function loadOffers(tx: Transaction, ids: readonly number[], wide: number | null): Promise<Offer[]> {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<StoredOffer>(OFFERS, [ids]);
  const workdirs = await workdirsOf(tx, rows);
  const byId = new Map(rows.map((row) => [row.job, row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    if (!row) return [];
    const inputs = row.inputs.flatMap(({ from, files, mode }) => {
      const fromWorkdir = workdirs.get(from);
      return fromWorkdir === undefined ? [] : [{ fromWorkdir, files, mode }];
    });
    return [{ ...row, inputs, wide: id === wide }];
  });
}

/** Definitions of the offers' apps that the pilot does not have yet. */
export async function loadApps(tx: Transaction, offers: readonly Offer[], known: readonly string[]): Promise<App[]> {
  const has = new Set(known);
  const missing = new Set<number>();
  for (const { appId, appVersion } of offers) if (!has.has(`${appId}:${appVersion}`)) missing.add(appId);
  if (missing.size === 0) return [];
  const { rows } = await tx.query<Omit<App, "name"> & { definition: Record<string, unknown> }>(
    `SELECT a.id, a.site_id AS "siteId", s.name AS site, a.version, a.updated, a.definition FROM apps a JOIN sites s ON s.id = a.site_id WHERE a.id = ANY ($1::bigint[])`,
    [[...missing]],
  );
  return rows.map(({ definition, ...app }) => ({ ...definition, ...app }) as App);
}

async function workdirsOf(tx: Transaction, offers: readonly StoredOffer[]): Promise<Map<number, string>> {
  const parents = new Set(offers.flatMap(({ inputs }) => inputs.map(({ from }) => from)));
  if (parents.size === 0) return new Map();
  const { rows } = await tx.query<{ id: number; workdir: string }>(
    "SELECT id, workdir FROM jobs WHERE id = ANY ($1::bigint[])",
    [[...parents]],
  );
  return new Map(rows.map(({ id, workdir }) => [id, workdir]));
}

const OFFERS = `
SELECT j.id AS job, l.attempt + 1 AS attempt, j.app_id AS "appId", a.version AS "appVersion", j.name, j.workflow, j.workdir, j.parameters, j.environment,
  l.priority, j.limit_sec AS "limitSec", j.launch_options AS "launchOptions", j.nodes, j.ranks_per_node AS "ranksPerNode",
  j.threads_per_rank AS "threadsPerRank", j.threads_per_core AS "threadsPerCore", j.gpus_per_rank AS "gpusPerRank",
  j.memory_per_node_bytes AS "memoryPerNodeBytes", j.node_packing_count AS "nodePackingCount", j.wall_time_min AS "wallTimeMin", j.inputs
FROM job_life l JOIN jobs j ON j.id = l.id JOIN apps a ON a.id = l.app_id
WHERE l.id = ANY ($1::bigint[])`;
