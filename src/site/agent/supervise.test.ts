import { describe, expect, it } from "vitest";
import { ConiferError } from "../../model/errors.ts";
import { Bell } from "./bell.ts";
import { type AgentModule, repeat } from "./module.ts";
import { Supervisor } from "./supervise.ts";

const POLL = { timeout: 20_000 };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function supervise(module: AgentModule) {
  const stopping = new AbortController();
  const told: string[] = [];
  const supervisor = new Supervisor(module, {
    signal: stopping.signal,
    log,
    firstWaitMs: 5,
    onChange: () => {
      const { state, text, restarts } = supervisor.report;
      told.push(`${state} ${restarts} ${text}`.trim());
    },
  });
  return { supervisor, told, stop: () => stopping.abort(), done: supervisor.run() };
}

describe("a supervised module", () => {
  it("[B12] starts again after an exception, tells how often and why, and ends when it is told to", async () => {
    let runs = 0;
    const { supervisor, stop, done } = supervise({
      name: "clean",
      async run(signal, say) {
        runs += 1;
        if (runs <= 2) throw new Error(`fault ${runs}`);
        if (runs === 3) return;
        say("running", "well");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    });
    await expect.poll(() => supervisor.report.text, POLL).toBe("well");
    expect(supervisor.report).toMatchObject({ state: "running", restarts: 3, lastFault: "it ended" });
    stop();
    await done;
    expect(supervisor.report.state).toBe("off");
    expect(runs).toBe(4);
  });

  it("waits, and is not restarted, while the server is away", async () => {
    let calls = 0;
    const bell = new Bell();
    const { supervisor, told, stop, done } = supervise({
      name: "batch",
      run: (signal, say) =>
        repeat(
          async () => {
            calls += 1;
            if (calls < 3) throw new ConiferError("SERVER_UNREACHABLE", { address: "x", problem: "refused" });
            say("running", "back");
          },
          { signal, say, bell, everySec: () => 3600 },
        ),
    });
    await expect.poll(() => calls, POLL).toBe(1);
    expect(supervisor.report).toMatchObject({ state: "waiting", text: "No answer from the server at x: refused" });
    bell.ring();
    await expect.poll(() => calls, POLL).toBe(2);
    bell.ring();
    await expect.poll(() => supervisor.report.text, POLL).toBe("back");
    expect(told.filter((line) => line.startsWith("restarting"))).toEqual([]);
    stop();
    await done;
  });
});

describe("a bell", () => {
  it("keeps a ring for the next wait, and wakes who waits", async () => {
    const { signal } = new AbortController();
    const bell = new Bell();
    bell.ring();
    await bell.wait(1e6, signal);
    const waiting = bell.wait(1e6, signal);
    bell.ring();
    await waiting;
    await bell.wait(1, signal);
  });
});
