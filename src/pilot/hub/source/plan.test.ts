import { expect, test } from "vitest";
import { ConiferError } from "../../../model/errors.ts";
import type { HubRoom } from "../room.ts";
import { backoffMs, isGone, mayWorkLater } from "./again.ts";
import { endTasksAfterMs, heartbeatMs } from "./lease.ts";
import { createPace, fillsAhead, noteContention, noteEnd } from "./pace.ts";
import { planAcquire } from "./plan-acquire.ts";

type Part = { [Name in keyof HubRoom]?: HubRoom[Name] extends object ? Partial<HubRoom[Name]> : HubRoom[Name] };
const room = (part: Part = {}): HubRoom => ({
  runningTasks: 0,
  nodes: 1,
  reserved: null,
  ...(part as object),
  free: { cores: 64, gpus: 4, memoryBytes: 256e9, wholeNodes: 1, ...part.free },
  capacity: { cores: 64, gpus: 4, memoryBytes: 256e9, ...part.capacity },
  waiting: { tasks: 0, cores: 0, gpus: 0, memoryBytes: 0, ...part.waiting },
});
const rules = { leftMin: null, fills: 0, wantWide: true };

test("an empty pilot asks for what is free", () => {
  expect(planAcquire(room(), rules)).toEqual({
    maxJobs: 64,
    free: { cores: 64, gpus: 4, memoryBytes: 256e9, wholeNodes: 1 },
    wallTimeLeftMin: null,
    wantWide: true,
  });
});

test("a full pilot of long tasks asks for nothing", () => {
  expect(planAcquire(room({ free: { cores: 0 } }), rules)).toBeNull();
});

test("what waits is taken off what is asked for", () => {
  const waiting = { tasks: 4, cores: 60, gpus: 4, memoryBytes: 200e9 };
  expect(planAcquire(room({ waiting }), rules)).toMatchObject({
    maxJobs: 4,
    free: { cores: 4, gpus: 0, memoryBytes: 56e9 },
  });
});

test("short tasks are taken ahead for all resources alike", () => {
  expect(
    planAcquire(room({ free: { cores: 0, gpus: 0, memoryBytes: 0, wholeNodes: 0 } }), { ...rules, fills: 10 }),
  ).toEqual({
    maxJobs: 640,
    free: { cores: 640, gpus: 40, memoryBytes: 2560e9, wholeNodes: 10 },
    wallTimeLeftMin: null,
    wantWide: true,
  });
});

test("more is asked for only when half of what was taken ahead is used up", () => {
  const full = { cores: 0, gpus: 0, memoryBytes: 0, wholeNodes: 0 };
  const waits = (tasks: number) => room({ free: full, waiting: { tasks, cores: tasks } });
  expect(planAcquire(waits(400), { ...rules, fills: 10 })).toBeNull();
  expect(planAcquire(waits(300), { ...rules, fills: 10 })).toMatchObject({ maxJobs: 340 });
});

test("however short tasks are, 4,096 at most are held unstarted", () => {
  const waiting = { tasks: 1000, cores: 1000 };
  expect(planAcquire(room(), { ...rules, fills: 1e6 })?.maxJobs).toBe(4096);
  expect(planAcquire(room({ waiting }), { ...rules, fills: 1e6 })?.maxJobs).toBe(3096);
});

test("[B4] with no time left nothing is asked for, not everything", () => {
  expect(planAcquire(room(), { ...rules, leftMin: 0 })).toBeNull();
  expect(planAcquire(room(), { ...rules, leftMin: 0.2 })?.wallTimeLeftMin).toBe(0.2);
});

test("without a node nothing is asked for", () => {
  expect(planAcquire(room({ nodes: 0 }), rules)).toBeNull();
});

test("in front of a wide task only jobs are asked for that end before it starts, and no second wide one", () => {
  const reserved = { cores: 64, inMs: 600_000 };
  const waiting = { tasks: 1, cores: 64 };
  const free = { cores: 10 };
  expect(planAcquire(room({ reserved, waiting, free }), { ...rules, leftMin: 60, fills: 5 })).toMatchObject({
    maxJobs: 10,
    free: { cores: 10 },
    wallTimeLeftMin: 10,
    wantWide: false,
  });
  expect(planAcquire(room({ reserved: { cores: 64, inMs: 0 }, waiting, free }), rules)).toBeNull();
});

test("memory that is not counted does not run out", () => {
  const none = room({ free: { memoryBytes: 0 }, capacity: { memoryBytes: 0 } });
  expect(planAcquire(none, rules)?.free.memoryBytes).toBe(Number.MAX_SAFE_INTEGER);
});

test("the shorter tasks are, the more is taken ahead; a pilot others wait for takes less", () => {
  const pace = createPace();
  expect(fillsAhead(pace, 0)).toBe(0);
  for (let count = 0; count < 100; count += 1) noteEnd(pace, 15, 0);
  expect(fillsAhead(pace, 0)).toBeCloseTo(100);
  noteContention(pace, 0);
  expect(fillsAhead(pace, 10)).toBeCloseTo(20);
  expect(fillsAhead(pace, 30_001)).toBeLessThan(0.1);
});

test("where short tasks are followed by long ones, little is taken ahead although none of these has ended", () => {
  const pace = createPace();
  for (let count = 0; count < 100; count += 1) noteEnd(pace, 15, 0);
  expect(fillsAhead(pace, 60_000)).toBeLessThan(0.05);
});

test("a lease is renewed ten times before it ends, and tasks end in time before it does", () => {
  expect(heartbeatMs(600)).toBe(30_000);
  expect(heartbeatMs(20)).toBe(2000);
  expect(endTasksAfterMs(600, 10)).toBe(580_000);
  expect(endTasksAfterMs(10, 10)).toBe(5000);
});

test("what is tried again, and how soon", () => {
  expect([1, 2, 3, 20].map((failures) => backoffMs(failures, 1))).toEqual([200, 400, 800, 5000]);
  expect(backoffMs(1, 0)).toBe(100);
  expect(mayWorkLater(new ConiferError("SERVER_UNREACHABLE", {}))).toBe(true);
  expect(mayWorkLater(new ConiferError("DATABASE_DISK_FULL", {}))).toBe(true);
  expect(mayWorkLater(new ConiferError("NOT_LOGGED_IN", {}))).toBe(false);
  expect(isGone(new ConiferError("SESSION_GONE", {}))).toBe(true);
  expect(isGone(new Error("gone"))).toBe(false);
});
