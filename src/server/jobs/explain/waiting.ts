/** Why a runnable job has not started: no agent, no allocation, none that fits, or others go first. */
import { formatDuration } from "../../../model/durations.ts";
import { whyNeverFits } from "../../../model/resources.ts";
import { type Facts, MOST_AHEAD, type PilotFact } from "./facts.ts";
import { listIds, silentAgent, type Words } from "./phrases.ts";

export function whyNotStarted(facts: Facts, now: number): Words {
  const { job, pilots } = facts;
  if (job.sessionId !== null) return held(facts);
  const agent = silentAgent(facts, now);
  if (pilots.length === 0) return withoutPilot(facts, agent);
  const verdicts = pilots.map((pilot) => ({ pilot, why: whyNot(facts, pilot) }));
  const able = verdicts.filter(({ why }) => why === null);
  if (able.length === 0)
    return {
      summary: `none of the ${pilots.length} running pilots can run it`,
      reasons: [...group(verdicts), ...comingBatchJobs(facts)],
      hints: [
        "conifer batch submit asks for an allocation that fits",
        `conifer job modify ${job.id} changes what it needs`,
      ],
    };
  const running = able.reduce((sum, { pilot }) => sum + pilot.running, 0);
  const ahead = facts.ahead >= MOST_AHEAD ? `${MOST_AHEAD} or more` : String(facts.ahead);
  return {
    summary: facts.ahead > 0 ? `waits for its turn behind ${ahead} jobs` : "waits for free cores in a pilot",
    reasons: [
      `${able.length} of ${pilots.length} pilots could run it; ${running} jobs run there now`,
      ...group(verdicts.filter(({ why }) => why !== null)),
    ],
    hints: [`conifer job modify ${job.id} --priority N moves it forward`, "conifer batch submit adds a pilot"],
  };
}

function held({ job, pilots }: Facts): Words {
  const pilot = pilots.find(({ id }) => id === job.sessionId);
  const place = pilot?.batchJobId ? ` of batch job ${pilot.batchJobId}` : "";
  return {
    summary: `a pilot${place} holds it and starts it when a slot is free`,
    reasons: [`session ${job.sessionId} took it; ${pilot?.running ?? 0} jobs run there now`],
    hints: ["nothing to do"],
  };
}

function withoutPilot(facts: Facts, agent: { reasons: string[]; hints: string[] }): Words {
  const coming = facts.batchJobs.filter(({ state }) => state !== "submit_failed");
  const hints =
    coming.length > 0 ? [] : ["conifer batch submit asks for an allocation, or turn on the site's elastic queue"];
  return {
    summary:
      coming.length > 0
        ? `waits for batch job ${listIds(coming.map(({ id }) => id))} to start`
        : `there is no batch job at site ${facts.site.name}, so nothing can run it`,
    reasons: [...agent.reasons, ...comingBatchJobs(facts)],
    hints: [...agent.hints, ...hints],
  };
}

function comingBatchJobs({ job, batchJobs }: Facts): string[] {
  return batchJobs.flatMap(({ id, state, reason, filterTags }) => {
    const said = reason === "" ? "" : `: ${reason}`;
    const tags = missingTags(job.tags, filterTags);
    const but = tags === "" ? "" : `, but it takes only jobs tagged ${tags}`;
    return state === "running" && tags === "" ? [] : [`batch job ${id} is ${state.replaceAll("_", " ")}${said}${but}`];
  });
}

/** Why this pilot does not take the job, or null where it could. */
function whyNot({ job }: Facts, pilot: PilotFact): string | null {
  const tags = missingTags(job.tags, pilot.filterTags);
  if (tags !== "") return `takes only jobs tagged ${tags}`;
  const misfit = whyNeverFits(job, pilot.capacity, pilot.nodes);
  if (misfit !== null) return `is too small: the job ${misfit}`;
  const left = pilot.wallTimeLeftMin;
  if (left === null || job.wallTimeMin <= left) return null;
  return `has ${formatDuration(Math.max(0, left) * 60)} left, the job is expected to take ${formatDuration(job.wallTimeMin * 60)}`;
}

/** The tags asked for that the job has not, as `k=v`. */
function missingTags(has: Readonly<Record<string, string>>, asked: Readonly<Record<string, string>>): string {
  return Object.entries(asked)
    .filter(([key, value]) => has[key] !== value)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** One line for all pilots that have the same to say. */
function group(verdicts: readonly { readonly pilot: PilotFact; readonly why: string | null }[]): string[] {
  const byReason = new Map<string, number[]>();
  for (const { pilot, why } of verdicts) {
    if (why === null) continue;
    const ids = byReason.get(why) ?? [];
    ids.push(pilot.id);
    byReason.set(why, ids);
  }
  return [...byReason].map(([why, ids]) =>
    ids.length === 1 ? `pilot ${ids[0]} ${why}` : `${ids.length} pilots (${listIds(ids)}): each ${why}`,
  );
}
