import { isFinal, type JobState } from "../../model/states.ts";
import type { Client } from "../client.ts";
import type { Job } from "../wire/entities.ts";
import type { Change } from "../wire/operations.ts";
import { idParts, type Part } from "./parts.ts";
import { ENDED_FILTER } from "./progress.ts";
import { wakeUps } from "./wake-ups.ts";

/** Yields each of the jobs once, as it ends. Jobs deleted meanwhile are not yielded and not waited for. */
export async function* asCompleted(
  client: Client,
  ids: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<Job, void> {
  const pending = new Set(ids);
  if (pending.size === 0) return;
  for await (const { changes, resync } of wakeUps(client, { signal })) {
    const isWhole = resync || changes.some((change) => change.kind === "jobs" && change.truncated);
    const parts = isWhole ? idParts([...pending]) : idParts(endedIds(changes).filter((id) => pending.has(id)));
    for (const part of parts) {
      for await (const job of endedJobs(client, part, signal)) if (pending.delete(job.id)) yield job;
      if (isWhole) await dropDeleted(client, part, pending, signal);
    }
    if (pending.size === 0) return;
  }
  throw signal.reason;
}

function endedIds(changes: readonly Change[]): number[] {
  return changes.flatMap((change) =>
    change.kind === "jobs"
      ? Object.entries(change.states).flatMap(([state, ids]) => (isFinal(state as JobState) ? ids : []))
      : [],
  );
}

async function* endedJobs(client: Client, part: Part, signal: AbortSignal): AsyncGenerator<Job, void> {
  for (let after: string | null | undefined; after !== null; ) {
    const where = [...part.where, ENDED_FILTER];
    const query = { where, limit: 1000, ...(after === undefined ? {} : { after }) };
    const page = await client.call("jobList", { query, signal });
    yield* page.items;
    after = page.next;
  }
}

async function dropDeleted(client: Client, part: Part, pending: Set<number>, signal: AbortSignal): Promise<void> {
  const waiting = (part.ids ?? []).filter((id) => pending.has(id));
  for (const some of idParts(waiting)) {
    const { total } = await client.call("jobCounts", { query: { where: [...some.where] }, signal });
    if (total >= (some.ids?.length ?? 0)) continue;
    const there = new Set<number>();
    for (let after: string | null | undefined; after !== null; ) {
      const query = { where: [...some.where], limit: 10_000, ...(after === undefined ? {} : { after }) };
      const page = await client.call("jobList", { query, signal });
      for (const job of page.items) there.add(job.id);
      after = page.next;
    }
    for (const id of some.ids ?? []) if (!there.has(id)) pending.delete(id);
  }
}
