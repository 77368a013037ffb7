import type { Demand } from "../client/wire/sessions.ts";
import type { NodeCapacity } from "../model/resources.ts";

/** Runnable jobs of one shape, with how many fit on a node. */
export type Shape = Demand["shapes"][number] & { readonly perNode: number };

type Bounds = { readonly node: NodeCapacity; readonly maxNodes: number; readonly maxWallTimeMin: number };

/** Shapes that can run in an allocation within the bounds, and for people why the others never can. */
export function sortOut(
  shapes: Demand["shapes"],
  bounds: Bounds,
): { readonly fitting: readonly Shape[]; readonly never: readonly string[] } {
  const fitting: Shape[] = [];
  const reasons = new Map<string, number>();
  for (const shape of shapes.filter(({ count }) => count > 0)) {
    const perNode = jobsPerNode(shape, bounds.node);
    const why = whyNever(shape, perNode, bounds);
    if (why === null) fitting.push({ ...shape, perNode });
    else reasons.set(why, (reasons.get(why) ?? 0) + shape.count);
  }
  return {
    fitting,
    never: [...reasons].map(([why, count]) => `${count} ${count === 1 ? "job needs" : "jobs need"} ${why}`),
  };
}

/**
 * What shapes add up to: nodes with all jobs side by side, node-minutes of work of the jobs that say how long they
 * take, and nodes of those that do not.
 */
export function footprint(shapes: readonly Shape[]): { sideBySide: number; busyNodeMin: number; unknown: number } {
  const sum = { sideBySide: 0, busyNodeMin: 0, unknown: 0 };
  for (const { count, nodes, perNode, wallTimeMin } of shapes) {
    const side = nodes > 1 ? count * nodes : count / perNode;
    sum.sideBySide += side;
    sum.busyNodeMin += side * wallTimeMin;
    if (wallTimeMin === 0) sum.unknown += side;
  }
  return sum;
}

/** How many jobs of a shape one node holds at once; 0 = not even one. Memory 0 is unknown and not counted. */
function jobsPerNode(shape: Demand["shapes"][number], node: NodeCapacity): number {
  const counts = [Math.floor(node.cores / Math.max(1, shape.coresPerNode))];
  if (shape.gpusPerNode > 0) counts.push(Math.floor(node.gpus / shape.gpusPerNode + 1e-9));
  if (shape.memoryPerNodeBytes > 0 && node.memoryBytes > 0)
    counts.push(Math.floor(node.memoryBytes / shape.memoryPerNodeBytes));
  if (shape.nodePackingCount > 0) counts.push(shape.nodePackingCount);
  return Math.min(...counts);
}

function whyNever(shape: Demand["shapes"][number], perNode: number, bounds: Bounds): string | null {
  const { node, maxNodes, maxWallTimeMin } = bounds;
  if (shape.nodes > maxNodes) return `${shape.nodes} nodes, an allocation has at most ${maxNodes}`;
  if (shape.wallTimeMin > maxWallTimeMin)
    return `${shape.wallTimeMin} minutes, an allocation has at most ${Math.max(0, Math.floor(maxWallTimeMin))} for jobs`;
  if (perNode > 0) return null;
  if (shape.coresPerNode > node.cores) return `${shape.coresPerNode} cores on a node, which has ${node.cores}`;
  if (shape.gpusPerNode > node.gpus) return `${shape.gpusPerNode} GPUs on a node, which has ${node.gpus}`;
  return `${shape.memoryPerNodeBytes} bytes of memory on a node, which has ${node.memoryBytes}`;
}
