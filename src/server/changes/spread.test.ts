import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JOB_STATES, type JobState } from "../../model/states.ts";
import type { Message } from "./hub.ts";
import { pack, shorten } from "./spread.ts";

const MOST_BYTES = 7_999;
const jobsChange = (states: Partial<Record<JobState, number[]>>): Message => ({
  kind: "change",
  change: { kind: "jobs", siteId: 999_999_999, states, truncated: false, at: "2026-11-20T00:00:00.000Z" },
});

describe("messages to other processes", () => {
  it("arrive whole and in order, in payloads that PostgreSQL takes", () => {
    const ids = fc.array(fc.integer({ min: 1, max: 2 ** 48 }), { maxLength: 700 });
    const message = fc.oneof(
      fc.record({ kind: fc.constant("wake" as const), siteId: fc.nat() }),
      fc.dictionary(fc.constantFrom(...JOB_STATES), ids, { maxKeys: 3 }).map((states) => jobsChange(states)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const texts = messages.map((each) => JSON.stringify(shorten(each)));
        const payloads = pack("0".repeat(36), texts);
        for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(MOST_BYTES);
        const back = payloads.flatMap((payload) => (JSON.parse(payload) as unknown[]).slice(1));
        expect(back).toEqual(texts.map((text) => JSON.parse(text) as unknown));
      }),
      { numRuns: 50 },
    );
  });

  it("name fewer ids where there are too many, and say so", () => {
    const few = jobsChange({ JOB_FINISHED: [1, 2, 3] });
    expect(shorten(few)).toEqual(few);
    const many = Array.from({ length: 1_000 }, (_, index) => 100_000_000_000_000 + index);
    const short = shorten(jobsChange({ RUN_DONE: many, JOB_FINISHED: many }));
    if (short.kind !== "change" || short.change.kind !== "jobs") throw new Error("it became something else");
    expect(short.change.truncated).toBe(true);
    expect(short.change.states.JOB_FINISHED).toEqual([]);
    expect(Buffer.byteLength(pack("0".repeat(36), [JSON.stringify(short)])[0] ?? "")).toBeLessThanOrEqual(MOST_BYTES);
  });
});
