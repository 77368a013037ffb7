import { type Row, row } from "./rows.ts";
import { simulatePilot } from "./simulated/pilot.ts";

/** How busy one hub keeps the slots of 64 nodes with short tasks, and of 4,096 large ones with long tasks. */
export async function measureSimulatedPilot(): Promise<Row[]> {
  const short = simulatePilot({ nodes: 64, slots: 8, taskMs: 100, rounds: 100 });
  const large = simulatePilot({ nodes: 4096, slots: 64, taskMs: 60_000, rounds: 0.5 });
  return [
    row({
      name: `64 nodes × 8 slots, tasks of 0.1 s: slots busy, ${Math.round(short.tasksPerSec)} tasks/s`,
      value: 100 * short.busy,
      unit: "%",
      goal: ">= 95 %",
      ok: short.busy >= 0.95,
    }),
    row({
      name: `4,096 nodes × 64 slots, tasks of 60 s: slots busy, ${Math.round(large.tasksPerSec)} tasks/s`,
      value: 100 * large.busy,
      unit: "%",
      goal: ">= 98 %",
      ok: large.busy >= 0.98,
    }),
    row({
      name: "the hub's one thread at 64 × 8, busy",
      value: 100 * short.hubLoad,
      unit: "%",
      goal: "< 90 %",
      ok: short.hubLoad < 0.9,
    }),
  ];
}
