/**
 * PGlite as Conifer runs it, inside the worker thread: durable, checkpointed, and ended at the first fault.
 *
 * Three things that PGlite leaves open are closed here.
 * - It starts with `-F` (fsync off). That is taken out, and every start proves with one commit that its log was synced.
 * - In single-user mode PostgreSQL never checkpoints by itself: the log would grow without end, and recovery with it.
 * - A PANIC (a full disk under the log, a failed fsync) ends in `abort()`, whose exception PGlite swallows; it then loops
 *   for ever in a half-dead engine. Any exception that is not an ordinary SQL error is a fault: nothing runs after it, and
 *   the thread ends. A fresh thread recovers from the log, as PostgreSQL does after a crash.
 */
import { PGlite } from "@electric-sql/pglite";
import { DurableFiles, type FileCounts } from "./durable-files.ts";
import { writeScript } from "./requests.ts";

/** How to start the engine. */
export type EngineSettings = {
  /** The cluster's directory, made by `createCluster`. */
  readonly directory: string;
  /** False leaves out fsync: commits survive the end of the process, not of the machine. */
  readonly durable: boolean;
};

/** Receives an answer in pieces. */
export type PieceListener = (piece: Uint8Array, isLast: boolean) => void;

/** The engine ended; it must not be used again. */
export class EngineFault extends Error {
  override readonly name = "EngineFault";
}

/** How much log may be written before a checkpoint: it bounds the log's size and the time that recovery takes. */
const CHECKPOINT_WAL_BYTES = 128 * 2 ** 20;
const PIECE_BYTES = 256 * 1024;
const STDERR_LINES = 20;
/** What PGlite throws to leave a statement that failed; keep in step with POSTGRES_MAIN_LONGJMP in its source. */
const ORDINARY_ERROR_STATUS = 100;

const SETTINGS = {
  wal_sync_method: "fsync",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_wal_size: "256MB",
  work_mem: "16MB",
  random_page_cost: "1.1",
  // ANALYZE runs on the one connection, too: half the sample of the default in half the time.
  default_statistics_target: "50",
  log_min_messages: "log",
  log_min_error_statement: "panic",
} as const;

type Guarded = Pick<
  PGlite["Module"],
  "_PostgresMainLoopOnce" | "_PostgresSendReadyForQueryIfNecessary" | "_pgl_pq_flush" | "stackRestore"
>;

/** One running engine. */
export class Engine {
  readonly #files: DurableFiles;
  readonly #pg: PGlite;
  readonly #faults: FaultWatch;
  readonly #scratch = new Uint8Array(PIECE_BYTES);
  #walBytesAtCheckpoint = 0;

  private constructor(pg: PGlite, files: DurableFiles, faults: FaultWatch) {
    this.#pg = pg;
    this.#files = files;
    this.#faults = faults;
  }

  /** Opens a cluster, recovers it if need be, and proves that it syncs. */
  static async start({ directory, durable }: EngineSettings): Promise<Engine> {
    const faults = new FaultWatch();
    const files = new DurableFiles(directory, { durable, onEnd: (how, cause) => faults.ended(how, cause) });
    const startParams = startParameters(durable);
    try {
      const pg = await PGlite.create({ fs: files, startParams, onStderr: (line) => faults.hear(line) });
      faults.guard(pg.Module);
      if (durable) await proveSync(pg, files.counts);
      return new Engine(pg, files, faults);
    } catch (error) {
      throw faults.faultFrom(error);
    }
  }

  get counts(): FileCounts {
    return this.#files.counts;
  }

  /** From here on commits are not durable before `syncLog`: until then no answer may leave the thread. */
  deferLogSync(): void {
    this.#files.deferLogSync();
  }

  /** Makes every commit so far durable, with one sync. Throws EngineFault when that fails. */
  syncLog(): void {
    try {
      this.#files.syncLog();
    } catch (error) {
      throw this.#faults.faultFrom(error);
    }
  }

