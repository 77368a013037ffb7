/**
 * How a hub and a node agent make sure of each other over a network, before the first message of the link. Both know a secret from a file
 * that only their user can read; neither sends it. Each proves that it knows it by a keyed hash over both ends' nonces, so
 * that what was listened to is of no use again:
 *
 *   hub    {"conifer":1,"nonce":H}
 *   agent  {"nonce":A,"names":[…],"proof":mac("agent",H,A,names)}
 *   hub    {"proof":mac("hub",A,H)}  or  {"refused":"why"}
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { linkProtocol } from "./messages.ts";

/** Under which names an agent's host may be listed, the likeliest first. */
export type AgentNames = readonly string[];

/** What the hub makes of a proven agent: null lets it in, a text is why not. */
type Admit = (names: AgentNames) => string | null;

const greetWithinMs = 20_000;
const longestLine = 16 * 1024;

/** The hub's part. Answers who came in; throws with why nobody did. */
export async function greetAgent(stream: Duplex, secret: string, admit: Admit): Promise<AgentNames> {
  return withinTime(stream, async () => {
    const nonce = randomBytes(32).toString("hex");
    say(stream, { conifer: linkProtocol, nonce });
    const answer = await hear(stream);
    const names = Array.isArray(answer.names) ? answer.names.filter((name) => typeof name === "string") : [];
    const theirs = typeof answer.nonce === "string" ? answer.nonce : "";
    if (!isSame(answer.proof, mac(secret, ["agent", nonce, theirs, ...names])))
      throw new Error("its proof is not that of an agent of this pilot");
    const refused = admit(names);
    if (refused !== null) {
      say(stream, { refused });
      stream.end();
      throw new Error(refused);
    }
    say(stream, { proof: mac(secret, ["hub", theirs, nonce]) });
    return names;
  });
}

/** The hub said no: another agent serves this host, or it is none of the pilot's. */
export class Refused extends Error {}

/** The agent's part. Throws Refused, or with what is wrong about the hub. */
export async function greetHub(stream: Duplex, secret: string, names: AgentNames): Promise<void> {
  return withinTime(stream, async () => {
    const hello = await hear(stream);
    if (hello.conifer !== linkProtocol || typeof hello.nonce !== "string")
      throw new Error(`it speaks version ${String(hello.conifer)} of the protocol, this agent ${linkProtocol}`);
    const nonce = randomBytes(32).toString("hex");
    say(stream, { nonce, names, proof: mac(secret, ["agent", hello.nonce, nonce, ...names]) });
    const answer = await hear(stream);
    if (typeof answer.refused === "string") throw new Refused(answer.refused);
    if (!isSame(answer.proof, mac(secret, ["hub", nonce, hello.nonce])))
      throw new Error("its proof is not that of the pilot");
  });
}

async function withinTime<Result>(stream: Duplex, act: () => Promise<Result>): Promise<Result> {
  const late = setTimeout(() => stream.destroy(new Error("the greeting took too long")), greetWithinMs);
  try {
    return await act();
  } finally {
    clearTimeout(late);
  }
}

function mac(secret: string, words: readonly string[]): string {
  return createHmac("sha256", secret).update(JSON.stringify(words)).digest("hex");
}

function isSame(got: unknown, expected: string): boolean {
  return (
    typeof got === "string" &&
    got.length === expected.length &&
    timingSafeEqual(Buffer.from(got), Buffer.from(expected))
  );
}

function say(stream: Duplex, words: object): void {
  stream.write(`${JSON.stringify(words)}\n`);
}

/** Reads one line and leaves what comes behind it in the stream. */
function hear(stream: Duplex): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0);
    const stop = (): void => {
      stream.off("data", onData).off("error", onError).off("close", onClose).off("end", onClose);
      stream.pause();
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    const onClose = (): void => onError(new Error("it closed the connection"));
    const onData = (chunk: Buffer): void => {
      heard = Buffer.concat([heard, chunk]);
      const end = heard.indexOf(0x0a);
      if (end < 0 && heard.length < longestLine) return;
      stop();
      if (end < heard.length - 1 && end >= 0) stream.unshift(heard.subarray(end + 1));
      try {
        const words: unknown = JSON.parse(heard.toString("utf8", 0, Math.max(end, 0)));
        if (typeof words !== "object" || words === null) throw new Error("no object");
        resolve({ ...words });
      } catch {
        reject(new Error(`it said ${JSON.stringify(heard.toString("latin1", 0, 80))}`));
      }
    };
    stream.on("data", onData).on("error", onError).on("close", onClose).on("end", onClose);
    stream.resume();
  });
}
