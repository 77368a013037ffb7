import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserTypes } from "../values/columns.ts";
import { AnswerReader } from "./answers.ts";

function message(kind: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.alloc(5);
  head.write(kind, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const column = (name: string, typeOid: number): Buffer =>
  Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(typeOid), Buffer.alloc(8)]);
const row = (...values: (string | null)[]): Buffer => {
  const cells = values.map((value) =>
    value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
  );
  return message("D", int16(values.length), ...cells);
};

/** Two rows, one of them wide, a notification and the end. */
const answer = Buffer.concat([
  message("1"),
  message("T", int16(2), column("größe", 20), column("text", 25)),
  row("42", "ü".repeat(300)),
  row(null, ""),
  message("C", "SELECT 2"),
  message("A", int32(7), "jobs", "changed"),
  message("Z", Buffer.from("T")),
]);

const failure = Buffer.concat([
  message("E", "SERROR", "C23505", "Mduplicate key", "nt_key", Buffer.from("\0")),
  message("E", "SERROR", "C25P02", "Maborted", Buffer.from("\0")),
  message("Z", Buffer.from("E")),
]);

function read(bytes: Buffer, cuts: readonly number[] = []): AnswerReader {
  const reader = new AnswerReader(new UserTypes());
  const ends = [...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  let at = 0;
  for (const end of ends) {
    reader.push(new Uint8Array(bytes.subarray(at, end)));
    at = end;
  }
  return reader;
}

describe("an answer of the engine", () => {
  it("is read into rows, counts, notifications and the state of the transaction", () => {
    const { rows, rowCount, tag, notifications, status, isParsed, failure: none } = read(answer);
    expect(rows).toEqual([
      { größe: 42, text: "ü".repeat(300) },
      { größe: null, text: "" },
    ]);
    expect({ rowCount, tag, status, isParsed, none }).toEqual({
      rowCount: 2,
      tag: "SELECT 2",
      status: "T",
      isParsed: true,
      none: undefined,
    });
    expect(notifications).toEqual([{ channel: "jobs", payload: "changed" }]);
  });

  it("is the same however it is cut into pieces", () => {
    const whole = read(answer);
    const sameInPieces = (cuts: number[]): void => {
      const { rows, notifications, status, tag } = read(answer, cuts);
      expect({ rows, notifications, status, tag }).toEqual({
        rows: whole.rows,
        notifications: whole.notifications,
        status: "T",
        tag: "SELECT 2",
      });
    };
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 30 }), sameInPieces));
  });

  it("keeps the first of several failures, with what was violated", () => {
    const { failure: first, status, isParsed } = read(failure);
    expect(first).toMatchObject({ sqlState: "23505", message: "duplicate key", constraint: "t_key" });
    expect({ status, isParsed }).toEqual({ status: "E", isParsed: false });
  });
});
