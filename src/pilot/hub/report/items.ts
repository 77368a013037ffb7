import type { ReportItem } from "../../../client/wire/sessions.ts";
import type { TaskEnd } from "../../link/messages.ts";
import type { TaskOutcome } from "../hub.ts";
import type { HubTask, TaskPlace } from "../task.ts";

/** What the server is told of a task's end: items in order, or that the job goes back as it was. */
export type EndReport = { readonly items: readonly ReportItem[] } | { readonly giveBack: true };

/** Says that a task's process has started. */
export function runningItem(task: HubTask, at: number, places: readonly TaskPlace[]): ReportItem {
  const cores = places[0]?.cores ?? null;
  const gpus = places.flatMap((place) => place.gpus.map(({ id }) => id));
  return {
    ...about(task),
    state: "RUNNING",
    at,
    node: places.map(({ hostname }) => hostname).join(","),
    ...(cores === null ? {} : { cores: [...cores] }),
    ...(gpus.length === 0 ? {} : { gpus }),
  };
}

/** Says how a task ended; `now` in milliseconds since 1970. */
export function endItems(task: HubTask, outcome: TaskOutcome, now: number): EndReport {
  switch (outcome.kind) {
    case "refused":
      return { items: [{ ...about(task), state: "RUN_ERROR", at: now, failure: "error", reason: clean(outcome.why) }] };
    case "lost": {
      const lost = {
        ...about(task),
        state: "RUN_TIMEOUT",
        at: now,
        failure: "lost",
        reason: clean(outcome.why),
      } as const;
      // Nobody knows whether it had begun: it counts as begun, as a second run must not be taken for the first.
      const begun = { ...about(task), state: "RUNNING", at: now } as const;
      return { items: outcome.startedAt === null ? [begun, lost] : [lost] };
    }
    case "ended":
      return fromNode(task, outcome.end, outcome.asked);
  }
}

function fromNode(task: HubTask, end: TaskEnd, asked: string | null): EndReport {
  const hasBegun = end.startedAt !== null;
  // Asked to end because it is no longer this pilot's: nobody wants to hear of it.
  if (asked === "released") return { items: [] };
  if (!hasBegun && (asked ?? end.reason) === "allocation-end") return { giveBack: true };
  const base = { ...about(task), at: end.at, exitCode: end.exitCode, signal: end.signal };
  const texts = { reason: reasonOf(end), ...(end.stderrTail === "" ? {} : { stderrTail: clean(end.stderrTail) }) };
  switch (end.reason) {
    case "exit":
      if (end.exitCode !== 0) return { items: [{ ...base, ...texts, state: "RUN_ERROR", failure: "error" }] };
      return end.missingOutputs.length === 0
        ? { items: [{ ...about(task), at: end.at, exitCode: 0, state: "RUN_DONE" }] }
        : { items: [{ ...base, ...texts, state: "RUN_ERROR", failure: "output" }] };
    case "killed":
      // Ended without anybody asking, it is not its user's doing.
      return asked === "killed"
        ? { items: [{ ...base, ...texts, state: "USER_KILLED" }] }
        : {
            items: [
              { ...base, ...texts, reason: "it was ended by its node agent", state: "RUN_TIMEOUT", failure: "lost" },
            ],
          };
    case "limit":
      return { items: [{ ...base, ...texts, state: "RUN_ERROR", failure: "limit" }] };
    case "allocation-end":
      return { items: [{ ...base, ...texts, state: "RUN_TIMEOUT", failure: "timeout" }] };
    case "lost":
      return { items: [{ ...base, ...texts, state: "RUN_TIMEOUT", failure: "lost" }] };
    case "not-started":
      if (asked === "killed") return { items: [{ ...base, ...texts, state: "USER_KILLED" }] };
      return { items: [{ ...base, ...texts, state: "RUN_ERROR", failure: "error" }] };
  }
}

function reasonOf({ reason, exitCode, signal, message, missingOutputs }: TaskEnd): string {
  const how = signal === null ? `exit code ${exitCode}` : `ended by ${signal}`;
  const words = {
    exit: exitCode === 0 ? `exit code 0, but nothing matches output ${missingOutputs.join(", ")}` : how,
    killed: "killed by its user",
    limit: "over its run time limit",
    "allocation-end": "its allocation ended",
    "not-started": "it could not be started",
    lost: "nobody knows how it ended",
  }[reason];
  return clean(message === null ? words : `${words}: ${message}`);
}

const about = ({ id, attempt }: HubTask) => ({ job: id, attempt });
/** What the server and its database take. */
const clean = (text: string): string => text.replaceAll("\0", "\u{fffd}").slice(0, 8000);
