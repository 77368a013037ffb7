import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeBars } from "./gantt-bars.ts";
import type { TaskInterval } from "./task-interval.ts";

function task(startMs: number, endMs: number, changes: Partial<TaskInterval> = {}): TaskInterval {
  return { label: "t", group: "a", node: "n", slot: 0, startMs, endMs, outcome: "ok", ...changes };
}

const options = {
  rowOf: ({ slot }: TaskInterval) => slot,
  colourOf: (app: string) => app,
  place: (ms: number) => ms,
  maxBars: 1000,
};

describe("the bars of a Gantt chart", () => {
  it("are one for each task when each can be seen, and know their tasks", () => {
    const tasks = [task(0, 10), task(10, 20), task(20, 40, { group: "b" }), task(0, 40, { slot: 1 })];
    expect(makeBars(tasks, options).map(({ task }) => task)).toEqual([tasks[0], tasks[3], tasks[1], tasks[2]]);
  });

  it("merge tasks of one app that are thinner than a pixel and touch", () => {
    const tasks = Array.from({ length: 100 }, (_, index) => task(index / 10, (index + 1) / 10));
    const bars = makeBars(tasks, options);
    expect(bars.length).toBe(1);
    expect(bars[0]).toMatchObject({ left: 0, task: undefined });
    expect(bars[0]?.right).toBeCloseTo(10.7, 1);
  });

  it("do not fill an idle time that can be seen", () => {
    expect(makeBars([task(0, 1), task(3, 4)], options).length).toBe(2);
  });

  it("show a failure among many short tasks, on top and wide enough", () => {
    const tasks = Array.from({ length: 1000 }, (_, index) =>
      task(index / 10, (index + 1) / 10, index === 500 ? { outcome: "failed" } : {}),
    );
    const bad = makeBars(tasks, options).at(-1);
    expect(bad).toMatchObject({ outcome: "failed", left: 50 });
    expect(Number(bad?.right) - Number(bad?.left)).toBeGreaterThan(2);
  });

  it("are never many more than asked for, and cover every task to within what cannot be seen", () => {
    const interval = fc.record({
      slot: fc.nat(3),
      start: fc.double({ min: 0, max: 900, noNaN: true }),
      length: fc.double({ min: 0, max: 90, noNaN: true }),
      group: fc.constantFrom("a", "b"),
      outcome: fc.constantFrom("ok" as const, "failed" as const),
    });
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 300 }), (list) => {
        const tasks = list.map(({ slot, start, length, group, outcome }) =>
          task(start, start + length, { slot, group, outcome }),
        );
        expect(makeBars(tasks, { ...options, maxBars: 40 }).length).toBeLessThanOrEqual(40);
        const fine = makeBars(tasks, options);
        for (const { slot, startMs, endMs, outcome } of tasks) {
          const own = fine.filter((bar) => bar.row === slot && (bar.outcome === "ok") === (outcome === "ok"));
          for (const ms of [startMs, endMs])
            expect(own.some(({ left, right }) => left <= ms + 1e-9 && ms <= right + 1.01)).toBe(true);
        }
      }),
    );
  });
});
