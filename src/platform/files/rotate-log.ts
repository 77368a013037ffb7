import { rename } from "node:fs/promises";

/** Moves a log aside as `<file>.1`, older ones to `.2` and so on, keeping this many; a log that is not there is nothing to move. */
export async function rotateLog(file: string, kept: number): Promise<void> {
  for (let age = kept; age > 0; age -= 1)
    await rename(age === 1 ? file : `${file}.${age - 1}`, `${file}.${age}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
}
