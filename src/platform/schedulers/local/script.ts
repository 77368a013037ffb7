import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Allocation } from "./allocation-file.ts";

/** In the environment of every process of an allocation, as SLURM_JOB_ID is under Slurm: what is left over is found by it. */
export const MARKER = "LOCAL_SCHEDULER_JOB";

/**
 * The batch script. It outlives the scheduler that started it, hands SIGTERM on, and leaves the exit code in a file, so
 * that a scheduler started later still learns how the allocation ended. (`wait` returns early at a trapped signal; a
 * second one gives the exit code, or 127 where the first one had it.)
 */
const SCRIPT = `
files=$1; shift
echo "$$" > "$files.pid"
signalled= child=
trap 'signalled=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
"$@" & child=$!
[ -z "$signalled" ] || kill -TERM "$child" 2>/dev/null
wait "$child"; code=$?
while [ -n "$signalled" ]; do
  signalled=
  wait "$child"; again=$?
  [ "$again" = 127 ] || code=$again
done
echo "$code" > "$files.part" && mv "$files.part" "$files.exit"
`;

/** Starts an allocation's script as the leader of a session of its own; resolves when it runs, rejects where it cannot. */
export async function startScript(directory: string, allocation: Allocation): Promise<ChildProcess> {
  const { request, id, marker } = allocation;
  const output = openSync(request.output, "a", 0o600);
  try {
    const child = spawn("sh", ["-c", SCRIPT, "allocation", join(directory, id), ...request.command], {
      cwd: request.directory,
      env: { ...process.env, ...request.environment, [MARKER]: marker },
      detached: true,
      stdio: ["ignore", output, output],
    });
    await once(child, "spawn");
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}
