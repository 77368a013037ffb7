import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { JobRecord } from "../batch/dialect.ts";
import type { AllocationStatus, Submission } from "../scheduler.ts";
import { toDecimalId } from "./job-id.ts";

const AWAY =
  /unable to connect to flux|connection (refused|reset|timed out)|no route to host|broken pipe|host is unreachable|operation timed out|broker.*(not found|down)/i;
const FULL = /max(imum)? (number of )?(active |running |submitted )?jobs|job count limit|user's max active jobs/i;
const COLUMNS = 10;
/** Flux's code for a job that was cancelled before it ran. */
const NEVER_RAN = -128;

function words(answer: Answer): string {
  return wordsOf(answer).replace(/flux-\w+: (ERROR: )?(\[Errno \d+\] )?/g, "");
}

export function readFluxBatch(answer: Answer): Submission {
  if (answer.code === 0) {
    const id = toDecimalId(answer.stdout.trim().split("\n").at(-1) ?? "");
    if (id === null) throw unreadable("flux", answer, "it answered without an id");
    return { kind: "submitted", id };
  }
  const reason = words(answer);
  if (FULL.test(answer.stderr)) return { kind: "full", reason };
  if (AWAY.test(answer.stderr) || answer.stderr.trim() === "") throw silent("flux", reason, answer);
  return { kind: "refused", reason };
}

export function readFluxJobs(answer: Answer): JobRecord[] {
  if (answer.code !== 0) throw silent("flux", words(answer), answer);
  return answer.stdout
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [id = "", state = "", code = "", run = "", inactive = "", expiration = "", exception = "", ...rest] =
        line.split("\t");
      const decimal = toDecimalId(id);
      if (decimal === null || rest.length < COLUMNS - 7) throw unreadable("flux", answer);
      const [dependencies = "", pending = "", ...name] = rest;
      const job = { state, code, run, inactive, expiration, exception, dependencies, pending };
      return { id: decimal, name: name.join("\t"), status: toStatus(job) };
    });
}

type FluxJob = Readonly<
  Record<"state" | "code" | "run" | "inactive" | "expiration" | "exception" | "dependencies" | "pending", string>
>;

function toStatus(job: FluxJob): AllocationStatus {
  const startedAt = toMs(job.run);
  const end = { startedAt, endedAt: toMs(job.inactive) };
  switch (job.state) {
    case "RUN":
    case "RUNNING":
    case "CLEANUP":
      return { state: "running", startedAt, endsAt: toMs(job.expiration) };
    case "COMPLETED":
      return { state: "ended", outcome: "finished", reason: "", ...end };
    case "CANCELED":
      return { state: "ended", outcome: "cancelled", reason: "it was cancelled", ...end };
    case "TIMEOUT":
      return { state: "ended", outcome: "failed", reason: "it was over its wall time", ...end };
    case "FAILED":
      return { state: "ended", outcome: "failed", reason: whyFailed(job), ...end };
    default:
      return { state: "queued", reason: whyWaiting(job) };
  }
}

function whyFailed({ code, exception }: FluxJob): string {
  const number = Number(code);
  const what = exception.trim() === "" ? "" : `exception ${exception.trim()}`;
  if (code.trim() === "" || number === NEVER_RAN) return what === "" ? "it failed before it ran" : what;
  const told = number < 0 ? `it was ended by signal ${-number}` : number > 0 ? `exit code ${number}` : "it failed";
  return what === "" ? told : `${told} (${what})`;
}

function whyWaiting({ state, dependencies, pending }: FluxJob): string {
  if (pending.trim() !== "") return pending.trim();
  if (dependencies.trim() !== "") return `it waits for another job (${dependencies.trim()})`;
  return `it waits for free nodes (${state})`;
}

/** Seconds with fractions; 0 and nothing = not known. */
function toMs(text: string): number | null {
  const seconds = Number(text);
  return text.trim() !== "" && Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds * 1000) : null;
}

export function readFluxCancel(answer: Answer): string | null {
  if (answer.code === 0) return null;
  if (AWAY.test(answer.stderr)) throw silent("flux", words(answer), answer);
  const problems = answer.stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/inactive|unknown job ?id|no such/i.test(line));
  return problems.length === 0 ? null : words({ ...answer, stderr: problems.join("\n") });
}