  /** Runs one message of the protocol to its end. Throws EngineFault when the engine is gone; SQL errors are answers. */
  async run(message: Uint8Array, onPiece: PieceListener): Promise<void> {
    const scratch = this.#scratch;
    let used = 0;
    const onRawData = (bytes: Uint8Array): void => {
      if (used + bytes.length > scratch.length) {
        if (used > 0) onPiece(scratch.slice(0, used), false);
        used = 0;
      }
      if (bytes.length > scratch.length) onPiece(bytes.slice(), false);
      else {
        scratch.set(bytes, used);
        used += bytes.length;
      }
    };
    try {
      await this.#pg.execProtocolRawStream(message, { syncToFs: false, onRawData });
      this.#faults.check();
    } catch (error) {
      throw this.#faults.faultFrom(error);
    }
    onPiece(scratch.slice(0, used), true);
  }

  /** Checkpoints when much log was written since the last time; call it between statements. */
  async checkpointIfDue(): Promise<void> {
    const { walBytes } = this.counts;
    if (walBytes - this.#walBytesAtCheckpoint < CHECKPOINT_WAL_BYTES || this.#pg.isInTransaction()) return;
    await this.run(writeScript("CHECKPOINT"), () => {});
    this.#walBytesAtCheckpoint = this.counts.walBytes;
  }

  /** Shuts the engine down in order. */
  async close(): Promise<void> {
    await this.#pg.close();
  }
}

/** Remembers that and why an engine ended. */
class FaultWatch {
  readonly #stderr: string[] = [];
  #fault: unknown;

  /** Keeps the engine's last log lines; false keeps PGlite from printing them. */
  hear(line: string): boolean {
    this.#stderr.push(line);
    if (this.#stderr.length > STDERR_LINES) this.#stderr.shift();
    return false;
  }

  ended(how: string, cause?: unknown): void {
    this.#fault ??= new Error(`the engine ended: ${how}`, { cause });
  }

  check(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Says why, preferring PostgreSQL's own last words over the exception that came of them. */
  faultFrom(error: unknown): EngineFault {
    const words = this.#stderr.findLast((line) => /\b(PANIC|FATAL):/.test(line));
    const message =
      words?.replace(/^.*?\b(PANIC|FATAL):\s*/, "") ?? (error instanceof Error ? error.message : String(error));
    return new EngineFault(message, { cause: error });
  }

  /** Makes an exception that is no SQL error come out of PGlite's loop at once, and keeps it out of the engine from then on. */
  guard(module: Guarded): void {
    const { _PostgresMainLoopOnce: runOnce, stackRestore } = module;
    module._PostgresMainLoopOnce = () => {
      this.check();
      try {
        runOnce();
      } catch (error) {
        if (!isOrdinaryError(error)) this.#fault ??= error;
        throw error;
      }
    };
    module.stackRestore = (pointer) => {
      this.check();
      return stackRestore(pointer);
    };
    for (const name of ["_PostgresSendReadyForQueryIfNecessary", "_pgl_pq_flush"] as const) {
      const call = module[name];
      module[name] = () => {
        if (this.#fault === undefined) call();
      };
    }
  }
}

function isOrdinaryError(error: unknown): boolean {
  return typeof error === "object" && error !== null && "status" in error && error.status === ORDINARY_ERROR_STATUS;
}

function startParameters(durable: boolean): string[] {
  const shipped = PGlite.defaultStartParams.filter((parameter) => parameter !== "-F");
  const settings = Object.entries({ fsync: durable ? "on" : "off", ...SETTINGS });
  return [...shipped, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** Commits something and checks that the log was synced for it: a PGlite that works differently inside must not go unnoticed. */
export async function proveSync(pg: PGlite, counts: FileCounts): Promise<void> {
  const wanted = { fsync: "on", wal_sync_method: "fsync", synchronous_commit: "on", full_page_writes: "on" };
  for (const [name, value] of Object.entries(wanted)) {
    const { rows } = await pg.query<Record<string, string>>(`SHOW ${name}`);
    if (rows[0]?.[name] !== value) throw new Error(`PGlite runs with ${name} = ${rows[0]?.[name]} instead of ${value}`);
  }
  const syncsBefore = counts.walSyncs;
  await pg.query("SELECT pg_logical_emit_message(true, 'conifer', 'does a commit reach the disk?')");
  if (counts.walSyncs === syncsBefore) {
    throw new Error("a commit of this PGlite does not reach fsync; Conifer does not trust it with its database");
  }
}
