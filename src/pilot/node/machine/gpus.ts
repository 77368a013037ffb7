import { readdirSync } from "node:fs";
import type { GpuId, GpuKind } from "../../link/messages.ts";

/** Where to look: the environment, and a way to list a directory that may not exist. */
export interface GpuSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly list: (directory: string) => readonly string[];
}

/** The variable by which each vendor's runtime is told which GPUs there are. */
export const maskName = {
  cuda: "CUDA_VISIBLE_DEVICES",
  rocr: "ROCR_VISIBLE_DEVICES",
  ze: "ZE_AFFINITY_MASK",
} as const satisfies Record<GpuKind, string>;

/**
 * The GPUs this process may use, without starting any vendor's tool: what a scheduler left visible in the environment,
 * else the device files. A scheduler that does not know the vendor (Slurm) sets all masks alike: these are the same
 * GPUs, of the kind whose device files are there, else of the first.
 */
export function findGpus({ environment, list }: GpuSources): GpuId[] {
  const devices = {
    cuda: countOf(list("/dev"), /^nvidia\d+$/),
    rocr: list("/dev").includes("kfd") ? countOf(list("/dev/dri"), /^renderD\d+$/) : 0,
    ze: 0,
  };
  const found = kinds.map((kind) => ({ kind, mask: environment[maskName[kind]], count: devices[kind] }));
  const isEcho = ({ kind, mask }: (typeof found)[number]): boolean => {
    const alike = found.filter((other) => mask !== undefined && mask !== "" && other.mask === mask);
    const real = alike.find(({ count }) => count > 0) ?? alike[0];
    return real !== undefined && real.kind !== kind;
  };
  return found.flatMap((one) => (isEcho(one) ? [] : gpusOf(one.kind, one.mask, one.count)));
}

/** An environment without masks that only repeat that of the GPUs there are. */
export function withoutEchoes(
  environment: GpuSources["environment"],
  gpus: readonly GpuId[],
): GpuSources["environment"] {
  const masks = new Set(gpus.map(({ kind }) => environment[maskName[kind]]));
  const idle = kinds.filter((kind) => !gpus.some((gpu) => gpu.kind === kind)).map((kind): string => maskName[kind]);
  const names = [...idle, "GPU_DEVICE_ORDINAL"].filter((name) => masks.has(environment[name]));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.includes(name)));
}

const kinds = ["cuda", "rocr", "ze"] as const;

/** Lists a directory; empty where there is none. */
export function listDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A mask that is set but names none (`""`, `-1`, `NoDevFiles`) hides them all. */
function gpusOf(kind: GpuKind, mask: string | undefined, count: number): GpuId[] {
  const ids =
    mask === undefined
      ? Array.from({ length: count }, (_, index) => String(index))
      : mask
          .split(",")
          .map((id) => id.trim())
          .filter((id) => id !== "" && id !== "-1" && id !== "NoDevFiles");
  return ids.map((id) => ({ kind, id }));
}

const countOf = (names: readonly string[], pattern: RegExp): number =>
  names.filter((name) => pattern.test(name)).length;
