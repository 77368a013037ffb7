/**
 * Reads the backend messages of PostgreSQL's protocol, version 3, into a result.
 * Source: https://www.postgresql.org/docs/15/protocol-message-formats.html
 *
 * The engine's thread sends an answer in pieces; each is read when it arrives, so a million rows never hold up the event
 * loop for longer than one piece takes.
 */
import type { ServerFailure } from "../failures.ts";
import type { Column, UserTypes } from "../values/columns.ts";
import type { Decoder } from "../values/decode.ts";

/** A notification among the messages of an answer. */
export type Notification = { readonly channel: string; readonly payload: string };

const KIND = {
  parseComplete: 0x31,
  rowDescription: 0x54,
  dataRow: 0x44,
  commandComplete: 0x43,
  error: 0x45,
  notification: 0x41,
  readyForQuery: 0x5a,
} as const;

const HEADER_BYTES = 5;

/** Collects one answer from its pieces. */
export class AnswerReader {
  readonly rows: Record<string, unknown>[] = [];
  readonly notifications: Notification[] = [];
  columns: readonly Column[] = [];
  rowCount = 0;
  /** The last command tag, such as `INSERT 0 5` or `ROLLBACK`. */
  tag = "";
  /** Whether the server understood the statement and prepared it. */
  isParsed = false;
  /** The first failure of the answer. */
  failure: ServerFailure | undefined;
  /** The first value that could not be decoded. */
  undecodable: unknown;
  /** `I` idle, `T` in a transaction, `E` in a failed transaction; empty until the answer is whole. */
  status = "";
  #decoders: (Decoder | undefined)[] = [];
  /** Pieces of a message that is not whole yet, and how many bytes it wants. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #wantedBytes = HEADER_BYTES;

  readonly #types: UserTypes;

  constructor(types: UserTypes) {
    this.#types = types;
  }

  /** Reads a piece; a message cut off at its end waits for the next one. */
  push(piece: Uint8Array): void {
    this.#waiting.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    this.#waitingBytes += piece.byteLength;
    // A value of many megabytes comes in many pieces: they are joined once, when all are there.
    if (this.#waitingBytes < this.#wantedBytes) return;
    const [first, ...more] = this.#waiting;
    if (first === undefined) return;
    const rest = this.#readAll(more.length === 0 ? first : Buffer.concat(this.#waiting));
    this.#waiting = rest.length > 0 ? [rest] : [];
    this.#waitingBytes = rest.length;
    this.#wantedBytes = rest.length >= HEADER_BYTES ? 1 + rest.readInt32BE(1) : HEADER_BYTES;
  }

  /** Reads the whole messages in `bytes` and returns what is left. */
  #readAll(bytes: Buffer): Buffer {
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + 1 + bytes.readInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#read(bytes.readUInt8(at), bytes, at + HEADER_BYTES, end);
      at = end;
    }
    return bytes.subarray(at);
  }

  #read(kind: number, bytes: Buffer, start: number, end: number): void {
    switch (kind) {
      case KIND.dataRow:
        this.#readRow(bytes, start);
        break;
      case KIND.rowDescription:
        this.#readColumns(bytes, start);
        break;
      case KIND.commandComplete:
        this.tag = bytes.toString("latin1", start, end - 1);
        this.rowCount = countIn(this.tag);
        break;
      case KIND.parseComplete:
        this.isParsed = true;
        break;
      case KIND.error:
        this.failure ??= readFailure(bytes, start, end);
        break;
      case KIND.notification:
        this.notifications.push(readNotification(bytes, start + 4));
        break;
      case KIND.readyForQuery:
        this.status = bytes.toString("latin1", start, end);
        break;
      default:
        // Bind complete, notices, parameter changes: nothing to keep.
        break;
    }
  }

  #readColumns(bytes: Buffer, start: number): void {
    const columns: Column[] = [];
    let at = start + 2;
    for (let count = bytes.readUInt16BE(start); count > 0; count -= 1) {
      const nameEnd = bytes.indexOf(0, at);
      columns.push({ name: bytes.toString("utf8", at, nameEnd), typeOid: bytes.readUInt32BE(nameEnd + 7) });
      at = nameEnd + 19;
    }
    this.columns = columns;
    this.#decoders = columns.map(({ typeOid }) => this.#types.decoder(typeOid));
  }

  #readRow(bytes: Buffer, start: number): void {
    const row: Record<string, unknown> = {};
    let at = start + 2;
    for (const [index, { name }] of this.columns.entries()) {
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length < 0) {
        row[name] = null;
        continue;
      }
      const text = bytes.toString("utf8", at, at + length);
      row[name] = this.#decode(text, this.#decoders[index]);
      at += length;
    }
    this.rows.push(row);
  }

  #decode(text: string, decoder: Decoder | undefined): unknown {
    if (decoder === undefined) return text;
    try {
      return decoder(text);
    } catch (error) {
      this.undecodable ??= error;
      return undefined;
    }
  }
}

/** `INSERT 0 5` to 5, `CREATE TABLE` to 0. */
function countIn(tag: string): number {
  const count = Number(tag.slice(tag.lastIndexOf(" ") + 1));
  return Number.isInteger(count) ? count : 0;
}

function readNotification(bytes: Buffer, start: number): Notification {
  const channelEnd = bytes.indexOf(0, start);
  const payloadEnd = bytes.indexOf(0, channelEnd + 1);
  return {
    channel: bytes.toString("utf8", start, channelEnd),
    payload: bytes.toString("utf8", channelEnd + 1, payloadEnd),
  };
}

function readFailure(bytes: Buffer, start: number, end: number): ServerFailure {
  const fields = new Map<string, string>();
  let at = start;
  while (at < end - 1) {
    const valueEnd = bytes.indexOf(0, at + 1);
    fields.set(bytes.toString("latin1", at, at + 1), bytes.toString("utf8", at + 1, valueEnd));
    at = valueEnd + 1;
  }
  return {
    sqlState: fields.get("C") ?? "XX000",
    message: fields.get("M") ?? "no message",
    detail: fields.get("D"),
    hint: fields.get("H"),
    table: fields.get("t"),
    column: fields.get("c"),
    constraint: fields.get("n"),
  };
}
