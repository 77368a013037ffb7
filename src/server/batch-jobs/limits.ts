import { z } from "zod";
import { ConiferError } from "../../model/errors.ts";

const limitSchema = z.object({
  minNodes: z.number().nullish(),
  maxNodes: z.number().nullish(),
  maxWallTimeMin: z.number().nullish(),
});
/** What of a site's report says which batch jobs it can submit; each part may be missing. */
const reportSchema = z.object({
  limits: limitSchema.nullish().catch(null),
  queues: z
    .array(limitSchema.extend({ name: z.string() }))
    .nullish()
    .catch(null),
  projects: z.array(z.string()).nullish().catch(null),
});

export type Wanted = {
  readonly nodes: number;
  readonly wallTimeMin: number;
  readonly queue: string;
  readonly project: string;
};

/** Refuses a batch job that the site said it cannot submit; a site that said nothing refuses nothing. */
export function checkLimits(report: unknown, wanted: Wanted, site: string): void {
  const read = reportSchema.safeParse(report);
  if (!read.success) return;
  const { limits, queues, projects } = read.data;
  // Grid Engine's `queue@host` is a part of a queue.
  const [named = ""] = wanted.queue.split("@");
  if (queues && queues.length > 0 && wanted.queue !== "") {
    const queue = queues.find(({ name }) => name === wanted.queue || name === named);
    if (!queue)
      refuse(
        "queue",
        `site ${site} has no queue ${JSON.stringify(wanted.queue)}; it has ${queues.map(({ name }) => name).join(", ")}`,
      );
    checkBounds(queue, wanted, `queue ${wanted.queue} of site ${site}`);
  }
  if (projects && projects.length > 0 && wanted.project !== "" && !projects.includes(wanted.project))
    refuse("project", `site ${site} has no project ${JSON.stringify(wanted.project)}; it has ${projects.join(", ")}`);
  // Those of the site are those of the queue that is used where none is named.
  const isOfItsOwn = wanted.queue !== "" && queues && queues.length > 0;
  if (limits && !isOfItsOwn) checkBounds(limits, wanted, `site ${site}`);
}

function checkBounds(
  { minNodes, maxNodes, maxWallTimeMin }: z.output<typeof limitSchema>,
  wanted: Wanted,
  where: string,
): void {
  if (typeof maxNodes === "number" && wanted.nodes > maxNodes)
    refuse("nodes", `${where} has at most ${maxNodes} nodes, not ${wanted.nodes}`);
  if (typeof minNodes === "number" && wanted.nodes < minNodes)
    refuse("nodes", `${where} gives at least ${minNodes} nodes, not ${wanted.nodes}`);
  if (typeof maxWallTimeMin === "number" && wanted.wallTimeMin > maxWallTimeMin)
    refuse("wallTimeMin", `${where} gives at most ${maxWallTimeMin} minutes, not ${wanted.wallTimeMin}`);
}

function refuse(where: string, problem: string): never {
  throw new ConiferError("BAD_INPUT", { where, problem });
}
