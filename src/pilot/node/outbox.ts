import type { NodeMessage, TaskEnd, TaskStart } from "../link/messages.ts";
import type { Report } from "./run-tasks.ts";

/** Gathers what is to be reported in one turn of the event loop into one message of each kind. */
export interface Outbox extends Report {
  /** Sends what there is now. */
  flush(): void;
}

/** Makes an outbox; `send` may be called for nobody once the link is closed. */
export function createOutbox(send: (message: NodeMessage) => void): Outbox {
  let starts: TaskStart[] = [];
  let ends: TaskEnd[] = [];
  let planned: NodeJS.Immediate | null = null;

  const flush = (): void => {
    if (planned) clearImmediate(planned);
    planned = null;
    if (starts.length > 0) send({ type: "started", tasks: starts });
    if (ends.length > 0) send({ type: "ended", tasks: ends });
    starts = [];
    ends = [];
  };
  return {
    started(start) {
      starts.push(start);
      planned ??= setImmediate(flush);
    },
    ended(end) {
      ends.push(end);
      planned ??= setImmediate(flush);
    },
    note(text) {
      send({ type: "note", text });
    },
    flush,
  };
}
