import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { identityOf, isRunning, ownIdentity, statFields } from "./identity.ts";

describe("the identity of a process", () => {
  it("holds while the process runs and no longer when it has ended", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const identity = await identityOf(child.pid ?? 0);
    expect(identity).not.toBeNull();
    if (identity === null) return;
    expect(await isRunning(identity)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await isRunning(identity)).toBe(false);
  });

  it("[B27] does not take another process with the same pid, or one of before a restart, for it", async () => {
    const own = ownIdentity();
    expect(await isRunning(own)).toBe(true);
    expect(await isRunning({ ...own, startTicks: `${Number(own.startTicks) - 1}` })).toBe(false);
    expect(await isRunning({ ...own, bootId: "an earlier one" })).toBe(false);
  });

  it("is read past a command's name with spaces and brackets", () => {
    expect(statFields("12 (a) b (c)) S 1 2 3").slice(0, 2)).toEqual(["S", "1"]);
  });
});
