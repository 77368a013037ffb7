import { ConiferError } from "../../../model/errors.ts";

/**
 * An order in which every item comes after the items it depends on; `edges[i]` are the items that item i depends on.
 * A cycle is an error that names its items by `nameOf`. Takes time linear in items and edges.
 */
export function parentsFirst(edges: readonly (readonly number[])[], nameOf: (item: number) => string): number[] {
  const open = edges.map((parents) => parents.length);
  const children = new Map<number, number[]>();
  for (const [child, parents] of edges.entries())
    for (const parent of parents) {
      const list = children.get(parent);
      if (list) list.push(child);
      else children.set(parent, [child]);
    }
  const order: number[] = [];
  for (const [item, count] of open.entries()) if (count === 0) order.push(item);
  for (let at = 0; at < order.length; at += 1)
    for (const child of children.get(order[at] ?? -1) ?? []) {
      open[child] = (open[child] ?? 0) - 1;
      if (open[child] === 0) order.push(child);
    }
  if (order.length < edges.length) throw cycleError(edges, open, nameOf);
  return order;
}

/** Walks from any item still open to a parent still open until one comes again: that is a cycle. */
function cycleError(
  edges: readonly (readonly number[])[],
  open: readonly number[],
  nameOf: (item: number) => string,
): ConiferError {
  const seen = new Map<number, number>();
  const path: number[] = [];
  let item = open.findIndex((count) => count > 0);
  while (!seen.has(item)) {
    seen.set(item, path.length);
    path.push(item);
    item = edges[item]?.find((parent) => (open[parent] ?? 0) > 0) ?? item;
  }
  const cycle = [...path.slice(seen.get(item)), item].reverse();
  const first = Math.min(...cycle);
  const shown =
    cycle.length > 12 ? [...cycle.slice(0, 11).map(nameOf), "…", nameOf(cycle.at(-1) ?? 0)] : cycle.map(nameOf);
  return new ConiferError("DEPENDENCY_CYCLE", { where: `jobs[${first}].parents`, cycle: shown.join(" → ") });
}
