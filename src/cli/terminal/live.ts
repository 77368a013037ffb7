import type { Terminal } from "./terminal.ts";
import { clean, cut } from "./text.ts";

/** A line that changes in place on a terminal; elsewhere it is written anew at most every few seconds. */
export interface LiveLine {
  show(text: string): void;
  /** Ends with this text (or the last one shown) left standing. */
  end(text?: string): void;
  /** Ends without a trace on a terminal. */
  clear(): void;
}

const FRAME_MS = 80;
const PLAIN_MS = 5_000;

/** Opens a live line on stderr; with JSON output nothing is shown. */
export function openLiveLine(terminal: Terminal, columns = process.stderr.columns ?? 80): LiveLine {
  let last = "";
  let written = "";
  let writtenAt = Number.NEGATIVE_INFINITY;
  const write = (text: string) => {
    written = text;
    writtenAt = performance.now();
    if (terminal.isLive) terminal.raw(`\r\u001b[2K${cut(clean(text), columns - 1)}`);
    else terminal.note(text);
  };
  return {
    show(text) {
      last = text;
      if (text === written) return;
      if (performance.now() - writtenAt >= (terminal.isLive ? FRAME_MS : PLAIN_MS)) write(text);
    },
    end(text = last) {
      if (text !== written && text !== "") write(text);
      if (terminal.isLive && written !== "") terminal.raw("\n");
    },
    clear() {
      if (terminal.isLive && written !== "") terminal.raw("\r\u001b[2K");
    },
  };
}
