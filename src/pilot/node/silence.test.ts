import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { playHub } from "./played-hub.ts";

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("[P22] an agent whose hub says nothing, though the link is open, ends its tasks and itself", async () => {
  await using hub = playHub({ silenceMs: 500, graceSec: 0.2 });
  const task = hub.start({ command: "trap '' TERM; echo $$ > pid; while :; do sleep 1; done" });
  const file = join(task.workdir, "pid");
  await expect
    .poll(() => existsSync(file) && Number(readFileSync(file, "utf8")), { timeout: 20_000 })
    .toBeGreaterThan(0);
  await hub.gone;
  expect(isAlive(Number(readFileSync(file, "utf8")))).toBe(false);
  expect(hub.logs.join("\n")).toMatch(/it said nothing for 0.5 s/);
});

test("an agent that is asked for signs of life goes on", async () => {
  await using hub = playHub({ silenceMs: 500, graceSec: 0.2 });
  const asking = setInterval(() => hub.channel.send({ type: "ping", n: 1 }), 100);
  const end = await hub.run({ command: "sleep 1.5" });
  clearInterval(asking);
  expect(end).toMatchObject({ reason: "exit", exitCode: 0 });
});
