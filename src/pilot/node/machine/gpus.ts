import { readdirSync } from "node:fs";
import type { GpuId } from "../../link/messages.ts";

/** Where to look: the environment, and a way to list a directory that may not exist. */
export interface GpuSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly list: (directory: string) => readonly string[];
}

/**
 * The GPUs this process may use, without starting any vendor's tool: what a scheduler left visible in the environment,
 * else the device files.
 */
export function findGpus(sources: GpuSources): GpuId[] {
  const { environment, list } = sources;
  return [
    ...gpusOf("cuda", environment.CUDA_VISIBLE_DEVICES, () => countOf(list("/dev"), /^nvidia\d+$/)),
    ...gpusOf("rocr", environment.ROCR_VISIBLE_DEVICES, () =>
      list("/dev").includes("kfd") ? countOf(list("/dev/dri"), /^renderD\d+$/) : 0,
    ),
    ...gpusOf("ze", environment.ZE_AFFINITY_MASK, () => 0),
  ];
}

/** Lists a directory; empty where there is none. */
export function listDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A mask that is set but names none (`""`, `-1`, `NoDevFiles`) hides them all. */
function gpusOf(kind: GpuId["kind"], mask: string | undefined, count: () => number): GpuId[] {
  const ids =
    mask === undefined
      ? Array.from({ length: count() }, (_, index) => String(index))
      : mask
          .split(",")
          .map((id) => id.trim())
          .filter((id) => id !== "" && id !== "-1" && id !== "NoDevFiles");
  return ids.map((id) => ({ kind, id }));
}

const countOf = (names: readonly string[], pattern: RegExp): number =>
  names.filter((name) => pattern.test(name)).length;
