import { coresPerNode, type Resources } from "../../../model/resources.ts";

/** A GPU is counted in this many units, so that fractions add up exactly. */
export const gpuUnits = 1_000_000;

/** What a job takes of each GPU: devices of its own, and equal parts that each lie on one device. */
export interface GpuNeed {
  readonly whole: number;
  readonly parts: number;
  /** Units of one part; less than a device. */
  readonly partUnits: number;
}

/** What a task asks of the nodes; tasks of one shape are alike for placement. */
export interface Shape {
  /** The same for equal shapes. */
  readonly key: string;
  readonly nodes: number;
  /** Of each node; so are GPUs, memory and packing. */
  readonly cores: number;
  readonly gpu: GpuNeed;
  readonly memoryBytes: number;
  /** The part of a node's packing allowance: 1 / node packing count, 0 = not counted. */
  readonly packing: number;
  /** Expected run time; null = unknown. */
  readonly wallMs: number | null;
}

/** The shape of a job's resources. */
export function shapeOf(resources: Resources): Shape {
  const { nodes, ranksPerNode, memoryPerNodeBytes: memoryBytes, nodePackingCount, wallTimeMin } = resources;
  const cores = coresPerNode(resources);
  const gpu = gpuNeed(ranksPerNode, resources.gpusPerRank);
  return {
    key: [nodes, cores, gpu.whole, gpu.parts, gpu.partUnits, memoryBytes, nodePackingCount, wallTimeMin].join(" "),
    nodes,
    cores,
    gpu,
    memoryBytes,
    packing: nodePackingCount > 0 ? 1 / nodePackingCount : 0,
    wallMs: wallTimeMin > 0 ? wallTimeMin * 60_000 : null,
  };
}

/** GPU units of each node in all. */
export function gpuUnitsOf({ whole, parts, partUnits }: GpuNeed): number {
  return whole * gpuUnits + parts * partUnits;
}

function gpuNeed(ranks: number, gpusPerRank: number): GpuNeed {
  const whole = Math.floor(gpusPerRank + 1e-6);
  // Rounded down, so that six sixths fit one device.
  const partUnits = Math.max(0, Math.floor((gpusPerRank - whole) * gpuUnits + 1e-6));
  return { whole: ranks * whole, parts: partUnits > 0 ? ranks : 0, partUnits };
}
