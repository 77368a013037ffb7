import { open } from "node:fs/promises";

/** The last lines of a text file, at most `bytes` of it; empty where there is none. */
export async function lastLines(path: string, lines: number, bytes = 2048): Promise<string> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return "";
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString("utf8", 0, bytesRead).trimEnd();
    const whole = length < size ? text.slice(text.indexOf("\n") + 1) : text;
    return whole.split("\n").slice(-lines).join("\n");
  } finally {
    await file.close();
  }
}
