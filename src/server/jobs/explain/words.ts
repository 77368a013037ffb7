/** Says in words why a job is where it is and what can be done; a pure function of the facts. */
import type { JobEvent } from "../../../client/wire/entities.ts";
import type { AnswerOf } from "../../../client/wire/operations.ts";
import { formatDuration } from "../../../model/durations.ts";
import { HOOK_OF_STATE } from "../../../model/states.ts";
import type { Facts } from "./facts.ts";
import { silentAgent, type Words } from "./phrases.ts";
import { whyNotStarted } from "./waiting.ts";

export type Explanation = AnswerOf<"jobExplain">;
export function explain(facts: Facts, now: number): Explanation {
  const { job } = facts;
  const words = explainState(facts, now);
  const kill = job.killRequested ? ["its user asked to kill it; the pilot has not answered yet"] : [];
  return { state: job.state, summary: words.summary, reasons: [...words.reasons, ...kill], hints: words.hints };
}

function explainState(facts: Facts, now: number): Words {
  const { job, hook } = facts;
  if (hook.wanted) return waitingForHook(facts, now);
  switch (job.state) {
    case "AWAITING_PARENTS":
      return waitingForParents(facts);
    case "READY":
    case "POSTPROCESSED":
      return waitingForTransfers(facts, now);
    case "PREPROCESSED":
    case "RESTART_READY":
      return withHandedBack(facts, whyNotStarted(facts, now));
    case "RUNNING":
      return running(facts, now);
    case "FAILED":
      return failed(facts);
    case "USER_KILLED":
      return {
        summary: "killed by its user",
        reasons: job.reason === "" ? [] : [job.reason],
        hints: [`conifer job retry ${job.id} runs it again`],
      };
    case "JOB_FINISHED":
      return {
        summary: `finished${job.started && job.ended ? `; ran ${since(job.started, Date.parse(job.ended))}` : ""}`,
        reasons: [],
        hints: [`conifer job logs ${job.id} shows its output in ${job.workdir}`],
      };
    default:
      return { summary: `passing through ${job.state}`, reasons: [], hints: ["look again in a moment"] };
  }
}

/** What a pilot said that took the job and could not place it: sums of what is free do not show that. */
function withHandedBack({ job }: Facts, words: Words): Words {
  const isHandedBack = job.sessionId === null && job.reason.startsWith("handed back by ");
  return isHandedBack ? { ...words, reasons: [job.reason, ...words.reasons] } : words;
}

function waitingForParents({ job, parents, parentsOpen }: Facts): Words {
  const wanted = { ok: "to finish", any: "to end", failed: "to fail" };
  const reasons = parents.map(({ id, state, when }) => `parent ${id} is ${state ?? "deleted"}; it has ${wanted[when]}`);
  if (parentsOpen > parents.length) reasons.push(`and ${parentsOpen - parents.length} parents more`);
  const [first] = parents;
  return {
    summary: `waits for ${parentsOpen === 1 ? `parent ${first?.id}` : `${parentsOpen} parents`}`,
    reasons,
    hints: [...(first ? [`conifer job explain ${first.id}`] : []), `conifer job tree ${job.id}`],
  };
}

function waitingForTransfers(facts: Facts, now: number): Words {
  const { job, transfers } = facts;
  const way = job.state === "READY" ? "stage-in" : "stage-out";
  const reasons = transfers.map(
    ({ id, location, remotePath, state }) => `transfer ${id} (${location}:${remotePath}) is ${state}`,
  );
  const agent = silentAgent(facts, now);
  return {
    summary: `waits for ${way}: ${transfers.length} ${transfers.length === 1 ? "transfer" : "transfers"}`,
    reasons: [...reasons, ...agent.reasons],
    hints: agent.hints,
  };
}

function waitingForHook(facts: Facts, now: number): Words {
  const { job, hook } = facts;
  const name = HOOK_OF_STATE[job.state as keyof typeof HOOK_OF_STATE];
  if (hook.until !== null && Date.parse(hook.until) > now)
    return {
      summary: `its ${name} hook runs`,
      reasons: [`the site agent took it; its time ends in ${formatDuration((Date.parse(hook.until) - now) / 1000)}`],
      hints: [`hooks.log in ${job.workdir} shows what it says`],
    };
  const agent = silentAgent(facts, now);
  return {
    summary: `waits for the site agent to run its ${name} hook`,
    reasons: [...agent.reasons, ...failureOf(facts)],
    hints: agent.hints.length > 0 ? agent.hints : ["the agent runs a few hooks at once; look again in a moment"],
  };
}

function running({ job, history }: Facts, now: number): Words {
  const begun = history.findLast((event) => event.path.includes("RUNNING"));
  const node = begun?.data.node;
  const place = [
    ...(typeof node === "string" ? [`on ${node}`] : []),
    ...(job.batchJobId === null ? [] : [`in batch job ${job.batchJobId}`]),
  ].join(" ");
  return {
    summary: `runs${job.started ? ` since ${since(job.started, now)}` : ""}${place === "" ? "" : ` ${place}`}, attempt ${job.attempt}`,
    reasons: job.limitSec === null ? [] : [`it may run ${formatDuration(job.limitSec)}`],
    hints: [`conifer job logs -f ${job.id} follows its output`],
  };
}

function failed(facts: Facts): Words {
  const { job } = facts;
  const parent = /^parent (\d+) /.exec(job.reason)?.[1];
  return {
    summary: job.reason === "" ? "failed" : `failed: ${job.reason}`,
    reasons: failureOf(facts),
    hints:
      parent === undefined
        ? [`conifer job logs ${job.id} shows its output`, `conifer job retry ${job.id} runs it again`]
        : [`conifer job explain ${parent}`, `conifer job retry ${parent} ${job.id} runs both again`],
  };
}

/** How the last attempt went wrong: exit code or signal, and the last lines of its stderr. */
function failureOf({ history }: Facts): string[] {
  const event = history.findLast(
    ({ path, stale }) => !stale && path.some((state) => /^RUN_(ERROR|TIMEOUT)$/.test(state)),
  );
  if (!event) return [];
  const { exitCode, signal, stderrTail } = event.data;
  const exit =
    typeof signal === "string" ? `ended by ${signal}` : typeof exitCode === "number" ? `exit code ${exitCode}` : "";
  const reasons = reasonIn(event);
  const how = exit === "" || reasons.some((reason) => reason.includes(exit)) ? reasons : [exit, ...reasons];
  const lines = typeof stderrTail === "string" ? stderrTail.trimEnd().split("\n").slice(-10) : [];
  return [
    `attempt ${event.attempt}: ${how.length === 0 ? (event.path[0] ?? "") : how.join("; ")}`,
    ...(lines.length > 0 && lines[0] !== "" ? [`stderr: ${lines.join("\n")}`] : []),
  ];
}

function reasonIn({ data }: JobEvent): string[] {
  return typeof data.reason === "string" && data.reason !== "" ? [data.reason] : [];
}

function since(from: string, to: number): string {
  return formatDuration(Math.max(0, to - Date.parse(from)) / 1000);
}
