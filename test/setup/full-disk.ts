/** Loaded before a program (`node --import`): while the flag file exists, its disk is full. */
import fs from "node:fs";

const flag = process.env.FULL_DISK_FLAG ?? "";
const { writeSync } = fs;

function failWhenFull(...args: Parameters<typeof writeSync>): number {
  // Standard output and error are no disk.
  if (args[0] > 2 && fs.existsSync(flag)) {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      errno: -28,
      syscall: "write",
    });
  }
  return writeSync(...args);
}

fs.writeSync = failWhenFull as typeof writeSync;
