import type { GpuId, NodeHello } from "../../link/messages.ts";
import type { Capacity } from "../place/pool.ts";

/** What the site's settings say that a node has; null = what it says itself. */
export interface PromiseSettings {
  readonly cores: number | null;
  /** How many, or their ids. */
  readonly gpus: number | readonly string[] | null;
  readonly memoryBytes: number | null;
}

/** What a node gives to tasks. */
export interface NodePromise {
  readonly capacity: Capacity;
  /** Ids of the cores; null where more are promised than the node has, then tasks run unpinned. */
  readonly cores: readonly number[] | null;
  readonly gpus: readonly GpuId[];
}

/** What is promised of a node. */
export function promiseOf(settings: PromiseSettings, hello: NodeHello): NodePromise {
  const cores = settings.cores ?? hello.cpus.length;
  const gpus = gpusOf(settings.gpus, hello);
  return {
    capacity: { cores, gpus: gpus.length, memoryBytes: settings.memoryBytes ?? hello.memoryBytes },
    cores: cores > hello.cpus.length ? null : hello.cpus.slice(0, cores),
    gpus,
  };
}

function gpusOf(promised: PromiseSettings["gpus"], { gpus }: NodeHello): readonly GpuId[] {
  if (promised === null) return gpus;
  const kind = gpus[0]?.kind ?? "cuda";
  if (typeof promised !== "number") return promised.map((id) => ({ kind, id }));
  return Array.from({ length: promised }, (_, index) => gpus[index] ?? { kind, id: String(index) });
}
