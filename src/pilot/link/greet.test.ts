import { randomBytes } from "node:crypto";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Listener, listen } from "../hub/nodes/listen.ts";
import { connectToHub } from "../node/connect.ts";
import type { AgentNames } from "./greet.ts";
import { type Meeting, readMeeting, writeMeeting } from "./meeting.ts";

const open: (Listener | Socket)[] = [];
afterEach(() => {
  for (const one of open.splice(0)) "port" in one ? one.close() : one.destroy();
});

async function meet({ isEncrypted = false, admit = (_: AgentNames): string | null => null } = {}) {
  const secret = randomBytes(16).toString("hex");
  const came: { socket: Socket; names: AgentNames }[] = [];
  const strangers: string[] = [];
  const onAgent = (socket: Socket, names: AgentNames): void => {
    came.push({ socket, names });
    open.push(socket);
  };
  const onStranger = (_: string, why: string): void => void strangers.push(why);
  const listener = await listen({ bind: "127.0.0.1", secret, isEncrypted, admit, onAgent, onStranger });
  open.push(listener);
  const meeting: Meeting = {
    ...{ addresses: ["127.0.0.1"], port: listener.port, secret, isEncrypted, root: "/r" },
    ...{ graceSec: 1, silenceMs: 1000, environmentFile: null },
  };
  const join = async (part: Partial<Meeting> = {}, names = ["n1"]): Promise<Socket> => {
    const socket = await connectToHub({ ...meeting, ...part }, names, () => {});
    open.push(socket);
    return socket;
  };
  return { meeting, listener, came, strangers, join };
}

for (const isEncrypted of [false, true])
  test(`an agent that knows the secret is let in, and what is said at once arrives, ${isEncrypted ? "encrypted" : "plain"}`, async () => {
    const { came, join } = await meet({ isEncrypted });
    const socket = await join({}, ["n1", "n1.cluster"]);
    socket.write("first words\n");
    await expect.poll(() => came[0]?.names).toEqual(["n1", "n1.cluster"]);
    const heard = new Promise((resolve) => came[0]?.socket.on("data", (chunk) => resolve(chunk.toString())));
    came[0]?.socket.resume();
    expect(await heard).toBe("first words\n");
  });

test("an agent with another secret is not let in, nor does it take the hub for its own", async () => {
  const { meeting, came, strangers } = await meet();
  const socket = connect(meeting.port, "127.0.0.1");
  open.push(socket);
  socket.write(`${JSON.stringify({ nonce: "00", names: ["n1"], proof: "0".repeat(64) })}\n`);
  await expect.poll(() => strangers[0]).toMatch(/proof is not that of an agent/);
  expect(came).toEqual([]);
});

test("whoever speaks something else is a stranger, and the next one is let in", async () => {
  const { meeting, strangers, came, join } = await meet();
  for (const words of ["GET / HTTP/1.1\r\n\r\n", "\u0000\u0001\n", "x".repeat(40_000)]) {
    const socket = connect(meeting.port, "127.0.0.1");
    socket.on("error", () => {});
    open.push(socket);
    socket.write(words);
  }
  await expect.poll(() => strangers.length).toBe(3);
  await join();
  await expect.poll(() => came.length).toBe(1);
});

test("an encrypted hub is not to be reached without the secret's key", async () => {
  const { meeting, strangers, came } = await meet({ isEncrypted: true });
  const socket = connect(meeting.port, "127.0.0.1");
  socket.on("error", () => {});
  open.push(socket);
  socket.write("plain words\n");
  await expect.poll(() => strangers.length).toBe(1);
  expect(came).toEqual([]);
});

test("an agent that is one too many is told why", async () => {
  const { join } = await meet({ admit: ([name]) => `another agent serves ${name}` });
  await expect(join()).rejects.toThrowError("another agent serves n1");
});

test("[P9] an address that does not answer does not keep an agent from the next one", async () => {
  const { came, join } = await meet();
  await join({ addresses: ["127.0.0.2", "no-such-host.invalid", "127.0.0.1"] });
  await expect.poll(() => came.length).toBe(1);
});

test("only its user can read where the hub is", async () => {
  const { meeting } = await meet();
  const file = join(mkdtempSync(join(tmpdir(), "conifer-meeting-")), "nodes.json");
  writeFileSync(file, "{}", { mode: 0o644 });
  writeMeeting(file, meeting);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readMeeting(file)).toEqual(meeting);
});
