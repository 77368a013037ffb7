import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeJsonFile } from "../../platform/files/json-file.ts";
import { siteLayout } from "../directory/layout.ts";
import { findAgent, holdsAgentLock, releaseAgentLock, takeAgentLock } from "./lock.ts";

let layout = siteLayout("");
beforeEach(async () => {
  layout = siteLayout(await mkdtemp(join(tmpdir(), "conifer-lock-")));
  await mkdir(layout.run);
});
afterEach(() => rm(layout.directory, { recursive: true }));

describe("the agent's lock", () => {
  it("is held by one, and free again once released", async () => {
    const own = await takeAgentLock(layout);
    expect(await findAgent(layout)).toEqual(own);
    await expect(takeAgentLock(layout)).rejects.toMatchObject({
      code: "ALREADY_RUNNING",
      message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
    });
    await releaseAgentLock(layout, own);
    expect(await findAgent(layout)).toBeNull();
    await takeAgentLock(layout);
    expect(await readdir(layout.run)).toEqual(["agent.json"]);
  });

  it("[B27] is taken from a dead process, also where another one has its number now", async () => {
    const own = await takeAgentLock(layout);
    const dead = { ...own, startTicks: "1" };
    await writeJsonFile(layout.agent, dead);
    expect(await findAgent(layout)).toBeNull();
    const [one, other] = await Promise.allSettled([takeAgentLock(layout), takeAgentLock(layout)]);
    expect([one.status, other.status].sort()).toEqual(["fulfilled", "rejected"]);
    expect(await holdsAgentLock(layout, own)).toBe(true);
    expect(await holdsAgentLock(layout, dead)).toBe(false);
  });

  it("of another host counts while that host writes its report", async () => {
    const own = await takeAgentLock(layout);
    const there = { ...own, host: "login-9" };
    await writeJsonFile(layout.agent, there);
    const now = Date.now();
    await writeJsonFile(layout.report, { at: new Date(now).toISOString() });
    expect(await findAgent(layout, now + 60_000)).toEqual(there);
    expect(await findAgent(layout, now + 180_000)).toBeNull();
    await expect(takeAgentLock(layout)).rejects.toMatchObject({ message: expect.stringContaining("login-9") });
  });
});
