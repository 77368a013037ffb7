import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../model/errors.ts";
import { applyEntry, type Entry, emptyOutbox, type Outbox, readOutbox, toEntries } from "./outbox.ts";

/** The outbox of a pilot, written to a file before anything comes of it. */
export interface Journal {
  readonly outbox: Outbox;
  /** Applies an entry; it is written at the end of the turn of the event loop, or by `flush`. */
  add(entry: Entry): void;
  /** Writes what was added, to the system's cache: it survives the end of the pilot, not of the machine. */
  flush(): void;
  close(): void;
}

export interface JournalOptions {
  /** The pilot's own. */
  readonly directory: string;
  /** Told once where the file cannot be written: the pilot goes on without. */
  readonly onProblem: (problem: string) => void;
  /** The file is written anew when it grew by so much. Default 16 MiB. */
  readonly compactBytes?: number;
}

const journalFile = (directory: string): string => join(directory, "journal.ndjson");

/** Opens the journal of a pilot's directory, going on where it ended. */
export function openJournal({ directory, onProblem, compactBytes = 16 * 1024 * 1024 }: JournalOptions): Journal {
  const path = journalFile(directory);
  const outbox = readJournal(directory) ?? emptyOutbox();
  let file: number | null = openSync(path, "a", 0o600);
  let writtenBytes = 0;
  let unwritten = "";
  let planned: NodeJS.Immediate | null = null;

  const compact = (): void => {
    const fresh = `${path}.new`;
    writeFileSync(fresh, toEntries(outbox).map(toLine).join(""), { mode: 0o600 });
    renameSync(fresh, path);
    if (file !== null) closeSync(file);
    file = openSync(path, "a", 0o600);
    writtenBytes = 0;
  };
  const flush = (): void => {
    if (planned) clearImmediate(planned);
    planned = null;
    const text = unwritten;
    unwritten = "";
    if (file === null || text === "") return;
    try {
      writtenBytes += writeSync(file, text);
      if (writtenBytes > compactBytes) compact();
    } catch (error) {
      file = null;
      onProblem(`${path} cannot be written: ${messageOf(error)}`);
    }
  };

  return {
    outbox,
    add(entry) {
      applyEntry(outbox, entry);
      unwritten += toLine(entry);
      planned ??= setImmediate(flush);
    },
    flush,
    close() {
      flush();
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/** The outbox in a pilot's directory, or null where it left no journal. */
export function readJournal(directory: string): Outbox | null {
  try {
    return readOutbox(readFileSync(journalFile(directory), "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

const toLine = (entry: Entry): string => `${JSON.stringify(entry)}\n`;
