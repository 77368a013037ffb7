import { isFinal } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import { beginTransfers } from "./begin-transfers.ts";
import { tellChildren } from "./children.ts";
import { chunksOf } from "./chunks.ts";
import { type Change, decide, isChange, needsPolicy, type Refusal, type Step } from "./decide.ts";
import { decideChild, type Parent } from "./dependencies.ts";
import { keepToIndexes } from "./plans.ts";
import { readPolicies } from "./policies.ts";
import { type LifeRow, lockLives } from "./rows.ts";
import { writeChanges } from "./write-changes.ts";

/** What a call changed, the children that followed included, and the steps that the table of transitions refused. */
export type Moved = { readonly changes: Change[]; readonly refused: Refusal[] };

/**
 * Moves jobs: locks their rows, decides by the model, writes rows and events, and lets children follow.
 * `now` is in milliseconds since 1970. An id may occur once. Announce the outcome (`announce`) after the commit.
 */
export async function moveJobs(tx: Transaction, steps: readonly Step[], now: number): Promise<Moved> {
  if (steps.length === 0) return { changes: [], refused: [] };
  const ids = steps.map(({ id }) => id);
  const [, rows] = await Promise.all([keepToIndexes(tx), lockLives(tx, ids)]);
  return moveLocked(tx, { rows, steps, now });
}

/** The same for rows that the caller has locked in a transaction that keeps to the indexes. */
export async function moveLocked(
  tx: Transaction,
  { rows, steps, now }: { rows: readonly LifeRow[]; steps: readonly Step[]; now: number },
): Promise<Moved> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const unsure = steps.filter(({ id, path }) => {
    const row = byId.get(id);
    return row !== undefined && needsPolicy(row, path);
  });
  const policies = await readPolicies(
    tx,
    unsure.map(({ id }) => id),
  );
  const changes: Change[] = [];
  const refused: Refusal[] = [];
  for (const step of steps) {
    const row = byId.get(step.id);
    const decision = row
      ? decide(row, step, policies.get(step.id))
      : { id: step.id, state: null, why: "there is no such job" };
    if (isChange(decision)) changes.push(decision);
    else refused.push(decision);
  }
  return { changes: await applyChanges(tx, changes, now), refused };
}

/** Writes changes of locked rows, then those of their children, level by level, until nothing moves; answers all of them. */
export async function applyChanges(tx: Transaction, changes: readonly Change[], now: number): Promise<Change[]> {
  const all: Change[] = [];
  for (let level = changes; level.length > 0; ) {
    const chunks = [...chunksOf(level)];
    for (const chunk of chunks.slice(0, -1)) await write(tx, chunk, now);
    for (const change of level) all.push(change);
    // Sent together, run one after the other: the children are read when the last of their parents is written.
    [, level] = await Promise.all([write(tx, chunks.at(-1) ?? [], now), childrenOf(tx, level, now)]);
  }
  return all;
}

async function write(tx: Transaction, changes: readonly Change[], now: number): Promise<void> {
  await writeChanges(tx, changes, now);
  await beginTransfers(tx, changes);
}

/** Lets the children of parents that are gone follow, as after a failure. */
export async function parentsGone(tx: Transaction, ids: readonly number[], now: number): Promise<Change[]> {
  if (ids.length === 0) return [];
  await keepToIndexes(tx);
  return applyChanges(
    tx,
    await followers(
      tx,
      ids.map((id) => ({ id, state: null })),
      now,
    ),
    now,
  );
}

async function childrenOf(tx: Transaction, level: readonly Change[], now: number): Promise<Change[]> {
  const ended = level.filter(({ path, after }) => path.length > 0 && isFinal(after.state)).map(({ after }) => after);
  return ended.length === 0 ? [] : followers(tx, ended, now);
}

async function followers(tx: Transaction, parents: readonly Parent[], now: number): Promise<Change[]> {
  const news = await tellChildren(tx, parents);
  if (news.size === 0) return [];
  const rows: LifeRow[] = [];
  // In the order of ids, as within each statement: others lock them so, too.
  const ids = [...news.keys()].sort((a, b) => a - b);
  for (const chunk of chunksOf(ids)) for (const row of await lockLives(tx, chunk)) rows.push(row);
  return rows.map((row) => decideChild(row, news.get(row.id) ?? { met: 0, blocked: null }, now));
}
