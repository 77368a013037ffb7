/** What one job asks of the nodes it runs on. */
export type Resources = {
  /** Whole or shared nodes the job spans. Default 1. */
  readonly nodes: number;
  /** MPI ranks (or processes) on each node. Default 1; more than one rank in all is started by an MPI launcher. */
  readonly ranksPerNode: number;
  /** Threads of each rank; also OMP_NUM_THREADS. Default 1. */
  readonly threadsPerRank: number;
  /** Hardware threads used of each core. Default 1. */
  readonly threadsPerCore: number;
  /** GPUs of each rank; fractions share a device. Default 0. */
  readonly gpusPerRank: number;
  /** Memory the job may use on each node, bytes; 0 = not counted. Default 0. */
  readonly memoryPerNodeBytes: number;
  /** How many such jobs may share one node at most. Default 0 = as many as its cores, GPUs and memory allow. */
  readonly nodePackingCount: number;
  /** Expected run time in minutes, a hint for placement; 0 = unknown. Default 0. */
  readonly wallTimeMin: number;
};

export const DEFAULT_RESOURCES: Resources = {
  nodes: 1,
  ranksPerNode: 1,
  threadsPerRank: 1,
  threadsPerCore: 1,
  gpusPerRank: 0,
  memoryPerNodeBytes: 0,
  nodePackingCount: 0,
  wallTimeMin: 0,
};

/** Cores one node must give to the job: ranks × threads, divided by the hardware threads used of each core. */
export function coresPerNode(resources: Resources): number {
  return Math.max(1, Math.ceil((resources.ranksPerNode * resources.threadsPerRank) / resources.threadsPerCore));
}

/** GPUs (or a fraction of one) that one node must give to the job. */
export function gpusPerNode(resources: Resources): number {
  return resources.ranksPerNode * resources.gpusPerRank;
}

/** All ranks of the job; above 1 it needs an MPI launcher. */
export function totalRanks(resources: Resources): number {
  return resources.nodes * resources.ranksPerNode;
}

/** What one node has to give. */
export type NodeCapacity = {
  readonly cores: number;
  readonly gpus: number;
  /** Bytes; 0 = unknown, then memory is not counted. */
  readonly memoryBytes: number;
};

/** Why a node of this capacity can never run the job, or null where it can. */
export function whyNeverFits(resources: Resources, node: NodeCapacity, nodes: number): string | null {
  if (resources.nodes > nodes) return `needs ${resources.nodes} nodes, there are ${nodes}`;
  if (coresPerNode(resources) > node.cores)
    return `needs ${coresPerNode(resources)} cores on a node, a node has ${node.cores}`;
  if (gpusPerNode(resources) > node.gpus)
    return `needs ${gpusPerNode(resources)} GPUs on a node, a node has ${node.gpus}`;
  if (node.memoryBytes > 0 && resources.memoryPerNodeBytes > node.memoryBytes) {
    return `needs ${resources.memoryPerNodeBytes} bytes of memory on a node, a node has ${node.memoryBytes}`;
  }
  return null;
}
