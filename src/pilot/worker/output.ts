import { closeSync, constants, openSync } from "node:fs";
import { ConiferError } from "../../model/errors.ts";

/**
 * Sends what this process and the programs it starts write to stdout and stderr to the end of a file. POSIX gives a new
 * file the lowest free descriptor, so closing 1 and opening a file puts it there; Node's own streams write to the
 * descriptor, whatever it is at the time (they were made when it was a file, never a pipe).
 */
export function sendOutputTo(path: string): void {
  for (const descriptor of [1, 2]) {
    closeSync(descriptor);
    const got = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o644);
    if (got !== descriptor) throw new ConiferError("INTERNAL", { problem: `${path} was opened as ${got}` });
  }
}
