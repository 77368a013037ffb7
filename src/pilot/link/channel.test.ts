import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { ConiferError } from "../../model/errors.ts";
import { type Channel, openChannel } from "./channel.ts";
import { readHubMessage, readNodeMessage } from "./read-message.ts";

function receiver(options: { maxFrameBytes?: number } = {}) {
  const readable = new PassThrough();
  const messages: unknown[] = [];
  const closings: (ConiferError | null)[] = [];
  openChannel<unknown, unknown>({
    readable,
    writable: new PassThrough(),
    peer: "node a",
    read: (value) => value,
    onMessage: (message) => messages.push(message),
    onClose: (error) => closings.push(error),
    ...options,
  });
  return { readable, messages, closings };
}

test("messages cut at any byte arrive whole and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { minLength: 1, maxLength: 8 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      async (sent, sizes) => {
        const { readable, messages, closings } = receiver();
        const bytes = Buffer.from(sent.map((message) => `${JSON.stringify(message)}\n`).join(""));
        for (let from = 0; from < bytes.length; ) {
          const size = sizes.next().value ?? 1;
          readable.write(bytes.subarray(from, from + size));
          from += size;
        }
        readable.end();
        await vi.waitFor(() => expect(closings).toEqual([null]));
        expect(messages).toEqual(JSON.parse(JSON.stringify(sent)));
      },
    ),
    { numRuns: 50 },
  );
});

test("everything sent in one turn leaves in one write", async () => {
  const writes: string[] = [];
  const writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString());
      done();
    },
  });
  const channel: Channel<number> = openChannel({
    readable: new PassThrough(),
    writable,
    peer: "node a",
    read: (value) => value,
    onMessage: () => {},
    onClose: () => {},
  });
  channel.send(1);
  channel.send(2);
  expect(writes).toEqual([]);
  await vi.waitFor(() => expect(writes).toEqual(["1\n2\n"]));
});

test("a line that is not JSON closes the link once, with the peer and the line in the error", async () => {
  const { readable, messages, closings } = receiver();
  readable.write('{"a":1}\n{"b":\n{"c":3}\n');
  await vi.waitFor(() => expect(closings).toHaveLength(1));
  expect(closings[0]?.message).toMatch(/node a.*does not read.*\{"b":/);
  expect(messages).toEqual([{ a: 1 }]);
});

test("a line over the limit closes the link, whether or not its end has come", async () => {
  for (const text of ["x".repeat(101), `${"x".repeat(101)}\n`]) {
    const { readable, closings } = receiver({ maxFrameBytes: 100 });
    readable.write(text);
    await vi.waitFor(() => expect(closings[0]?.message).toMatch(/longer than 100 bytes/));
  }
});

test("an end between messages is in order, an end within one is an error", async () => {
  const whole = receiver();
  whole.readable.end("1\n");
  await vi.waitFor(() => expect(whole.closings).toEqual([null]));
  const cut = receiver();
  cut.readable.end("1\n{");
  await vi.waitFor(() => expect(cut.closings[0]?.message).toMatch(/middle of a message/));
});

test("over a socket, what was sent before closing arrives and both ends hear of the close once", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const there = connectSocket(address.port, "127.0.0.1");
  const [here] = (await once(server, "connection")) as [Socket];
  const got: unknown[] = [];
  const closings: string[] = [];
  const options = { peer: "p", read: (value: unknown) => value, onMessage: (message: unknown) => got.push(message) };
  const a = openChannel<unknown, number>({
    ...options,
    readable: here,
    writable: here,
    onClose: (e) => closings.push(`a ${e}`),
  });
  openChannel({ ...options, readable: there, writable: there, onClose: (e) => closings.push(`b ${e}`) });
  for (let i = 0; i < 1000; i++) a.send(i);
  a.close();
  a.send(-1);
  await vi.waitFor(() => expect(closings.sort()).toEqual(["a null", "b null"]));
  expect(got).toHaveLength(1000);
  server.close();
});

test("a full stream reads as congested until it drains", async () => {
  let release: (() => void) | undefined;
  const writable = new Writable({
    highWaterMark: 10,
    write(_chunk, _encoding, done) {
      release = done;
    },
  });
  const drained = vi.fn();
  const channel = openChannel<unknown, string>({
    readable: new PassThrough(),
    writable,
    peer: "p",
    read: (value) => value,
    onMessage: () => {},
    onClose: () => {},
    onDrain: drained,
  });
  expect(channel.isCongested).toBe(false);
  channel.send("a long enough text");
  await vi.waitFor(() => expect(channel.isCongested).toBe(true));
  release?.();
  await vi.waitFor(() => expect(drained).toHaveBeenCalledOnce());
  expect(channel.isCongested).toBe(false);
});

test("a message of an unknown type or without its tasks is refused with the reason", () => {
  expect(() => readHubMessage({ type: "stop" })).toThrow(/unknown type "stop"/);
  expect(() => readHubMessage(null)).toThrow(/not an object/);
  expect(() => readHubMessage({ type: "start", tasks: {} })).toThrow(/tasks is not a list/);
  expect(() => readHubMessage({ type: "end", tasks: [{}] })).toThrow(/without its task/);
  expect(() => readNodeMessage({ type: "hello", protocol: 1 })).toThrow(/pid is not a number/);
  expect(readNodeMessage({ type: "pong", n: 3 })).toEqual({ type: "pong", n: 3 });
});
