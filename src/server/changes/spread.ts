import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Change } from "../../client/wire/operations.ts";
import type { JobState } from "../../model/states.ts";
import type { Database } from "../database/index.ts";
import type { ChangeHub, Message } from "./hub.ts";

const CHANNEL = "conifer";
/** PostgreSQL takes 7,999 bytes; ids and states are ASCII, so characters are bytes. */
const MOST_CHARACTERS = 7_900;
/** Messages wait this long for company: a notification costs the server more than what it says. */
const GATHER_MS = 2;

/**
 * Joins the hubs of all API processes on one PostgreSQL by NOTIFY. PGlite has no second process, so nothing is done there.
 * What cannot be sent is lost: everybody who waits looks again by themselves from time to time.
 */
export async function joinProcesses(hub: ChangeHub, db: Database, log: Logger): Promise<AsyncDisposable> {
  if (db.engine !== "postgres") return { [Symbol.asyncDispose]: async () => {} };
  const origin = randomUUID();
  let waiting: string[] = [];
  const send = (): void => {
    const payloads = pack(origin, waiting);
    waiting = [];
    for (const payload of payloads)
      db.notify(CHANNEL, payload).catch((error: unknown) => log.warn({ err: error }, "other processes were not told"));
  };
  const listening = await db.listen(CHANNEL, (payload) => {
    if (payload === "") return hub.receive({ kind: "missed" });
    const [from, ...messages] = JSON.parse(payload) as [string, ...Message[]];
    if (from !== origin) for (const message of messages) hub.receive(message);
  });
  hub.forward = (message) => {
    const text = JSON.stringify(shorten(message));
    if (waiting.length === 0) setTimeout(send, GATHER_MS);
    if (!waiting.includes(text)) waiting.push(text);
  };
  return {
    [Symbol.asyncDispose]: async () => {
      hub.forward = null;
      await listening[Symbol.asyncDispose]();
    },
  };
}

/** As few payloads as their size allows. */
export function pack(origin: string, messages: readonly string[]): string[] {
  const head = `[${JSON.stringify(origin)}`;
  const payloads: string[] = [];
  let payload = head;
  for (const message of messages) {
    if (payload.length + message.length + 2 > MOST_CHARACTERS && payload !== head) {
      payloads.push(`${payload}]`);
      payload = head;
    }
    payload += `,${message}`;
  }
  if (payload !== head) payloads.push(`${payload}]`);
  return payloads;
}

/** Ids beyond this many do not fit a payload (15 digits and a comma each, and a name for each of 15 states). */
const MOST_IDS = 450;

/** A message that fits a payload. */
export function shorten(message: Message): Message {
  if (message.kind !== "change" || message.change.kind !== "jobs") return message;
  const { change } = message;
  let left = MOST_IDS;
  const states: Partial<Record<JobState, number[]>> = {};
  let truncated = change.truncated;
  for (const [state, ids] of Object.entries(change.states) as [JobState, number[]][]) {
    states[state] = ids.slice(0, left);
    truncated ||= ids.length > left;
    left -= states[state].length;
  }
  return { kind: "change", change: { ...change, states, truncated } satisfies Change };
}
