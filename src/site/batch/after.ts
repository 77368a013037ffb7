/**
 * Batch jobs that come after others (`options.after`, ids of batch jobs). A batch scheduler is told, as soon as it knows
 * the others: it keeps such a job's place in the queue. Where the others have ended already, or the scheduler knows no
 * dependencies, the agent itself decides.
 */
import { z } from "zod";
import type { NotAsked } from "../../allocation/index.ts";
import type { BatchJob } from "../../client/wire/entities.ts";

const afterSchema = z.object({
  after: z.array(z.coerce.number().int().min(1)).default([]),
  /** How far the others must have come; as the schedulers' option `dependsWhen`. */
  afterWhen: z.enum(["ended", "ok", "failed", "started"]).default("ended"),
});
type When = z.output<typeof afterSchema>["afterWhen"];

export type AfterOthers = {
  readonly get: (id: number) => Promise<BatchJob | null>;
  /** The scheduler's kind. */
  readonly kind: string;
};

/** The scheduler's options of a batch job, with the others in them; or why it is not submitted (yet). */
export async function afterOthers(
  { options }: Pick<BatchJob, "options">,
  { get, kind }: AfterOthers,
): Promise<{ readonly options: BatchJob["options"] } | NotAsked> {
  if (options.after === undefined) return { options };
  const read = afterSchema.safeParse(options);
  if (!read.success)
    return { state: "refused", reason: `after: ${read.error.issues[0]?.message ?? "it does not read"}` };
  const { after, afterWhen } = read.data;
  const { after: _, afterWhen: __, ...others } = options;
  const ids: string[] = [];
  for (const id of after) {
    const other = await get(id);
    if (other === null) return { state: "refused", reason: `there is no batch job ${id} to come after` };
    const verdict = judge(other, afterWhen);
    if (verdict === "never")
      return {
        state: "refused",
        reason: `batch job ${id} is ${other.state}, so this one (${afterWhen}) can never start`,
      };
    if (verdict === "now") continue;
    if (kind === "local")
      return { state: "waiting", reason: `it comes after batch job ${id}, which is ${other.state}` };
    if (other.schedulerId === null)
      return { state: "waiting", reason: `it comes after batch job ${id}, which is not submitted yet` };
    ids.push(other.schedulerId);
  }
  if (ids.length === 0) return { options: others };
  return { options: { ...others, dependsOn: ids, dependsWhen: afterWhen } };
}

/** Whether one may start now as far as this other is concerned. */
function judge({ state, started }: BatchJob, when: When): "now" | "later" | "never" {
  const isOver = ["finished", "failed", "cancelled", "submit_failed"].includes(state);
  if (when === "started" && (started !== null || state === "running")) return "now";
  if (!isOver) return "later";
  switch (when) {
    case "ended":
      return "now";
    case "ok":
      return state === "finished" ? "now" : "never";
    case "failed":
      return state === "finished" ? "never" : "now";
    case "started":
      return "never";
  }
}
