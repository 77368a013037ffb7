import type { EndReason } from "../link/messages.ts";
import type { HubNode } from "./hub.ts";
import type { Share } from "./place/pool.ts";
import type { WaitingTask } from "./place/waiting.ts";
import { type HubTask, type TaskPlace, taskName } from "./task.ts";

/** A task that its node knows of. */
export interface Running {
  readonly task: HubTask;
  readonly name: string;
  /** As it stood in the queue. */
  readonly entry: WaitingTask<HubTask>;
  readonly places: readonly TaskPlace[];
  /** Where its processes are started from. */
  readonly node: HubNode;
  /** Every node where processes of it may be, the one above included. */
  readonly nodes: readonly HubNode[];
  /** Those at its place, one after another: the first has it, the others come after. */
  readonly line: Running[];
  /** Empty while it is not the first of its line. */
  shares: readonly Share[];
  /** When it got its place, on `elapsed`. */
  since: number;
  /** Milliseconds since 1970, by its node. */
  startedAt: number | null;
  asked: EndReason | null;
  /** It is to come back into the queue unless it has begun. */
  isRecalled: boolean;
  /** Why a node of it is gone, where that was not the one it was started from. */
  lostWith: string | null;
}

/** A task at a place of its own. */
export function atPlace(
  entry: WaitingTask<HubTask>,
  place: Pick<Running, "shares" | "places" | "node" | "nodes" | "since">,
): Running {
  const line: Running[] = [];
  const running = { ...unbegun(entry), ...place, line };
  line.push(running);
  return running;
}

/** A task that comes after the last one of a line; `before` is that one's name. */
export function behind(first: Running, entry: WaitingTask<HubTask>, now: number): { running: Running; before: string } {
  const { line, places, node, nodes } = first;
  const before = line.at(-1)?.name ?? first.name;
  const running = { ...unbegun(entry), places, node, nodes, line, shares: [], since: now };
  line.push(running);
  return { running, before };
}

function unbegun(entry: WaitingTask<HubTask>) {
  const task = entry.payload;
  return { task, entry, name: taskName(task), startedAt: null, asked: null, isRecalled: false, lostWith: null };
}
