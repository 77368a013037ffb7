import type { Channel } from "../link/channel.ts";
import type { NodeMessage, TaskEnd, TaskStart } from "../link/messages.ts";
import type { Report } from "./run-tasks.ts";

/** Gathers what is to be reported into few messages. */
export interface Outbox extends Report {
  /** Sends what there is now. */
  flush(): void;
}

/**
 * Ends that free a place go out at the end of the turn of the event loop, since the hub has work for it. Starts, and ends of
 * tasks with two more behind them, may wait a few milliseconds for company: at two tasks a millisecond, waking the hub for
 * each costs more than it is worth.
 */
export function createOutbox(channel: () => Channel<NodeMessage>): Outbox {
  let starts: TaskStart[] = [];
  let ends: TaskEnd[] = [];
  let atTurnsEnd: NodeJS.Immediate | null = null;
  let soon: NodeJS.Timeout | null = null;

  const flush = (): void => {
    if (atTurnsEnd) clearImmediate(atTurnsEnd);
    if (soon) clearTimeout(soon);
    atTurnsEnd = null;
    soon = null;
    const link = channel();
    if (starts.length > 0) link.send({ type: "started", tasks: starts });
    if (ends.length > 0) link.send({ type: "ended", tasks: ends });
    starts = [];
    ends = [];
    link.flush();
  };
  return {
    started(start) {
      starts.push(start);
      soon ??= setTimeout(flush, companyMs);
    },
    ended(end, isUrgent) {
      ends.push(end);
      if (isUrgent) atTurnsEnd ??= setImmediate(flush);
      else soon ??= setTimeout(flush, companyMs);
    },
    note(text) {
      channel().send({ type: "note", text });
    },
    flush,
  };
}

const companyMs = 3;
