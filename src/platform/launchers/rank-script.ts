/**
 * What each rank runs first where its launcher's daemon, not a pinned process, has started it: a few lines of shell that find out
 * which node and which of its ranks this is, take the task's cores and GPUs there, and become the program. It needs no word of the
 * launcher about binding, so that it is the same for all of them.
 */
import { quote } from "../../app/quote.ts";

/** What a task has of one node. */
export interface RankPlace {
  readonly hostname: string;
  /** Null where it runs unpinned. */
  readonly cores: readonly number[] | null;
  readonly gpus: readonly { readonly kind: "cuda" | "rocr" | "ze"; readonly id: string }[];
}

/** `task` gives each rank all that the task has of its node, `rank` its own part of it. */
export type RankBinding = "task" | "rank";

export interface RankPlaces {
  readonly places: readonly RankPlace[];
  readonly ranksPerNode: number;
  readonly cores: RankBinding;
  readonly gpus: RankBinding;
}

const maskName = { cuda: "CUDA_VISIBLE_DEVICES", rocr: "ROCR_VISIBLE_DEVICES", ze: "ZE_AFFINITY_MASK" } as const;

/** How launchers tell a rank its number on its node; the innermost launcher's word counts. */
const localRank = [
  "OMPI_COMM_WORLD_LOCAL_RANK",
  "PALS_LOCAL_RANKID",
  "MPI_LOCALRANKID",
  "PMI_LOCAL_RANK",
  "JSM_NAMESPACE_LOCAL_RANK",
  "FLUX_TASK_LOCAL_ID",
  "SLURM_LOCALID",
].reduceRight((rest, name) => `\${${name}:-${rest}}`, "0");

/** The command of a rank, with what takes its place in front. */
export function rankCommand(command: readonly string[], ranks: RankPlaces): string[] {
  return ["sh", "-c", rankScript(ranks), "rank", ...command];
}

/** Hosts with the same lists share a line, and the most common lists need no host: a command is at most 128 KiB long. */
function rankScript({ places, ranksPerNode, cores, gpus }: RankPlaces): string {
  const groups = new Map<string, string[]>();
  for (const place of places) {
    const lists = [
      `cores=${quote(perRank(place.cores ?? [], ranksPerNode, cores))}`,
      ...Object.keys(maskName).map((kind) => {
        const ids = place.gpus.filter((gpu) => gpu.kind === kind).map(({ id }) => id);
        return `${kind}=${quote(perRank(ids, ranksPerNode, gpus))}`;
      }),
    ].join(" ");
    groups.set(lists, [...(groups.get(lists) ?? []), place.hostname]);
  }
  const [common = "", ...others] = [...groups.entries()]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([lists]) => lists);
  const lines = others.map((lists) => `${(groups.get(lists) ?? []).flatMap(patterns).join("|")}) ${lists};;`);
  return [
    "nth() { n=$1; shift; [ $# -gt $n ] && shift $n; echo $1; }",
    `l=${localRank}`,
    lines.length === 0 ? common : `case $(uname -n) in\n${lines.join("\n")}\n*) ${common};;\nesac`,
    ...(Object.keys(maskName) as (keyof typeof maskName)[]).map(
      (kind) => `[ "$${kind}" ] && export ${maskName[kind]}=$(nth $l $${kind})`,
    ),
    // Where the node agent could not pin, this cannot either, and the program runs all the same.
    'cores=$(nth $l $cores); [ "$cores" ] && taskset -cp "$cores" $$ >/dev/null 2>&1',
    'exec "$@"',
  ].join("\n");
}

/** A list of lists, one for each rank of a node, or one for all of them. */
function perRank(items: readonly (number | string)[], ranks: number, binding: RankBinding): string {
  if (binding === "task" || items.length === 0 || ranks < 2) return items.join(",");
  return Array.from({ length: ranks }, (_, rank) => {
    const from = Math.floor((rank * items.length) / ranks);
    const to = Math.max(from + 1, Math.floor(((rank + 1) * items.length) / ranks));
    return items.slice(from, to).join(",");
  }).join(" ");
}

/** A host by its full name, its short one, or in whatever domain. */
function patterns(host: string): string[] {
  const short = host.split(".")[0] ?? host;
  return short === host ? [host, `${host}.*`] : [host, short];
}
