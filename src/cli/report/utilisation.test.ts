import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanUtilisation } from "./run-summary.ts";
import type { TaskInterval } from "./task-interval.ts";
import { drawUtilisation } from "./utilisation.ts";

function task(changes: Partial<TaskInterval>): TaskInterval {
  return { label: "t", group: "app", node: "n1", slot: 0, startMs: 0, endMs: 1000, outcome: "ok", ...changes };
}

/** Tasks back to back on every slot, apps in turn. */
function fill(count: number, { nodes, slots, ms }: { nodes: number; slots: number; ms: number }): TaskInterval[] {
  return Array.from({ length: count }, (_, index) => {
    const place = index % (nodes * slots);
    const startMs = Math.floor(index / (nodes * slots)) * ms + (index % 7);
    return task({
      label: `task ${index}`,
      group: `app ${index % 5}`,
      node: `node${Math.floor(place / slots)}`,
      slot: place % slots,
      startMs,
      endMs: startMs + ms * 0.9,
      outcome: index === 4321 ? "failed" : "ok",
    });
  });
}

const interval = fc.record({
  label: fc.string({ unit: "binary" }),
  group: fc.constantFrom("a", "b", "<c>", "long name of an app that nobody would choose, but somebody will"),
  node: fc.constantFrom("n1", "n2", "nid000123-with-a-long-name"),
  slot: fc.nat(9),
  startMs: fc.integer({ min: -1000, max: 1e6 }),
  endMs: fc.integer({ min: -1000, max: 1e6 }),
  outcome: fc.constantFrom("ok" as const, "failed" as const, "killed" as const),
});

describe("the mean utilisation", () => {
  it("is busy slot time over allocated slot time", () => {
    const slots = [{ node: "n1", count: 2 }];
    const intervals = [task({ endMs: 1000 }), task({ slot: 1, startMs: 500, endMs: 1000 })];
    expect(meanUtilisation({ intervals, slots })).toBeCloseTo(0.75, 12);
    expect(meanUtilisation({ intervals, slots, allocation: [{ startMs: -500, endMs: 1000 }] })).toBeCloseTo(0.5, 12);
  });

  it("counts allocations that overlap once", () => {
    const allocation = [
      { startMs: 0, endMs: 1500 },
      { startMs: 1000, endMs: 2000 },
    ];
    expect(meanUtilisation({ intervals: [task({})], slots: [{ node: "n1", count: 1 }], allocation })).toBeCloseTo(
      0.5,
      12,
    );
  });

  it("is zero when nothing ran", () => {
    expect(meanUtilisation({ intervals: [], slots: [] })).toBe(0);
  });
});

describe("the utilisation picture", () => {
  it("says in words how busy the slots were, and how many tasks failed", () => {
    const intervals = [task({ endMs: 60_000 }), task({ slot: 1, endMs: 30_000, outcome: "failed" })];
    const svg = drawUtilisation({ intervals, slots: [{ node: "n1", count: 2 }] });
    expect(svg).toContain("75 % of 2 slots busy over 1 min 00 s");
    expect(svg).toContain("2 tasks · on 1 node · mean 45.0 s · 2.0 tasks/min · 1 failed");
  });

  it("hatches a failed task and a killed one and explains both in the legend, and only then", () => {
    const slots = [{ node: "n1", count: 3 }];
    const bad = [task({ slot: 1, outcome: "failed" }), task({ slot: 2, outcome: "killed" })];
    const svg = drawUtilisation({ intervals: [task({}), ...bad], slots });
    expect(svg.match(/fill="url\(#conifer-failed\)"/g)?.length).toBe(2);
    expect(svg.match(/fill="url\(#conifer-killed\)"/g)?.length).toBe(2);
    expect(drawUtilisation({ intervals: [task({})], slots })).not.toContain("url(#");
  });

  it("names each task where there is room and when pointed at", () => {
    const svg = drawUtilisation({ intervals: [task({ label: "relax <3>" })], slots: [{ node: "n1", count: 1 }] });
    expect(svg).toContain("<title>relax &lt;3&gt; (app)\n1.0 s, ok, n1, slot 0</title>");
    expect(svg).toContain(">relax &lt;3&gt;</text>");
  });

  it("draws bars as long as the tasks took and on their slots' rows", () => {
    const intervals = [task({ endMs: 500 }), task({ slot: 1, startMs: 500, endMs: 1000 })];
    const svg = drawUtilisation({ intervals, slots: [{ node: "n1", count: 2 }] });
    const bars = [...svg.matchAll(/<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)];
    const [first, second] = bars.map(([, x, y, width]) => ({ x: Number(x), y: Number(y), width: Number(width) }));
    expect(first).toMatchObject({ x: 92, width: 441.4 });
    expect(second).toMatchObject({ x: 92 + 442, width: 441.4 });
    expect(Number(second?.y) - Number(first?.y)).toBe(22);
  });

  it("stays below 1 MB and keeps the one failure visible, from 10,000 tasks on 32 slots to 200,000 on 4,096", () => {
    const cases = [
      { count: 10_000, nodes: 4, slots: 8, ms: 30 },
      { count: 10_000, nodes: 64, slots: 16, ms: 60_000 },
      { count: 200_000, nodes: 64, slots: 64, ms: 1000 },
    ];
    for (const { count, nodes, slots, ms } of cases) {
      const declared = Array.from({ length: nodes }, (_, node) => ({ node: `node${node}`, count: slots }));
      const svg = drawUtilisation({ intervals: fill(count, { nodes, slots, ms }), slots: declared });
      expect(svg.length).toBeLessThan(1_000_000);
      expect(svg).toMatch(/<path d="M[^"]+" fill="#c4122f"\/>/);
    }
  });

  it("does not depend on the epoch of its times", () => {
    const shift = (by: number) =>
      fill(50, { nodes: 1, slots: 4, ms: 1000 }).map((one) => ({
        ...one,
        startMs: one.startMs + by,
        endMs: one.endMs + by,
      }));
    const slots = [{ node: "node0", count: 4 }];
    expect(drawUtilisation({ intervals: shift(1.7e12), slots })).toBe(drawUtilisation({ intervals: shift(0), slots }));
  });

  it("is well-formed with finite numbers, whatever the tasks are called and whenever they ran", () => {
    fc.assert(
      fc.property(
        fc.array(interval, { maxLength: 60 }),
        fc.array(fc.record({ node: fc.constantFrom("n1", "n2"), count: fc.nat(6) }), { maxLength: 2 }),
        (intervals, slots) => {
          const svg = drawUtilisation({ intervals, slots });
          expect(svg).not.toMatch(/NaN|Infinity|undefined/);
          expect(svg).not.toMatch(/(width|height)="-/);
          expect(isWellFormed(svg)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** Tags nest and close, and no bare < or & is left: enough to tell a broken escape. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml.replace(/<(\/?)([a-zA-Z]+)(?:\s+[a-zA-Z:-]+="[^"<]*")*\s*(\/?)>/g, (_, closes, name, empty) => {
    if (closes) return open.pop() === name ? "" : "<";
    if (!empty) open.push(name);
    return "";
  });
  return open.length === 0 && !/[<>]|&(?!(amp|lt|gt|quot);)/.test(rest);
}
