/**
 * Writes the frontend messages of PostgreSQL's protocol, version 3, that Conifer needs.
 * Source: https://www.postgresql.org/docs/15/protocol-message-formats.html
 *
 * A statement becomes one buffer of its own, sized exactly: it is handed to the engine's thread without a copy, and a
 * large parameter is written into it once, straight from its string.
 */
import type { EncodedParameter } from "../values/encode.ts";

/** What a statement with parameters needs to be written. */
export type StatementRequest = {
  readonly sql: string;
  readonly params: readonly EncodedParameter[];
  /** The prepared statement's name, empty for none. */
  readonly name: string;
  /** False when `name` is prepared already. */
  readonly parse: boolean;
};

const CODE = { parse: 0x50, bind: 0x42, describe: 0x44, execute: 0x45, sync: 0x53, query: 0x51 } as const;
const PORTAL = 0x50;

/** Parse (unless prepared), Bind, Describe, Execute, Sync. */
export function writeStatement({ sql, params, name, parse }: StatementRequest): Uint8Array {
  const lengths = params.map(lengthOf);
  const nameBytes = Buffer.byteLength(name) + 1;
  const parseBytes = parse ? 1 + 4 + nameBytes + Buffer.byteLength(sql) + 1 + 2 : 0;
  const formatBytes = 2 + 2 * params.length;
  const valueBytes = lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), 2);
  const bindBytes = 1 + 4 + 1 + nameBytes + formatBytes + valueBytes + 2;
  const message = new MessageWriter(parseBytes + bindBytes + 7 + 10 + 5);

  if (parse) {
    message.start(CODE.parse, parseBytes);
    message.text(name);
    message.text(sql);
    message.int16(0);
  }
  message.start(CODE.bind, bindBytes);
  message.text("");
  message.text(name);
  message.int16(params.length);
  for (const param of params) message.int16(param instanceof Uint8Array ? 1 : 0);
  message.int16(params.length);
  for (const [index, param] of params.entries()) message.value(param, lengths[index] ?? -1);
  message.int16(0);

  message.start(CODE.describe, 7);
  message.byte(PORTAL);
  message.text("");
  message.start(CODE.execute, 10);
  message.text("");
  message.int32(0);
  message.start(CODE.sync, 5);
  return message.bytes;
}

/** Query: one or several statements without parameters. */
export function writeScript(sql: string): Uint8Array {
  const size = 1 + 4 + Buffer.byteLength(sql) + 1;
  const message = new MessageWriter(size);
  message.start(CODE.query, size);
  message.text(sql);
  return message.bytes;
}

function lengthOf(param: EncodedParameter): number {
  if (param === null) return -1;
  return typeof param === "string" ? Buffer.byteLength(param) : param.byteLength;
}

class MessageWriter {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    // Not from Node's pool: the memory changes its thread.
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Begins a message of `size` bytes, its code byte included (which the protocol does not count). */
  start(code: number, size: number): void {
    this.byte(code);
    this.int32(size - 1);
  }

  byte(value: number): void {
    this.#at = this.bytes.writeUInt8(value, this.#at);
  }

  int16(value: number): void {
    this.#at = this.bytes.writeUInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#at = this.bytes.writeInt32BE(value, this.#at);
  }

  text(value: string): void {
    this.#at += this.bytes.write(value, this.#at);
    this.byte(0);
  }

  value(param: EncodedParameter, length: number): void {
    this.int32(length);
    if (typeof param === "string") this.#at += this.bytes.write(param, this.#at);
    else if (param !== null) {
      this.bytes.set(param, this.#at);
      this.#at += param.byteLength;
    }
  }
}
