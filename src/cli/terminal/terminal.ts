import { type Paint, painted, plain, wantsColour } from "./colour.ts";
import { type Column, formatTable } from "./table.ts";

/** Where a command's answer goes. Answers go to stdout, everything else (hints, questions, progress) to stderr. */
export type Terminal = {
  /** Whether answers are JSON; then nothing else is written to stdout. */
  readonly json: boolean;
  /** Whether a person reads stderr and can be asked on stdin. */
  readonly canAsk: boolean;
  /** Whether progress is shown as a line that changes. */
  readonly isLive: boolean;
  /** Cells of a line of stdout; null = not a terminal. */
  readonly width: number | null;
  readonly paint: Paint;
  readonly paintError: Paint;
  /** Writes lines to stdout; the last is ended where it is not. */
  print(text: string): void;
  /** Writes to stdout as it is, a program's output for instance. */
  copy(text: string): void;
  /** Writes the answer: the value as JSON, or the text made of it. */
  answer<T>(value: T, toText: (value: T) => string): void;
  /** Writes rows: `{items: […], …more}` as JSON, or a table; `empty` is said on stderr where there are none. */
  rows<Row>(rows: readonly Row[], options: RowsOptions<Row>): void;
  /** Writes a line to stderr, for people only. */
  note(text: string): void;
  /** Writes to stderr as it is. */
  raw(text: string): void;
};

export type RowsOptions<Row> = {
  readonly columns: readonly Column<Row>[];
  readonly empty: string;
  readonly more?: Readonly<Record<string, unknown>>;
};

export type Streams = {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
};

/** The terminal over a process's streams. */
export function openTerminal(
  streams: Streams,
  { json, env }: { json: boolean; env: Readonly<Record<string, string | undefined>> },
): Terminal {
  const { stdin, stdout, stderr } = streams;
  const width = stdout.isTTY ? Math.max(20, stdout.columns ?? 80) : null;
  const paint = wantsColour(stdout.isTTY === true, env) ? painted : plain;
  const paintError = wantsColour(stderr.isTTY === true, env) ? painted : plain;
  const print = (text: string) => void stdout.write(text.endsWith("\n") || text === "" ? text : `${text}\n`);
  const note = (text: string) => void (json || stderr.write(`${text}\n`));
  return {
    json,
    canAsk: stdin.isTTY === true && stderr.isTTY === true && !json,
    isLive: stderr.isTTY === true && env.TERM !== "dumb" && !json,
    width,
    paint,
    paintError,
    print,
    note,
    copy: (text) => void stdout.write(text),
    raw: (text) => void stderr.write(text),
    answer: (value, toText) => print(json ? JSON.stringify(value, null, 2) : toText(value)),
    rows(rows, { columns, empty, more = {} }) {
      if (json) print(JSON.stringify({ items: rows, ...more }, null, 2));
      else if (rows.length === 0) note(empty);
      else print(formatTable(columns, rows, { width, paint }));
    },
  };
}
