import { type GpuNeed, gpuUnits } from "./shape.ts";

/** Units of one device. */
export interface GpuShare {
  readonly device: number;
  readonly units: number;
}

/** Whether these free units hold what is needed, each part on one device. */
export function haveGpus(free: readonly number[], need: GpuNeed): boolean {
  if (need.whole === 0 && need.parts === 0) return true;
  if (need.parts > 0 && (need.parts > 1 || need.whole > 0)) return chooseGpus(free, need) !== null;
  // Asked of every node that is looked at: nothing is made for it.
  const [units, count] = need.parts === 1 ? [need.partUnits, 1] : [gpuUnits, need.whole];
  let found = 0;
  for (const have of free) if (have >= units) found += 1;
  return found >= count;
}

/**
 * Devices for a need, or null where there are not enough. Parts go to the fullest device that still takes one, so
 * that whole devices stay whole; as all parts of a task are equal, no other choice would need fewer devices.
 */
export function chooseGpus(free: readonly number[], need: GpuNeed): GpuShare[] | null {
  if (need.whole === 0 && need.parts === 0) return [];
  if (need.parts === 0) return chooseWhole(free, need.whole);
  const left = [...free];
  const chosen = new Map<number, number>();
  for (let part = 0; part < need.parts; part += 1) {
    const device = tightest(left, need.partUnits);
    if (device === null) return null;
    left[device] = (left[device] ?? 0) - need.partUnits;
    chosen.set(device, (chosen.get(device) ?? 0) + need.partUnits);
  }
  for (let whole = 0; whole < need.whole; whole += 1) {
    const device = left.indexOf(gpuUnits);
    if (device < 0) return null;
    left[device] = 0;
    chosen.set(device, gpuUnits);
  }
  return [...chosen].map(([device, units]) => ({ device, units }));
}

function chooseWhole(free: readonly number[], count: number): GpuShare[] | null {
  const chosen: GpuShare[] = [];
  for (let device = 0; device < free.length && chosen.length < count; device += 1)
    if (free[device] === gpuUnits) chosen.push({ device, units: gpuUnits });
  return chosen.length === count ? chosen : null;
}

function tightest(free: readonly number[], units: number): number | null {
  let best: number | null = null;
  for (const [device, have] of free.entries())
    if (have >= units && (best === null || have < (free[best] ?? 0))) best = device;
  return best;
}
