/**
 * The function worker: a process that runs functions of users' modules, one call at a time, for the program that
 * started it. It is the leader of its process group, and a thread of it holds a pipe (descriptor 4) from that
 * program: when the pipe closes the whole group is ended, also in the middle of an endless loop.
 */
import { Worker } from "node:worker_threads";
import { messageOf } from "../../model/errors.ts";
import { describeApps } from "./describe-apps.ts";
import type { FromWorker, ToWorker, Work } from "./messages.ts";
import { type Ask, runHook } from "./run-hook.ts";

const LIFELINE = `
const { read } = require("node:fs");
const wait = () => read(4, Buffer.alloc(16), 0, 16, null, (error, bytes) => (!error && bytes > 0 ? wait() : process.kill(-process.pid, "SIGKILL")));
wait();
`;

const send = (message: FromWorker) => void process.send?.(message);
const asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
let current: number | null = null;
let asks = 0;

const ask: Ask = (question) =>
  new Promise((resolve, reject) => {
    asks += 1;
    asked.set(asks, { resolve, reject });
    send({ type: "ask", ask: asks, question });
  });

const work = (call: Work): Promise<unknown> => {
  switch (call.kind) {
    case "hook":
      return runHook(call, ask);
    case "describe":
      return describeApps(call.module);
  }
};

function fail(id: number, error: unknown, leaves = false): void {
  const stack = error instanceof Error && error.stack ? error.stack : String(error);
  send({ type: "ended", id, ok: false, message: messageOf(error), stack, leaves });
}

async function run(id: number, call: Work): Promise<void> {
  current = id;
  try {
    send({ type: "ended", id, ok: true, value: await work(call) });
  } catch (error) {
    fail(id, error);
  }
  current = null;
}

/** An error nobody waits for (a timer, a promise that was not awaited) belongs to the call of the moment; the process is not to be trusted after it. */
function failAndLeave(error: unknown): void {
  console.error(error);
  if (current !== null) fail(current, error, true);
  current = null;
  process.disconnect();
  process.exit(1);
}

new Worker(LIFELINE, { eval: true }).unref();
process.on("uncaughtException", failAndLeave);
process.on("unhandledRejection", failAndLeave);
process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
process.on("message", (message: ToWorker) => {
  if (message.type === "call") void run(message.id, message.work);
  else {
    const waiting = asked.get(message.ask);
    asked.delete(message.ask);
    if (message.error === null) waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.error));
  }
});
send({ type: "ready" });
