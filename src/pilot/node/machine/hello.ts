import { readFileSync } from "node:fs";
import { hostname, totalmem } from "node:os";
import { type GpuId, linkProtocol, type NodeHello } from "../../link/messages.ts";

/** What an agent says of itself and its machine. */
export function describeMachine(agent: string, cpus: readonly number[], gpus: readonly GpuId[]): NodeHello {
  return {
    type: "hello",
    protocol: linkProtocol,
    hostname: hostname(),
    pid: process.pid,
    agent,
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    cpus,
    gpus,
    memoryBytes: memoryBytes(),
  };
}

/** What the machine has, or less where a control group allows less. */
function memoryBytes(): number {
  const allowed = process.constrainedMemory() ?? 0;
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}
