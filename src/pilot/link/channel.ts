import type { Readable, Writable } from "node:stream";
import { ConiferError, messageOf } from "../../model/errors.ts";

/** One end of a link. */
export interface Channel<Out> {
  /** Queues a message; everything queued in one turn of the event loop goes out in one write. Nothing happens once closed. */
  send(message: Out): void;
  /** Sends what is queued now rather than at the end of the turn. */
  flush(): void;
  /** True while the other end reads slower than this one writes: hold back what can wait until `onDrain`. */
  readonly isCongested: boolean;
  readonly isClosed: boolean;
  /** Ends the link; `onClose` follows when what was queued has gone out. Nothing more is received. */
  close(): void;
  /** Breaks the link at once, with why. */
  abort(why: string): void;
}

export interface ChannelOptions<In> {
  /** A Duplex given twice (a socket), or a pair (a child's stdout and stdin). */
  readonly readable: Readable;
  readonly writable: Writable;
  /** Names the other end in errors, such as `node nid00012`. */
  readonly peer: string;
  /** Returns the message, or throws with what is wrong about it. */
  readonly read: (value: unknown) => In;
  readonly onMessage: (message: In) => void;
  /** Called once: null where either end closed between messages, else what broke (`LINK_BROKEN`). */
  readonly onClose: (error: ConiferError | null) => void;
  readonly onDrain?: () => void;
  /** Longest line accepted, in bytes; default 64 MiB. */
  readonly maxFrameBytes?: number;
}

const newline = 0x0a;

/** Frames JSON messages, one a line, over a pair of byte streams. */
export function openChannel<In, Out>(options: ChannelOptions<In>): Channel<Out> {
  const { readable, writable, peer, maxFrameBytes = 64 * 1024 * 1024 } = options;
  let outgoing = "";
  let flushing: NodeJS.Immediate | null = null;
  let closed = false;
  let finished = false;
  /** The start of a line whose end has not come yet. */
  let partial: Buffer[] = [];
  let partialBytes = 0;

  const finish = (problem: string | null, cause?: unknown): void => {
    if (finished) return;
    finished = true;
    closed = true;
    if (flushing) clearImmediate(flushing);
    outgoing = "";
    partial = [];
    readable.destroy();
    writable.destroy();
    options.onClose(problem === null ? null : new ConiferError("LINK_BROKEN", { peer, problem }, { cause }));
  };

  const flush = (): void => {
    if (flushing) clearImmediate(flushing);
    flushing = null;
    if (outgoing === "") return;
    const text = outgoing;
    outgoing = "";
    writable.write(text);
  };

  const receive = (line: string): void => {
    let message: In;
    try {
      message = options.read(JSON.parse(line));
    } catch (error) {
      finish(`a message that does not read (${messageOf(error)}): ${line.slice(0, 80)}`, error);
      return;
    }
    options.onMessage(message);
  };

  const onData = (chunk: Buffer): void => {
    let from = 0;
    while (!closed) {
      const at = chunk.indexOf(newline, from);
      const pieceBytes = (at < 0 ? chunk.length : at) - from;
      if (partialBytes + pieceBytes > maxFrameBytes) {
        finish(`a message longer than ${maxFrameBytes} bytes`);
        return;
      }
      if (at < 0) {
        if (pieceBytes > 0) partial.push(chunk.subarray(from));
        partialBytes += pieceBytes;
        return;
      }
      const line =
        partialBytes === 0
          ? chunk.toString("utf8", from, at)
          : Buffer.concat([...partial, chunk.subarray(from, at)]).toString("utf8");
      partial = [];
      partialBytes = 0;
      from = at + 1;
      receive(line);
    }
  };

  readable.on("data", onData);
  readable.on("end", () => finish(partialBytes > 0 ? "it closed in the middle of a message" : null));
  readable.on("close", () => finish(closed ? null : "its stream was closed"));
  readable.on("error", (error) => finish(messageOf(error), error));
  writable.on("error", (error) => finish(messageOf(error), error));
  writable.on("close", () => finish(closed ? null : "its stream was closed"));
  writable.on("drain", () => options.onDrain?.());
  // A socket that was greeted before rests until somebody listens.
  readable.resume();

  return {
    send(message) {
      if (closed) return;
      outgoing += `${JSON.stringify(message)}\n`;
      flushing ??= setImmediate(flush);
    },
    flush,
    get isCongested() {
      return writable.writableNeedDrain;
    },
    get isClosed() {
      return closed;
    },
    abort(why) {
      finish(why);
    },
    close() {
      if (closed) return;
      flush();
      closed = true;
      writable.end(() => finish(null));
    },
  };
}
