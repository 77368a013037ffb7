import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BatchScheduler } from "../../src/platform/schedulers/batch/batch-scheduler.ts";
import type { BatchSettingsInput } from "../../src/platform/schedulers/batch/settings.ts";
import { type BatchKind, openBatchScheduler, schedulerCommands } from "../../src/platform/schedulers/open-scheduler.ts";
import type { AllocationRequest, AllocationStatus } from "../../src/platform/schedulers/scheduler.ts";

/** A played cluster: the scheduler's commands as executables in a directory of their own, its state in another. */
export class PlayedCluster implements Disposable {
  readonly kind: BatchKind;
  readonly directory = mkdtempSync(join(tmpdir(), "conifer-played-"));
  readonly bin = join(this.directory, "bin");
  readonly state = join(this.directory, "state");
  readonly troubles: string[] = [];
  readonly ran: string[][] = [];
  /** Milliseconds that the clock of the opened schedulers is ahead. */
  ahead = 0;

  constructor(kind: BatchKind, config: Readonly<Record<string, unknown>> = {}) {
    this.kind = kind;
    mkdirSync(this.bin);
    mkdirSync(join(this.state, "jobs"), { recursive: true });
    writeFileSync(join(this.state, "config.json"), JSON.stringify(config));
    const player = fileURLToPath(new URL(`played/${kind}.mjs`, import.meta.url));
    for (const program of schedulerCommands(kind)) {
      const file = join(this.bin, program);
      writeFileSync(
        file,
        `#!/bin/sh\nPLAYED_CLUSTER='${this.state}' exec '${process.execPath}' '${player}' ${program} "$@"\n`,
      );
      chmodSync(file, 0o755);
    }
  }

  open(settings: BatchSettingsInput = {}): BatchScheduler {
    return openBatchScheduler(this.kind, {
      owner: "site-a1",
      directory: join(this.directory, "logs"),
      settings: { commandDirectory: this.bin, minIntervalSec: 0, commandLimitSec: 20, ...settings },
      now: () => Date.now() + this.ahead,
      onTrouble: (problem) => this.troubles.push(problem),
      onCommand: ({ argv }) => this.ran.push([...argv]),
    });
  }

  request(key: string, script: string, change: Partial<AllocationRequest> = {}): AllocationRequest {
    const directory = join(this.directory, key);
    mkdirSync(directory, { recursive: true });
    return {
      key,
      name: `test ${key}`,
      command: ["sh", "-c", script],
      environment: { GREETING: "it's\n$HOME" },
      directory: this.directory,
      output: join(directory, "pilot.out"),
      nodes: 1,
      wallTimeMin: 10,
      queue: "",
      project: "",
      options: {},
      ...change,
    };
  }

  read(path: string): string {
    return readFileSync(join(this.directory, path), "utf8");
  }

  /** Sets a flag that steers the played scheduler; null takes it away. */
  steer(flag: "down" | "hang" | "garbage" | "lost" | "requeued" | "lose-answer", text: string | null = ""): void {
    if (text === null) rmSync(join(this.state, flag), { force: true });
    else writeFileSync(join(this.state, flag), text);
  }

  [Symbol.dispose](): void {
    for (const name of readdirSync(join(this.state, "jobs")).filter((file) => file.endsWith(".json"))) {
      const { pid } = JSON.parse(readFileSync(join(this.state, "jobs", name), "utf8")) as { pid: number | null };
      try {
        if (pid !== null) process.kill(-pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    rmSync(this.directory, { recursive: true });
  }
}

/** How an allocation is. */
export async function statusOf(scheduler: BatchScheduler, id: string): Promise<AllocationStatus | undefined> {
  return (await scheduler.status([id])).get(id);
}
