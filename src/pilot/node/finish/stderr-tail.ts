import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** How much of a failed task's stderr goes into its end: 10 lines and 4 KiB at most. */
const maxLines = 10;
const maxBytes = 4096;

/** The last lines of a file as text that any database takes: whole characters, no NUL. Empty when there is none. */
export function stderrTail(path: string): string {
  let bytes: Buffer;
  try {
    bytes = lastBytes(path);
  } catch {
    // The task may have removed it or put a directory there; its end matters more.
    return "";
  }
  return tailOf(bytes);
}

/** The last lines of these bytes, cut at the front. */
export function tailOf(bytes: Buffer): string {
  const text = bytes.subarray(firstWhole(bytes)).toString("utf8").replaceAll("\0", "\u{fffd}");
  const lines = text.replace(/\s+$/, "").split("\n").slice(-maxLines).join("\n");
  // Each invalid byte became three.
  const encoded = Buffer.from(lines);
  if (encoded.length <= maxBytes) return lines;
  const cut = encoded.subarray(encoded.length - maxBytes);
  return cut.subarray(firstWhole(cut)).toString("utf8");
}

function lastBytes(path: string): Buffer {
  // Not waiting for a writer, should the task have put a FIFO there.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(file);
    const wanted = Math.min(size, maxBytes);
    const bytes = Buffer.allocUnsafe(wanted);
    return bytes.subarray(0, readSync(file, bytes, 0, wanted, size - wanted));
  } finally {
    closeSync(file);
  }
}

/** Where the first whole character starts: at most three continuation bytes can come before it. */
function firstWhole(bytes: Buffer): number {
  let at = 0;
  while (at < 3 && at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}
