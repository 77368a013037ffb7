import { describe, expect, it } from "vitest";
import { ChangeHub, type Message } from "./hub.ts";

const AT = "2026-11-20T00:00:00.000Z";
const never = new AbortController().signal;

describe("bells", () => {
  it("ring for their topic only, also for what was told before anybody waited", async () => {
    const hub = new ChangeHub();
    using bell = hub.bell("runnable:1", "session:5");
    hub.wake(2);
    hub.command(6);
    expect(await bell.rung({ ms: 1, signal: never })).toBe(false);
    hub.wake(1);
    expect(await bell.rung({ ms: 60_000, signal: never })).toBe(true);
    expect(await bell.rung({ ms: 1, signal: never })).toBe(false);
    const waiting = bell.rung({ ms: 60_000, signal: never });
    hub.askBack(5, 3);
    expect(await waiting).toBe(true);
  });

  it("ring for hooks when a job comes to a state that may wait for one", async () => {
    const hub = new ChangeHub();
    using bell = hub.bell("hooks:1");
    hub.publish({ kind: "jobs", siteId: 1, states: { JOB_FINISHED: [1] }, truncated: false, at: AT });
    hub.publish({ kind: "batchJob", siteId: 1, id: 1, state: "running", at: AT });
    expect(await bell.rung({ ms: 1, signal: never })).toBe(false);
    hub.publish({ kind: "jobs", siteId: 1, states: { RUN_DONE: [1] }, truncated: false, at: AT });
    expect(await bell.rung({ ms: 60_000, signal: never })).toBe(true);
  });

  it("let go when the caller hangs up, and are taken down for good", async () => {
    const hub = new ChangeHub();
    const bell = hub.bell("runnable:1");
    const hangUp = new AbortController();
    const waiting = bell.rung({ ms: 60_000, signal: hangUp.signal });
    hangUp.abort();
    expect(await waiting).toBe(false);
    bell[Symbol.dispose]();
    hub.wake(1);
    expect(await bell.rung({ ms: 1, signal: never })).toBe(false);
  });

  it("all ring when messages may have been missed", async () => {
    const hub = new ChangeHub();
    using first = hub.bell("runnable:1");
    using second = hub.bell("hooks:9");
    hub.receive({ kind: "missed" });
    expect([await first.rung({ ms: 1, signal: never }), await second.rung({ ms: 1, signal: never })]).toEqual([
      true,
      true,
    ]);
  });
});

describe("the hub", () => {
  it("forwards what was told here, and not what came from elsewhere", () => {
    const hub = new ChangeHub();
    const [heard, forwarded]: [Message[], Message[]] = [[], []];
    const stop = hub.listen((message) => heard.push(message));
    hub.forward = (message) => forwarded.push(message);
    hub.wake(1);
    hub.receive({ kind: "wake", siteId: 2 });
    stop();
    hub.wake(3);
    expect(heard).toEqual([
      { kind: "wake", siteId: 1 },
      { kind: "wake", siteId: 2 },
    ]);
    expect(forwarded).toEqual([
      { kind: "wake", siteId: 1 },
      { kind: "wake", siteId: 3 },
    ]);
  });
});
