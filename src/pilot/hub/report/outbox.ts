/**
 * What a pilot has to tell the server, as a state that can be rebuilt from the journal: items in order, of which the
 * first ones may be in a batch under way, and the tasks that started and have not been said to end.
 */
import type { ReportItem } from "../../../client/wire/sessions.ts";

/** One line of the journal. */
export type Entry =
  /** A session begins; what was before belongs to one that is over. */
  | { readonly session: number; readonly lastBatch?: number }
  /** Job, attempt, when (milliseconds since 1970), 1 where RUNNING was said; written before the process starts. */
  | { readonly start: readonly (readonly [job: number, attempt: number, at: number, isRunning?: 0 | 1])[] }
  /** Tasks that started and of which nothing is to be said. */
  | { readonly dropped: readonly number[] }
  | { readonly items: readonly ReportItem[] }
  /** The first so many items are sent under this number; written before they are. */
  | { readonly report: number; readonly count: number }
  /** The server has them. */
  | { readonly acked: number };

export interface OpenTask {
  readonly attempt: number;
  readonly at: number;
  isRunning: boolean;
}

export interface Outbox {
  session: number | null;
  /** The number of the last batch begun. */
  lastBatch: number;
  /** How many of the first items are in that batch and not acknowledged; 0 = none is under way. */
  inBatch: number;
  items: ReportItem[];
  /** By job. */
  readonly open: Map<number, OpenTask>;
}

export const emptyOutbox = (): Outbox => ({ session: null, lastBatch: 0, inBatch: 0, items: [], open: new Map() });

/** Applies one entry. */
export function applyEntry(outbox: Outbox, entry: Entry): void {
  if ("session" in entry) {
    Object.assign(outbox, { session: entry.session, lastBatch: entry.lastBatch ?? 0, inBatch: 0, items: [] });
    outbox.open.clear();
  } else if ("start" in entry) {
    for (const [job, attempt, at, isRunning] of entry.start)
      outbox.open.set(job, { attempt, at, isRunning: isRunning === 1 });
  } else if ("dropped" in entry) {
    for (const job of entry.dropped) outbox.open.delete(job);
  } else if ("items" in entry) {
    for (const item of entry.items) addItem(outbox, item);
  } else if ("report" in entry) {
    outbox.lastBatch = entry.report;
    outbox.inBatch = entry.count;
  } else {
    outbox.items.splice(0, outbox.inBatch);
    outbox.inBatch = 0;
  }
}

/** Entries that make the same state from nothing. */
export function toEntries(outbox: Outbox): Entry[] {
  const { session, lastBatch, inBatch, items, open } = outbox;
  const start = [...open].map(([job, { attempt, at, isRunning }]) => [job, attempt, at, isRunning ? 1 : 0] as const);
  return [
    ...(session === null ? [] : [{ session, lastBatch }]),
    { items: [...items] },
    // After the items: an item of a task says nothing of the next attempt of the same job.
    { start },
    ...(inBatch > 0 ? [{ report: lastBatch, count: inBatch }] : []),
  ];
}

/** Rebuilds the state from a journal's text; a line that was cut off is left out. */
export function readOutbox(text: string): Outbox {
  const outbox = emptyOutbox();
  for (const line of text.split("\n")) {
    const entry = readEntry(line);
    if (entry) applyEntry(outbox, entry);
  }
  return outbox;
}

/** What must be said of tasks whose pilot died under them. */
export function lostItems(outbox: Outbox, now: number, reason: string): ReportItem[] {
  return [...outbox.open].flatMap(([job, { attempt, at, isRunning }]) => [
    ...(isRunning ? [] : [{ job, attempt, state: "RUNNING" as const, at }]),
    { job, attempt, state: "RUN_TIMEOUT" as const, at: now, failure: "lost" as const, reason },
  ]);
}

function addItem(outbox: Outbox, item: ReportItem): void {
  outbox.items.push(item);
  const open = outbox.open.get(item.job);
  if (open?.attempt !== item.attempt) return;
  if (item.state === "RUNNING") open.isRunning = true;
  else outbox.open.delete(item.job);
}

function readEntry(line: string): Entry | null {
  if (line === "") return null;
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return null;
  }
}
