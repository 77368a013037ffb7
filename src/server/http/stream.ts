/** Server-Sent Events over a reply: framing, keep-alive, and an end for callers that do not read. */
import type { ServerResponse } from "node:http";
import type { EventStream } from "./context.ts";

/** A comment this often keeps proxies and clients sure that the stream lives. */
const KEEP_ALIVE_MS = 15_000;
/** A caller that lets this much pile up is cut off; it reconnects and resyncs. */
const MOST_BUFFERED_BYTES = 4 * 1024 * 1024;

/** An event stream over a raw response; its header is sent with the first event or at `open`. */
export function openEventStream(response: ServerResponse, signal: AbortSignal): EventStream {
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.write(": open\n\n");
  };
  const keepAlive = setInterval(() => response.headersSent && response.write(": alive\n\n"), KEEP_ALIVE_MS);
  keepAlive.unref();
  signal.addEventListener("abort", () => clearInterval(keepAlive), { once: true });
  return {
    signal,
    open,
    send(event, data) {
      if (signal.aborted || response.destroyed) return;
      open();
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      if (response.writableLength > MOST_BUFFERED_BYTES) response.destroy();
    },
  };
}
